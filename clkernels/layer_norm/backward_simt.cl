// backward_simt: the gradient of layer normalisation for x, and what adds up to that for the scale. With
// n = (x - mean) / sqrt(variance + epsilon) and t = dy * scale, means along the row:
//   dx = (t - mean(t) - n mean(t n)) / sqrt(variance + epsilon);  products = dy n
//
// Layout   dy, x, dx, products: [rows, cols] contiguous; dx may be x. scale: [cols].
// Source   Ba, Kiros, Hinton, "Layer Normalization", 2016, arXiv:1607.06450; the chain rule.
// Method   LX work-items per row, LY rows per group; means by halving in local memory.
// Cost     4 reads of x, 2 of dy and 2 writes per element; 15 flop.
// Launch   global (LX, >= rows), local (LX, LY).  Any rows, any cols.
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   LX           work-items per row: a power of two
//   LY           rows per group
#ifndef LX
#define LX 64
#endif
#ifndef LY
#define LY 1
#endif
#include "layer_norm/moments.clh"

__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void backward_simt(
    __global const float* restrict dy, __global const float* x,
    __global const float* restrict scale, __global float* dx, __global float* restrict products,
    int rows, int cols, float epsilon) {
  __local float values[LX * LY];
  const int lane = get_local_id(0);
  __local float* line = values + get_local_id(1) * LX;
  const int row = get_global_id(1);
  const int end = row < rows ? cols : 0;
  const size_t at = (size_t)row * cols;
  const moments_t row_moments = moments_of(x + at, end, line, lane, cols, epsilon);
  const float mean = row_moments.mean, inverse = row_moments.inverse;
  float t = 0.0f;
  float n = 0.0f;
  for (int i = lane; i < end; i += LX) {
    const float g = dy[at + i] * scale[i];
    t += g;
    n = fma(g, x[at + i] - mean, n);
  }
  const float offset = tree_sum(line, lane, LX, 1, t) / cols;
  const float slope = tree_sum(line, lane, LX, 1, n) / cols * inverse * inverse;
  for (int i = lane; i < end; i += LX) {
    const float g = dy[at + i];
    const float centred = x[at + i] - mean;
    products[at + i] = g * centred * inverse;
    dx[at + i] = (g * scale[i] - offset - centred * slope) * inverse;
  }
}
