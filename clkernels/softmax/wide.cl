// wide: softmax or log_softmax along contiguous rows, for devices that run one work-item per group.
//   y = exp(x - max) / sum exp(x - max),   or   y = x - max - log sum exp(x - max)
//
// Layout   x, y: [rows, COLS] contiguous; y may be x.
// Method   a group does rows_each rows, each in three passes of vectors; the last vector of a row
//          is filled up with -infinity, so that short rows are one vector.
// Cost     2 reads and 2 writes per element that stay in the cache; 1 exp and 4 flop.
// Launch   global (ceil(rows / rows_each)), local (1).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   COLS         length of a row
//   LOG          1 for log_softmax
#include "lib/lines.clh"
#include "lib/math.clh"
#ifndef COLS
#define COLS 10
#endif
#ifndef LOG
#define LOG 0
#endif
#define FULL (COLS / VW * VW)
#define TAIL (COLS - FULL)

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide(__global const float* x,
                                                                  __global float* y, int rows,
                                                                  int rows_each) {
  const int row0 = get_group_id(0) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  for (int row = row0; row < row1; ++row) {
    __global const float* from = x + (size_t)row * COLS;
    __global float* to = y + (size_t)row * COLS;
    const float top = line_max(from, COLS);
    vec_t sums = (vec_t)(0.0f);
    for (int i = 0; i < FULL; i += VW) {
      const vec_t e = vec_exp_flushed(vec_load(0, from + i) - top);
      sums += e;
#if !LOG
      vec_store(e, 0, to + i);
#endif
    }
#if TAIL > 0
    const vec_t tail = load_part(from + FULL, TAIL, -INFINITY);
    const vec_t e_tail = vec_exp_flushed(tail - top);
    sums += e_tail;
#endif
    const float sum = lanes_sum(sums);
#if LOG
    const float shift = top + log(sum);
    for (int i = 0; i < FULL; i += VW) vec_store(vec_load(0, from + i) - shift, 0, to + i);
#if TAIL > 0
    store_part(tail - shift, to + FULL, TAIL);
#endif
#else
    const float scale = 1.0f / sum;
    for (int i = 0; i < FULL; i += VW) vec_store(vec_load(0, to + i) * scale, 0, to + i);
#if TAIL > 0
    store_part(e_tail * scale, to + FULL, TAIL);
#endif
#endif
  }
}
