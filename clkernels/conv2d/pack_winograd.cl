// pack_winograd: 3 x 3 weights transformed for winograd.cl, or as panels for matmul/wide.cl.
//   u[t][xi][b][c][i] = the transform of w[f = t NF + i][b VW + c], element xi
//
// Layout   w: filters a_row and input channels a_channel elements apart, flipped for a backward pass
//          (flip). u: blocks [CB, VW, NF], those of t and xi t_step and xi_step elements apart;
//          zero where there is no such filter or channel.
// Source   conv2d/winograd.clh
// Method   a work-item transforms one tile of filters for one block of channels, a channel at a time:
//          the NF filters of a channel are the lanes.
// Cost     one read of w, XI / 9 times as much written.
// Launch   global (CB, FT), local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Arguments: ci, co channels and filters
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   winograd.clh's TILE;  VW block of channels;  NF tile of filters
#include "conv2d/winograd.clh"
#ifndef NF
#define VW 16
#define NF 32
#endif

__kernel void pack_winograd(__global const float* restrict w, __global float* restrict u, int ci,
                            int co, int a_row, int a_channel, int flip, int t_step, int xi_step) {
  const int b = get_global_id(0);
  const int t = get_global_id(1);
  const int filters = min(NF, co - t * NF);
  const int channels = min(VW, ci - b * VW);
  for (int c = 0; c < VW; ++c) {
    float lines[XI * NF];
    float taps[9 * NF];
    for (int i = 0; i < NF; ++i) {
      const int exists = i < filters && c < channels;
      __global const float* from =
          w + (exists ? (t * NF + i) * a_row + (b * VW + c) * a_channel : 0);
#pragma unroll
      for (int k = 0; k < 9; ++k) taps[k * NF + i] = exists ? from[flip ? 8 - k : k] : 0.0f;
    }
    // Lane by lane the same: vectors.
    for (int i = 0; i < NF; ++i) {
      float half_way[P * 3];
#pragma unroll
      for (int k = 0; k < 3; ++k) WINO_FILTER(float, taps + k * NF + i, 3 * NF, half_way + k, 3)
#pragma unroll
      for (int k = 0; k < P; ++k) {
        WINO_FILTER(float, half_way + k * 3, 1, lines + k * P * NF + i, NF)
      }
    }
    for (int xi = 0; xi < XI; ++xi) {
      __global float* to = u + t * t_step + xi * xi_step + (b * VW + c) * NF;
      for (int i = 0; i < NF; ++i) to[i] = lines[xi * NF + i];
    }
  }
}
