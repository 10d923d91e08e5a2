// simt: y = (x - mean) / sqrt(variance + epsilon) * scale[c] + bias[c] with the moments of a group of
// channels of an image.
//
// Layout   x, y: [rows, channels, pixels] contiguous, a row being a group; y may be x. scale, bias:
//          [all_channels], of which row r has those from r * channels % all_channels on.
// Source   Wu, He, "Group normalization", 2018, arXiv:1803.08494, eq. 1 to 3.
// Method   LX work-items per row: the mean, then the mean squared distance from it, by halving in
//          local memory; then the result, channel by channel.
// Cost     3 reads and 1 write of x per element; 7 flop.
// Launch   global (LX, rows), local (LX, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   LX           work-items per row: a power of two
#ifndef LX
#define LX 64
#endif
#include "layer_norm/moments.clh"

__kernel __attribute__((reqd_work_group_size(LX, 1, 1))) void simt(
    __global const float* x, __global const float* restrict scale,
    __global const float* restrict bias, __global float* y, int channels, int pixels,
    int all_channels, float epsilon) {
  __local float values[LX];
  const int lane = get_local_id(0);
  const int row = get_global_id(1);
  const int count = channels * pixels;
  const size_t at = (size_t)row * count;
  const moments_t row_moments = moments_of(x + at, count, values, lane, count, epsilon);
  const float mean = row_moments.mean;
  const int first = row % (all_channels / channels) * channels;
  for (int c = 0; c < channels; ++c) {
    const float factor = row_moments.inverse * scale[first + c];
    const float shift = bias[first + c];
    const size_t plane = at + (size_t)c * pixels;
    for (int i = lane; i < pixels; i += LX) y[plane + i] = (x[plane + i] - mean) * factor + shift;
  }
}
