// simt: batch normalisation with the statistics of the batch, for devices with many work-items per
// group.
//   mean, variance over n and s;  y = (x - mean) / sqrt(variance + epsilon) * gamma + beta
//
// Layout   x, y: [batch, channels, size] contiguous. gamma, beta, mean, variance: [channels]. y may
//          be x.
// Source   Ioffe, Szegedy, "Batch normalization", 2015, arXiv:1502.03167, alg. 1.
// Method   LX channels per group and LY work-items per channel, which take neighbouring positions
//          (images: LX = 1) or rows (size = 1); mean and variance are joined in local memory.
// Cost     3 reads and 1 write per element, 7 flop.
// Launch   global (ceil(channels / LX) * LX, LY), local (LX, LY).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   LX           channels per group
//   LY           work-items per channel: a power of two
//   RESULT       0: the statistics alone, without gamma, beta and y
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

__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void simt(
    __global const float* x,
#if RESULT
    __global const float* gamma, __global const float* beta, __global float* y,
#endif
    __global float* means, __global float* variances, int batch, int channels, int size,
    float epsilon, float scale) {
  __local float values[LX * LY];
  __local float* line = values + get_local_id(0);
  const int lane = get_local_id(1);
  const int c = get_global_id(0);
  const int count = c < channels ? batch * size : 0;
  float sum = 0.0f;
  for (int i = lane; i < count; i += LY) sum += x[AT(i)];
  const float mean = tree_sum(line, lane, LY, LX, sum) * scale;
  sum = 0.0f;
  for (int i = lane; i < count; i += LY) sum += (x[AT(i)] - mean) * (x[AT(i)] - mean);
  const float variance = tree_sum(line, lane, LY, LX, sum) * scale;
  if (c >= channels) return;
  if (lane == 0) {
    means[c] = mean;
    variances[c] = variance;
  }
#if RESULT
  const float factor = gamma[c] / sqrt(variance + epsilon);
  const float offset = beta[c];
  for (int i = lane; i < count; i += LY) y[AT(i)] = (x[AT(i)] - mean) * factor + offset;
#endif
}
