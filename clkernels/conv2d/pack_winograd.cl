// pack_winograd: 3 x 3 weights transformed for winograd.cl.
//   u[t][xi][b][c][i] = the transform of w[f = t NF + i][b VW + c], element xi
//
// Layout   w: filters A_ROW and input channels A_CHANNEL elements apart, flipped for a backward pass
//          (FLIP). u: [FT, XI, CB, VW, NF], zero where there is no such filter or channel.
// Source   conv2d/winograd.clh
// Method   a work-item transforms one tile of filters for one block of channels, a channel at a time:
//          the NF filters of a channel are the lanes.
// Cost     one read of w, XI / 9 times as much written.
// Launch   global (CB, FT), local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   winograd.clh's TILE;  VW block of channels;  NF tile of filters;  CI, CO, A_ROW, A_CHANNEL, FLIP
#include "conv2d/winograd.clh"
#ifndef NF
#define VW 16
#define NF 32
#define CI 20
#define CO 24
#define A_ROW (CI * 9)
#define A_CHANNEL 9
#define FLIP 0
#endif
#define CB ((CI + VW - 1) / VW)

__kernel void pack_winograd(__global const float* restrict w, __global float* restrict u) {
  const int b = get_global_id(0);
  const int t = get_global_id(1);
  const int filters = min(NF, CO - t * NF);
  const int channels = min(VW, CI - b * VW);
  for (int c = 0; c < VW; ++c) {
    float lines[XI * NF];
    for (int i = 0; i < NF; ++i) {
      float taps[9];
      float half_way[P * 3];
      if (i < filters && c < channels) {
        __global const float* from = w + (t * NF + i) * A_ROW + (b * VW + c) * A_CHANNEL;
#pragma unroll
        for (int k = 0; k < 9; ++k) taps[k] = from[FLIP ? 8 - k : k];
      } else {
#pragma unroll
        for (int k = 0; k < 9; ++k) taps[k] = 0.0f;
      }
#pragma unroll
      for (int k = 0; k < 3; ++k) WINO_FILTER(float, taps + k, 3, half_way + k, 3)
#pragma unroll
      for (int k = 0; k < P; ++k) {
        WINO_FILTER(float, half_way + k * 3, 1, lines + k * P * NF + i, NF)
      }
    }
    for (int xi = 0; xi < XI; ++xi) {
      __global float* to = u + (((t * XI + xi) * CB + b) * VW + c) * NF;
      for (int i = 0; i < NF; ++i) to[i] = lines[xi * NF + i];
    }
  }
}
