// statistics_blocked: for each part of the pixels, and each channel c of block b:
//   m[part, b, c] = mean of x, q[part, b, c] = sum (x - m)^2
//
// Layout   x: [batch, blocks, size, VW]: channels in blocks of a vector.
//          parts: [2, parts, blocks, VW], m first; a part is `each` of the batch * size pixels.
// Source   Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
//          variances", 1979: statistics of two sets become those of both.
// Method   runs of at most 64 pixels are read twice, the second time from the nearest cache: first
//          their mean, then the centred squares.
// Cost     1 read per element; 3 flop.
// Launch   global (parts, blocks), local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW
#include "batch_norm/blocked.clh"
#define RUN 64

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void statistics_blocked(
    __global const float* restrict x, __global float* restrict parts, int batch, int blocks,
    int size, int each) {
  const int b = get_group_id(1);
  const int first = (int)get_group_id(0) * each;
  const int last = min(first + each, batch * size);
  vec_t mean = (vec_t)(0.0f);
  vec_t squares = (vec_t)(0.0f);
  for (int pixel = first; pixel < last;) {
    const int count = min(run_length(pixel, last, size), RUN);
    __global const float* from = x + run_start(pixel, b, blocks, size);
    vec_t s0 = (vec_t)(0.0f), s1 = s0, s2 = s0, s3 = s0;
    int i = 0;
    for (; i + 4 <= count; i += 4) {
      s0 += vec_load(i, from);
      s1 += vec_load(i + 1, from);
      s2 += vec_load(i + 2, from);
      s3 += vec_load(i + 3, from);
    }
    for (; i < count; ++i) s0 += vec_load(i, from);
    const vec_t m = (s0 + s1 + (s2 + s3)) * (1.0f / (float)count);
    vec_t q0 = (vec_t)(0.0f), q1 = q0, q2 = q0, q3 = q0;
    for (i = 0; i + 4 <= count; i += 4) {
      const vec_t d0 = vec_load(i, from) - m;
      const vec_t d1 = vec_load(i + 1, from) - m;
      const vec_t d2 = vec_load(i + 2, from) - m;
      const vec_t d3 = vec_load(i + 3, from) - m;
      q0 += d0 * d0;
      q1 += d1 * d1;
      q2 += d2 * d2;
      q3 += d3 * d3;
    }
    for (; i < count; ++i) {
      const vec_t d = vec_load(i, from) - m;
      q0 += d * d;
    }
    // So far there were pixel - first.
    const float share = (float)count / (float)(pixel - first + count);
    const vec_t apart = m - mean;
    mean += apart * share;
    squares += q0 + q1 + (q2 + q3) + apart * apart * ((float)(pixel - first) * share);
    pixel += count;
  }
  const int groups = get_num_groups(0);
  vec_store(mean, (int)get_group_id(0) * blocks + b, parts);
  vec_store(squares, (groups + (int)get_group_id(0)) * blocks + b, parts);
}
