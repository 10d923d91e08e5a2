// blocked: with the mean and the biased variance of each channel over batch and pixels:
//   y = (x - mean) / sqrt(variance + epsilon) * gamma + beta
//
// Layout   x, y: [batch, blocks, size, VW]: channels in blocks of a vector. gamma, beta, means,
//          variances: [channels]. parts: statistics_blocked's. y may be x. Lanes beyond the channels
//          are 0 where x is finite.
// Source   Ioffe, Szegedy, "Batch normalization", 2015, arXiv:1502.03167; Chan, Golub, LeVeque,
//          "Updating formulae and a pairwise algorithm for computing sample variances", 1979.
// Method   each group joins the statistics of all parts, in their order, then does its own pixels;
//          where all pixels are one part, it makes them itself.
// Cost     1 read and 1 write per element; 3 flop. Making the statistics: 2 more reads, 3 flop.
// Launch   global (parts, blocks), local (1, 1); one part where there is no RESULT.
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW
//   WHOLE        1 if there is one part: no `parts`
//   RESULT       0: the statistics alone, without gamma, beta and y
#include "batch_norm/blocked.clh"
#ifndef RESULT
#define RESULT 1
#endif
#ifndef WHOLE
#define WHOLE 0
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void blocked(
    __global const float* x,
#if RESULT
    __global const float* gamma, __global const float* beta, __global float* y,
#endif
    __global float* means, __global float* variances,
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
#endif
#if WHOLE
  vec_t mean;
  vec_t squares;
  part_statistics(x, 0, last, b, blocks, size, &mean, &squares);
#else
  vec_t mean = vec_load(b, parts);
  vec_t squares = vec_load(groups * blocks + b, parts);
  for (int part = 1; part < groups; ++part) {
    const int count = min(each, batch * size - part * each);
    const float share = (float)count / (float)(part * each + count);
    const vec_t apart = vec_load(part * blocks + b, parts) - mean;
    mean += apart * share;
    squares += vec_load((groups + part) * blocks + b, parts) +
               apart * apart * ((float)(part * each) * share);
  }
#endif
  const vec_t variance = squares * scale;
  if (first == 0) {
    channels_store(mean, means, b, channels);
    channels_store(variance, variances, b, channels);
  }
#if RESULT
  const vec_t offset = channels_load(beta, b, channels);
  const vec_t factor = channels_load(gamma, b, channels) / sqrt(variance + epsilon);
  for (int pixel = first; pixel < last;) {
    const int count = run_length(pixel, last, size);
    const size_t at = run_start(pixel, b, blocks, size);
    for (int i = 0; i < count; ++i) {
      vec_store((vec_load(i, x + at) - mean) * factor + offset, i, y + at);
    }
    pixel += count;
  }
#endif
}
