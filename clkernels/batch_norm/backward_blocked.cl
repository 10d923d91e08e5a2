// backward_blocked: with h = (x - mean) / sqrt(variance + epsilon) and sums over batch and pixels:
//   dbeta = sum dy;  dgamma = sum dy h;
//   dx = gamma / sqrt(variance + epsilon) * (dy - (dbeta + h dgamma) / count)
//
// Layout   dy, x, dx: [batch, blocks, size, VW]: channels in blocks of a vector. parts:
//          backward_sums_blocked's; all others: [channels]. dx may be dy or x. Lanes beyond the
//          channels are 0 where dy and x are finite.
// Source   Ioffe, Szegedy, "Batch normalization", 2015, arXiv:1502.03167, sec. 3.
// Method   each group adds up the sums of all parts, in their order, then does its own pixels; where
//          all pixels are one part, it makes them itself.
// Cost     2 reads and 1 write per element; 4 flop. Making the sums: 2 more reads, 4 flop.
// Launch   global (parts, blocks), local (1, 1); one part where there is no RESULT.
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW
//   WHOLE        1 if there is one part: no `parts`
//   RESULT       0: dgamma and dbeta alone, without gamma and dx
#include "batch_norm/blocked.clh"
#ifndef RESULT
#define RESULT 1
#endif
#ifndef WHOLE
#define WHOLE 0
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void backward_blocked(
    __global const float* dy, __global const float* x,
#if RESULT
    __global const float* gamma,
#endif
    __global const float* means, __global const float* variances,
#if RESULT
    __global float* dx,
#endif
    __global float* dgamma, __global float* dbeta,
#if !WHOLE
    __global const float* parts,
#endif
    int batch, int channels, int size, int each, float epsilon, float scale) {
  const int blocks = (channels + VW - 1) / VW;
  const int b = get_group_id(1);
#if !WHOLE
  const int groups = (batch * size + each - 1) / each;
#endif
  const int first = (int)get_group_id(0) * each;
#if WHOLE || RESULT
  const int last = min(first + each, batch * size);
  const vec_t mean = channels_load(means, b, channels);
#endif
#if WHOLE
  vec_t sum;
  vec_t product;
  part_sums(dy, x, mean, 0, last, b, blocks, size, &sum, &product);
#else
  vec_t sum = vec_load(b, parts);
  vec_t product = vec_load(groups * blocks + b, parts);
  for (int part = 1; part < groups; ++part) {
    sum += vec_load(part * blocks + b, parts);
    product += vec_load((groups + part) * blocks + b, parts);
  }
#endif
  const vec_t inverse = (vec_t)(1.0f) / sqrt(channels_load(variances, b, channels) + epsilon);
  if (first == 0) {
    channels_store(product * inverse, dgamma, b, channels);
    channels_store(sum, dbeta, b, channels);
  }
#if RESULT
  // dx = factor dy - slope (x - mean) - offset
  const vec_t factor = channels_load(gamma, b, channels) * inverse;
  const vec_t slope = factor * inverse * inverse * product * scale;
  const vec_t offset = factor * sum * scale;
  for (int pixel = first; pixel < last;) {
    const int count = run_length(pixel, last, size);
    const size_t at = run_start(pixel, b, blocks, size);
    for (int i = 0; i < count; ++i) {
      const vec_t d = vec_load(i, dy + at) * factor - offset;
      vec_store(d - (vec_load(i, x + at) - mean) * slope, i, dx + at);
    }
    pixel += count;
  }
#endif
}
