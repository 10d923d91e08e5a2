// backward_wide_planes: gradients of batch normalisation of images, for devices that run one
// work-item per group. With h = (x - mean) / sqrt(variance + epsilon) and sums over n and s:
//   dbeta = sum dy;  dgamma = sum dy h;
//   dx = gamma / sqrt(variance + epsilon) * (dy - (dbeta + h dgamma) / count)
//
// Layout   dy, x, dx: [batch, channels, size] contiguous; all others: [channels]. dx may be dy or x.
// Source   Ioffe, Szegedy, "Batch normalization", 2015, arXiv:1502.03167, sec. 3.
// Method   a group does channels_each channels in two passes over their planes.
// Cost     4 reads and 1 write per element, 9 flop.
// Launch   global (ceil(channels / channels_each)), local (1).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   RESULT       0: dgamma and dbeta alone, without gamma and dx
#include "lib/lanes.clh"

#ifndef RESULT
#define RESULT 1
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void backward_wide_planes(
    __global const float* dy, __global const float* x,
#if RESULT
    __global const float* gamma,
#endif
    __global const float* means, __global const float* variances,
#if RESULT
    __global float* dx,
#endif
    __global float* dgamma, __global float* dbeta, int batch, int channels, int size,
    int channels_each, float epsilon, float scale) {
  const int first = get_group_id(0) * channels_each;
  const int last = min(first + channels_each, channels);
  for (int c = first; c < last; ++c) {
    const float mean = means[c];
    const float inverse = 1.0f / sqrt(variances[c] + epsilon);
    // Two accumulators each, so that none waits for the one before.
    vec_t s0 = (vec_t)(0.0f), s1 = s0, p0 = s0, p1 = s0;
    float sum = 0.0f;
    float product = 0.0f;
    for (int n = 0; n < batch; ++n) {
      const size_t at = ((size_t)n * channels + c) * size;
      int i = 0;
      for (; i + 2 * VW <= size; i += 2 * VW) {
        const vec_t d0 = vec_load(0, dy + at + i);
        const vec_t d1 = vec_load(0, dy + at + i + VW);
        s0 += d0;
        s1 += d1;
        p0 += d0 * (vec_load(0, x + at + i) - mean);
        p1 += d1 * (vec_load(0, x + at + i + VW) - mean);
      }
      for (; i + VW <= size; i += VW) {
        const vec_t d = vec_load(0, dy + at + i);
        s0 += d;
        p0 += d * (vec_load(0, x + at + i) - mean);
      }
      for (; i < size; ++i) {
        sum += dy[at + i];
        product += dy[at + i] * (x[at + i] - mean);
      }
    }
    sum += lanes_sum(s0 + s1);
    product = (product + lanes_sum(p0 + p1)) * inverse;
    dbeta[c] = sum;
    dgamma[c] = product;
#if RESULT
    const float factor = gamma[c] * inverse;
    const float shift = sum * scale;
    const float slope = product * inverse * scale;
    for (int n = 0; n < batch; ++n) {
      const size_t at = ((size_t)n * channels + c) * size;
      int i = 0;
      for (; i + VW <= size; i += VW) {
        const vec_t centred = vec_load(0, x + at + i) - mean;
        vec_store(factor * (vec_load(0, dy + at + i) - shift - centred * slope), 0, dx + at + i);
      }
      for (; i < size; ++i) {
        dx[at + i] = factor * (dy[at + i] - shift - (x[at + i] - mean) * slope);
      }
    }
#endif
  }
}
