// wide_columns: batch normalisation of vectors with the statistics of the batch, for devices that
// run one work-item per group.
//   mean, variance over n;  y = (x - mean) / sqrt(variance + epsilon) * gamma + beta
//
// Layout   x, y: [batch, channels] contiguous. gamma, beta, mean, variance: [channels]. y may be x.
// Source   Ioffe, Szegedy, "Batch normalization", 2015, arXiv:1502.03167, alg. 1.
// Method   a group does strips_each strips of VW channels in three passes: mean, variance (of
//          differences from the mean, so that no digits cancel), result.
// Cost     3 reads and 1 write per element, 7 flop.
// Launch   global (ceil(channels / VW / strips_each)), local (1).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16; divides channels
//   RESULT       0: the statistics alone, without gamma, beta and y
#include "lib/vector.clh"

#ifndef RESULT
#define RESULT 1
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide_columns(
    __global const float* x,
#if RESULT
    __global const float* gamma, __global const float* beta, __global float* y,
#endif
    __global float* means, __global float* variances, int batch, int channels, int strips_each,
    float epsilon, float scale) {
  const int first = get_group_id(0) * strips_each;
  const int last = min(first + strips_each, channels / VW);
  for (int strip = first; strip < last; ++strip) {
    const int c = strip * VW;
    vec_t sum = (vec_t)(0.0f);
    for (int n = 0; n < batch; ++n) sum += vec_load(0, x + (size_t)n * channels + c);
    const vec_t mean = sum * scale;
    sum = (vec_t)(0.0f);
    for (int n = 0; n < batch; ++n) {
      const vec_t d = vec_load(0, x + (size_t)n * channels + c) - mean;
      sum += d * d;
    }
    const vec_t variance = sum * scale;
    vec_store(mean, 0, means + c);
    vec_store(variance, 0, variances + c);
#if RESULT
    const vec_t factor = vec_load(0, gamma + c) / sqrt(variance + epsilon);
    const vec_t offset = vec_load(0, beta + c);
    for (int n = 0; n < batch; ++n) {
      const size_t at = (size_t)n * channels + c;
      vec_store((vec_load(0, x + at) - mean) * factor + offset, 0, y + at);
    }
#endif
  }
}
