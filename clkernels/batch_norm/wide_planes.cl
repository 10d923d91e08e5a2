// wide_planes: batch normalisation of images with the statistics of the batch, for devices that run
// one work-item per group.
//   mean, variance over n and s;  y = (x - mean) / sqrt(variance + epsilon) * gamma + beta
//
// Layout   x, y: [batch, channels, size] contiguous, size = H W. gamma, beta, mean, variance:
//          [channels]. y may be x.
// Source   Ioffe, Szegedy, "Batch normalization", 2015, arXiv:1502.03167, alg. 1.
// Method   a group does channels_each channels in two passes over their planes: mean and variance
//          run by run (of differences from the run's mean, so that no digits cancel), result.
// Cost     2 reads and 1 write per element, 7 flop.
// Launch   global (ceil(channels / channels_each)), local (1).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   RESULT       0: the statistics alone, without gamma, beta and y
#include "lib/lines.clh"

#ifndef RESULT
#define RESULT 1
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide_planes(
    __global const float* x,
#if RESULT
    __global const float* gamma, __global const float* beta, __global float* y,
#endif
    __global float* means, __global float* variances, int batch, int channels, int size,
    int channels_each, float epsilon, float scale) {
  const int first = get_group_id(0) * channels_each;
  const int last = min(first + channels_each, channels);
  for (int c = first; c < last; ++c) {
    moments_t m = {0.0f, 0.0f, 0.0f};
    for (int n = 0; n < batch; ++n) {
      m = line_moments(m, x + ((size_t)n * channels + c) * size, size);
    }
    const float mean = m.mean;
    const float variance = m.squares * scale;
    means[c] = mean;
    variances[c] = variance;
#if RESULT
    const float factor = gamma[c] / sqrt(variance + epsilon);
    const float offset = beta[c];
    for (int n = 0; n < batch; ++n) {
      const size_t at = ((size_t)n * channels + c) * size;
      int i = 0;
      for (; i + VW <= size; i += VW) {
        vec_store((vec_load(0, x + at + i) - mean) * factor + offset, 0, y + at + i);
      }
      for (; i < size; ++i) y[at + i] = (x[at + i] - mean) * factor + offset;
    }
#endif
  }
}
