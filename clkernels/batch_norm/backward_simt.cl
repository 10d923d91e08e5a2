// backward_simt: gradients of batch normalisation, for devices with many work-items per group. With
// h = (x - mean) / sqrt(variance + epsilon) and sums over n and s:
//   dbeta = sum dy;  dgamma = sum dy h;
//   dx = gamma / sqrt(variance + epsilon) * (dy - (dbeta + h dgamma) / count)
//
// Layout   dy, x, dx: [batch, channels, size] contiguous; all others: [channels]. dx may be dy or x.
// Source   Ioffe, Szegedy, "Batch normalization", 2015, arXiv:1502.03167, sec. 3.
// Method   LX channels per group and LY work-items per channel, which take neighbouring positions
//          (images: LX = 1) or rows (size = 1); the sums are joined in local memory.
// Cost     4 reads and 1 write per element, 9 flop.
// Launch   global (ceil(channels / LX) * LX, LY), local (LX, LY).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   LX           channels per group
//   LY           work-items per channel: a power of two
//   RESULT       0: dgamma and dbeta alone, without gamma and dx
#include "lib/tree.clh"
#ifndef LX
#define LX 1
#endif
#ifndef LY
#define LY 64
#endif
#define AT(i) (((size_t)((i) / size) * channels + c) * size + (i) % size)

#ifndef RESULT
#define RESULT 1
#endif

__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void backward_simt(
    __global const float* dy, __global const float* x,
#if RESULT
    __global const float* gamma,
#endif
    __global const float* means, __global const float* variances,
#if RESULT
    __global float* dx,
#endif
    __global float* dgamma, __global float* dbeta, int batch, int channels, int size, float epsilon,
    float scale) {
  __local float values[LX * LY];
  __local float* line = values + get_local_id(0);
  const int lane = get_local_id(1);
  const int c = get_global_id(0);
  const int count = c < channels ? batch * size : 0;
  const float mean = c < channels ? means[c] : 0.0f;
  const float inverse = c < channels ? 1.0f / sqrt(variances[c] + epsilon) : 0.0f;
  float sum = 0.0f;
  float product = 0.0f;
  for (int i = lane; i < count; i += LY) {
    const float d = dy[AT(i)];
    sum += d;
    product += d * (x[AT(i)] - mean);
  }
  sum = tree_sum(line, lane, LY, LX, sum);
  product = tree_sum(line, lane, LY, LX, product) * inverse;
  if (c >= channels) return;
  if (lane == 0) {
    dbeta[c] = sum;
    dgamma[c] = product;
  }
#if RESULT
  const float factor = gamma[c] * inverse;
  const float shift = sum * scale;
  const float slope = product * inverse * scale;
  for (int i = lane; i < count; i += LY) {
    const float centred = x[AT(i)] - mean;
    dx[AT(i)] = factor * (dy[AT(i)] - shift - centred * slope);
  }
#endif
}
