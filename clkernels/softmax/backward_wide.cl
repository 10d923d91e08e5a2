// backward_wide: gradient of softmax or log_softmax along contiguous rows, from its result y, for
// devices that run one work-item per group.
//   dx = y * (dy - sum(y * dy)),   or   dx = dy - exp(y) * sum(dy)
//
// Layout   y, dy, dx: [rows, COLS] contiguous; dx may be y or dy.
// Method   a group does rows_each rows: the sum, then the result, in vectors.
// Cost     4 reads and 1 write per element; 4 flop, for log_softmax 1 exp.
// Launch   global (ceil(rows / rows_each)), local (1).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   COLS         length of a row
//   LOG          1 for log_softmax
#include "lib/lanes.clh"
#include "lib/math.clh"
#ifndef COLS
#define COLS 10
#endif
#ifndef LOG
#define LOG 0
#endif
#if LOG
#define TERM(y, dy) (dy)
#define RESULT(y, dy, sum) ((dy)-vec_exp(y) * (sum))
#else
#define TERM(y, dy) ((y) * (dy))
#define RESULT(y, dy, sum) ((y) * ((dy) - (sum)))
#endif
#define FULL (COLS / VW * VW)
#define TAIL (COLS - FULL)

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void backward_wide(__global const float* y,
                                                                           __global const float* dy,
                                                                           __global float* dx,
                                                                           int rows,
                                                                           int rows_each) {
  const int row0 = get_group_id(0) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  for (int row = row0; row < row1; ++row) {
    const size_t at = (size_t)row * COLS;
    vec_t sums = (vec_t)(0.0f);
    for (int i = 0; i < FULL; i += VW) {
      sums += TERM(vec_load(0, y + at + i), vec_load(0, dy + at + i));
    }
#if TAIL > 0
    const vec_t y_tail = load_part(y + at + FULL, TAIL, 0.0f);
    const vec_t dy_tail = load_part(dy + at + FULL, TAIL, 0.0f);
    sums += TERM(y_tail, dy_tail);
#endif
    const float sum = lanes_sum(sums);
    for (int i = 0; i < FULL; i += VW) {
      vec_store(RESULT(vec_load(0, y + at + i), vec_load(0, dy + at + i), sum), 0, dx + at + i);
    }
#if TAIL > 0
    store_part(RESULT(y_tail, dy_tail, sum), dx + at + FULL, TAIL);
#endif
  }
}
