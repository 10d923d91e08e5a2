// wide: y = (x - mean) / sqrt(variance + epsilon) * scale[c] + bias[c] with the moments of a group of
// channels of an image, for devices that run one work-item per group.
//
// Layout   x, y: [rows, channels, pixels] contiguous, a row being a group; y may be x. scale, bias:
//          [all_channels], of which row r has those from r * channels % all_channels on.
// Source   Wu, He, "Group normalization", 2018, arXiv:1803.08494, eq. 1 to 3.
// Method   a row at a time: moments run by run, then one pass of multiply-adds for each channel.
// Cost     2 reads and 1 write of x per element from memory; 7 flop.
// Launch   global (rows), local (1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
#include "lib/lines.clh"

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide(
    __global const float* x, __global const float* restrict scale,
    __global const float* restrict bias, __global float* y, int channels, int pixels,
    int all_channels, float epsilon) {
  const int row = get_global_id(0);
  const int count = channels * pixels;
  const size_t at = (size_t)row * count;
  moments_t m = {0.0f, 0.0f, 0.0f};
  m = line_moments(m, x + at, count);
  const float inverse = 1.0f / sqrt(m.squares / (float)count + epsilon);
  const int first = row % (all_channels / channels) * channels;
  for (int c = 0; c < channels; ++c) {
    __global const float* from = x + at + (size_t)c * pixels;
    __global float* to = y + at + (size_t)c * pixels;
    const float factor = inverse * scale[first + c];
    const float shift = bias[first + c];
    int i = 0;
    for (; i + VW <= pixels; i += VW) {
      const vec_t v = (vec_load(0, from + i) - m.mean) * factor + shift;
      vec_store(v, 0, to + i);
    }
    for (; i < pixels; ++i) to[i] = (from[i] - m.mean) * factor + shift;
  }
}
