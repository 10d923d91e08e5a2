// wide: y[r, c] = (x[r, c] - mean[r]) / sqrt(variance[r] + epsilon) * scale[c] + bias[c], for devices
// that run one work-item per group.
//
// Layout   x, y: [rows, COLS] contiguous; y may be x. scale, bias: [COLS].
// Source   Ba, Kiros, Hinton, "Layer Normalization", 2016, arXiv:1607.06450, eq. 4.
// Method   a group does rows_each rows, each in three passes of vectors: the mean, then the mean
//          squared distance from it, then the result. The row stays in the cache. Four short rows at
//          once, so that one is read while another's lanes are summed up.
// Cost     3 reads and 1 write of x per element; 8 flop.
// Launch   global (ceil(rows / rows_each)), local (1).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   COLS         length of a row
//   HAS_BIAS     1 if there is a bias
#include "lib/lines.clh"
#ifndef COLS
#define COLS 10
#endif
#ifndef HAS_BIAS
#define HAS_BIAS 1
#endif
#define FULL (COLS / VW * VW)
#define AT_ONCE (COLS <= 2048 ? 4 : 1)

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide(
    __global const float* x, __global const float* restrict scale,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
    __global float* y, int rows, int rows_each, float epsilon) {
  const int row0 = get_group_id(0) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  for (int block = row0; block < row1; block += AT_ONCE) {
    const int count = min(AT_ONCE, row1 - block);
    float means[AT_ONCE];
    float squares[AT_ONCE];
    for (int k = 0; k < count; ++k) {
      means[k] = line_sum(x + (size_t)(block + k) * COLS, COLS) / COLS;
    }
    for (int k = 0; k < count; ++k) {
      squares[k] = line_squares(x + (size_t)(block + k) * COLS, COLS, means[k]);
    }
    for (int k = 0; k < count; ++k) {
      __global const float* from = x + (size_t)(block + k) * COLS;
      __global float* to = y + (size_t)(block + k) * COLS;
      const float mean = means[k];
      const float inverse = 1.0f / sqrt(squares[k] / COLS + epsilon);
      for (int i = 0; i < FULL; i += VW) {
        vec_t v = (vec_load(0, from + i) - mean) * inverse * vec_load(0, scale + i);
#if HAS_BIAS
        v += vec_load(0, bias + i);
#endif
        vec_store(v, 0, to + i);
      }
      for (int i = FULL; i < COLS; ++i) {
        float v = (from[i] - mean) * inverse * scale[i];
#if HAS_BIAS
        v += bias[i];
#endif
        to[i] = v;
      }
    }
  }
}
