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
  vec_t s0 = (vec_t)(0.0f), s1 = s0, s2 = s0, s3 = s0;
  vec_t p0 = s0, p1 = s0, p2 = s0, p3 = s0;
#define ADD(s, p, i)                       \
  {                                        \
    const vec_t d = vec_load(i, dy + at);  \
    s += d;                                \
    p += d * (vec_load(i, x + at) - mean); \
  }
  for (int pixel = first; pixel < last;) {
    const int count = run_length(pixel, last, size);
    const size_t at = run_start(pixel, b, blocks, size);
    int i = 0;
    for (; i + 4 <= count; i += 4) {
      ADD(s0, p0, i)
      ADD(s1, p1, i + 1)
      ADD(s2, p2, i + 2)
      ADD(s3, p3, i + 3)
    }
    for (; i < count; ++i) ADD(s0, p0, i)
    pixel += count;
  }
  const int groups = get_num_groups(0);
  vec_store(s0 + s1 + (s2 + s3), (int)get_group_id(0) * blocks + b, parts);
  vec_store(p0 + p1 + (p2 + p3), (groups + (int)get_group_id(0)) * blocks + b, parts);
}
