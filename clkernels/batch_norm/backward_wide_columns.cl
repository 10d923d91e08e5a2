// backward_wide_columns: gradients of batch normalisation of vectors, for devices that run one
// work-item per group. With h = (x - mean) / sqrt(variance + epsilon) and sums over n:
//   dbeta = sum dy;  dgamma = sum dy h;
//   dx = gamma / sqrt(variance + epsilon) * (dy - (dbeta + h dgamma) / count)
//
// Layout   dy, x, dx: [batch, channels] contiguous; all others: [channels]. dx may be dy or x.
// Source   Ioffe, Szegedy, "Batch normalization", 2015, arXiv:1502.03167, sec. 3.
// Method   a group does strips_each strips of VW channels in two passes.
// Cost     4 reads and 1 write per element, 9 flop.
// Launch   global (ceil(channels / VW / strips_each)), local (1).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16; divides channels
//   RESULT       0: dgamma and dbeta alone, without gamma and dx
#include "lib/vector.clh"

#ifndef RESULT
#define RESULT 1
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void backward_wide_columns(
    __global const float* dy, __global const float* x,
#if RESULT
    __global const float* gamma,
#endif
    __global const float* means, __global const float* variances,
#if RESULT
    __global float* dx,
#endif
    __global float* dgamma, __global float* dbeta, int batch, int channels, int strips_each,
    float epsilon, float scale) {
  const int first = get_group_id(0) * strips_each;
  const int last = min(first + strips_each, channels / VW);
  for (int strip = first; strip < last; ++strip) {
    const int c = strip * VW;
    const vec_t mean = vec_load(0, means + c);
    const vec_t inverse = (vec_t)(1.0f) / sqrt(vec_load(0, variances + c) + epsilon);
    vec_t sum = (vec_t)(0.0f);
    vec_t product = (vec_t)(0.0f);
    for (int n = 0; n < batch; ++n) {
      const size_t at = (size_t)n * channels + c;
      const vec_t d = vec_load(0, dy + at);
      sum += d;
      product += d * (vec_load(0, x + at) - mean);
    }
    product *= inverse;
    vec_store(sum, 0, dbeta + c);
    vec_store(product, 0, dgamma + c);
#if RESULT
    const vec_t factor = vec_load(0, gamma + c) * inverse;
    const vec_t shift = sum * scale;
    const vec_t slope = product * inverse * scale;
    for (int n = 0; n < batch; ++n) {
      const size_t at = (size_t)n * channels + c;
      const vec_t centred = vec_load(0, x + at) - mean;
      vec_store(factor * (vec_load(0, dy + at) - shift - centred * slope), 0, dx + at);
    }
#endif
  }
}
