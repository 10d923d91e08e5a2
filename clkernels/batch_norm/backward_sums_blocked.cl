// backward_sums_blocked: for each part of the pixels, and each channel c of block b:
//   s[part, b, c] = sum dy, p[part, b, c] = sum dy (x - mean)
//
// Layout   dy, x: [batch, blocks, size, VW]: channels in blocks of a vector. means: [channels].
//          parts: [2, parts, blocks, VW], s first; a part is `each` of the batch * size pixels.
// Source   Ioffe, Szegedy, "Batch normalization", 2015, arXiv:1502.03167, sec. 3.
// Method   four sums side by side, so that they do not wait for each other.
// Cost     2 reads per element; 4 flop.
// Launch   global (parts, blocks), local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW
#include "batch_norm/blocked.clh"

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void backward_sums_blocked(
    __global const float* restrict dy, __global const float* restrict x,
    __global const float* restrict means, __global float* restrict parts, int batch, int channels,
    int size, int each) {
  const int blocks = (channels + VW - 1) / VW;
  const int b = get_group_id(1);
  const int first = (int)get_group_id(0) * each;
  const int last = min(first + each, batch * size);
  const vec_t mean = channels_load(means, b, channels);
  vec_t sum;
  vec_t product;
  part_sums(dy, x, mean, first, last, b, blocks, size, &sum, &product);
  const int groups = get_num_groups(0);
  vec_store(sum, (int)get_group_id(0) * blocks + b, parts);
  vec_store(product, (groups + (int)get_group_id(0)) * blocks + b, parts);
}
