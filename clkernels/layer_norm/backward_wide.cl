// backward_wide: gradients of layer normalisation, for devices that run one work-item per group. With
// n = (x - mean) / sqrt(variance + epsilon) and t = dy * scale, means along the row:
//   dx = (t - mean(t) - n mean(t n)) / sqrt(variance + epsilon)
//   dscale[c] = sum over rows of dy n;  dbias[c] = sum over rows of dy
//
// Layout   dy, x, dx: [rows, COLS] contiguous; dx may be dy or x. scale: [COLS]. dscale, dbias:
//          [groups, COLS], the sums of each group's rows.
// Source   Ba, Kiros, Hinton, "Layer Normalization", 2016, arXiv:1607.06450; the chain rule.
// Method   a group does rows_each rows, each in four passes of vectors while the row stays in the
//          cache: mean, variance, the two means of t, the results.
// Cost     4 reads of x, 2 of dy and 1 write per element, 2 reads and writes of the sums, from cache;
//          17 flop.
// Launch   global (ceil(rows / rows_each)), local (1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   COLS         length of a row
#include "lib/lines.clh"
#ifndef COLS
#define COLS 10
#endif
#define FULL (COLS / VW * VW)

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void backward_wide(
    __global const float* dy, __global const float* x, __global const float* restrict scale,
    __global float* dx, __global float* restrict dscale, __global float* restrict dbias, int rows,
    int rows_each, float epsilon) {
  const int row0 = get_group_id(0) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  __global float* scales = dscale + (size_t)get_group_id(0) * COLS;
  __global float* biases = dbias + (size_t)get_group_id(0) * COLS;
  for (int i = 0; i < FULL; i += VW) {
    vec_store((vec_t)(0.0f), 0, scales + i);
    vec_store((vec_t)(0.0f), 0, biases + i);
  }
  for (int i = FULL; i < COLS; ++i) scales[i] = biases[i] = 0.0f;
  for (int row = row0; row < row1; ++row) {
    __global const float* d = dy + (size_t)row * COLS;
    __global const float* from = x + (size_t)row * COLS;
    __global float* to = dx + (size_t)row * COLS;
    const float mean = line_sum(from, COLS) / COLS;
    const float inverse = 1.0f / sqrt(line_squares(from, COLS, mean) / COLS + epsilon);
    vec_t t0 = (vec_t)(0.0f), t1 = t0, n0 = t0, n1 = t0;
    float t_rest = 0.0f;
    float n_rest = 0.0f;
    int i = 0;
    for (; i + 2 * VW <= COLS; i += 2 * VW) {
      const vec_t a = vec_load(0, d + i) * vec_load(0, scale + i);
      const vec_t b = vec_load(0, d + i + VW) * vec_load(0, scale + i + VW);
      t0 += a;
      t1 += b;
      n0 += a * (vec_load(0, from + i) - mean);
      n1 += b * (vec_load(0, from + i + VW) - mean);
    }
    for (; i + VW <= COLS; i += VW) {
      const vec_t a = vec_load(0, d + i) * vec_load(0, scale + i);
      t0 += a;
      n0 += a * (vec_load(0, from + i) - mean);
    }
    for (; i < COLS; ++i) {
      t_rest += d[i] * scale[i];
      n_rest += d[i] * scale[i] * (from[i] - mean);
    }
    const float offset = (lanes_sum(t0 + t1) + t_rest) / COLS;
    const float slope = (lanes_sum(n0 + n1) + n_rest) / COLS * inverse * inverse;
    for (i = 0; i < FULL; i += VW) {
      const vec_t g = vec_load(0, d + i);
      const vec_t centred = vec_load(0, from + i) - mean;
      vec_store(vec_load(0, scales + i) + g * centred * inverse, 0, scales + i);
      vec_store(vec_load(0, biases + i) + g, 0, biases + i);
      vec_store((g * vec_load(0, scale + i) - offset - centred * slope) * inverse, 0, to + i);
    }
    for (i = FULL; i < COLS; ++i) {
      const float g = d[i];
      const float centred = from[i] - mean;
      scales[i] += g * centred * inverse;
      biases[i] += g;
      to[i] = (g * scale[i] - offset - centred * slope) * inverse;
    }
  }
}
