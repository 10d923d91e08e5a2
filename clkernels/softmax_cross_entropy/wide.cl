// wide: mean cross-entropy of softmax(logits) against labels, and the probabilities, for devices
// that run one work-item per group.
//   loss = mean over rows of  log sum exp(x - max) + max - x[label]
//
// Layout   logits, probabilities: [rows, COLS]. labels: int [rows], or float [rows, COLS], whose
//          rows weigh the classes. losses: [groups], the sum of each group's rows times scale.
// Method   a group does rows_each rows; the logarithms of VW rows are taken at once. A label
//          outside [0, COLS) makes the loss NaN and reads nothing.
// Cost     2 reads and 2 writes per element that stay in the cache; 1 exp and 4 flop.
// Launch   global (ceil(rows / rows_each)), local (1). One group: losses is the loss.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   COLS         number of classes
//   DENSE        1 if labels are weights of the classes
#include "lib/lines.clh"
#include "lib/math.clh"
#ifndef COLS
#define COLS 10
#endif
#ifndef DENSE
#define DENSE 0
#endif
#define FULL (COLS / VW * VW)
#define TAIL (COLS - FULL)
#if DENSE
typedef float label_t;
#else
typedef int label_t;
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide(
    __global const float* restrict logits, __global const label_t* restrict labels,
    __global float* restrict losses, __global float* restrict probabilities, int rows,
    int rows_each, float scale) {
  const int row0 = get_group_id(0) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  float loss = 0.0f;
  for (int block = row0; block < row1; block += VW) {
    float sums[VW];
    float weights[VW];
    for (int k = 0; k < VW; ++k) {
      sums[k] = 1.0f;
      weights[k] = 0.0f;
    }
    const int count = min(VW, row1 - block);
    for (int k = 0; k < count; ++k) {
      const int row = block + k;
      __global const float* from = logits + (size_t)row * COLS;
      __global float* to = probabilities + (size_t)row * COLS;
      const float top = line_max(from, COLS);
      vec_t partial = (vec_t)(0.0f);
      for (int i = 0; i < FULL; i += VW) {
        const vec_t e = vec_exp_flushed(vec_load(0, from + i) - top);
        partial += e;
        vec_store(e, 0, to + i);
      }
#if TAIL > 0
      const vec_t tail = load_part(from + FULL, TAIL, -INFINITY);
      const vec_t e_tail = vec_exp_flushed(tail - top);
      partial += e_tail;
#endif
      const float sum = lanes_sum(partial);
      const float inverse = 1.0f / sum;
      for (int i = 0; i < FULL; i += VW) vec_store(vec_load(0, to + i) * inverse, 0, to + i);
#if TAIL > 0
      store_part(e_tail * inverse, to + FULL, TAIL);
#endif
      sums[k] = sum;
#if DENSE
      __global const float* weight = labels + (size_t)row * COLS;
      float weighted = 0.0f;
      for (int i = 0; i < COLS; ++i) {
        weights[k] += weight[i];
        weighted += weight[i] * (top - from[i]);
      }
      loss += weighted;
#else
      const int label = labels[row];
      weights[k] = 1.0f;
      loss += label >= 0 && label < COLS ? top - from[label] : NAN;
#endif
    }
    loss += lanes_sum(vec_load(0, weights) * vec_log(vec_load(0, sums)));
  }
  losses[get_group_id(0)] = loss * scale;
}
