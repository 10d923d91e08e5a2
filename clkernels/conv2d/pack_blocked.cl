// pack_blocked: the weights of a convolution in the order in which blocked.cl reads them.
//   p[g][t][b][kh][kw][c][i] = w[g][f = t NF + i][b XB + c][th0 + kh ths][tw0 + kw tws]
//
// Layout   w: filters a_row, input channels a_channel and groups `group` elements apart (so
//          that backward passes read transposed and flipped weights). p: [G, FT, CB, KH, KW, XB, NF],
//          zero where there is no such filter or channel.
// Method   a work-item packs one vector of filters and one block of channels; where both are whole, by
//          vectors that are turned in registers (conv2d/pack.clh).
// Cost     one read of w, one write of p.
// Launch   global (CB, FT * NF / VW, G), the first two swapped if TURNED: neighbours read neighbouring
//          weights; local (1, 1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Arguments: ci, co channels and filters of one group; kh, kw taps; khw the width of the source's
//   kernel; th0, ths, tw0, tws the first source tap and the step to the next
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW, XB, NF   vector of filters, block of channels, tile of filters
//   WHOLE        1: XB = VW, vectors of filters and blocks of channels are full
//   TURNED, TAPS as in conv2d/pack.clh; TAPS only if WHOLE
#ifndef XB
#define VW 16
#define XB 16
#define NF 32
#define WHOLE 1
#define TAPS 9
#define TURNED 1
#endif
#if WHOLE
#include "conv2d/pack.clh"
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void pack_blocked(
    __global const float* restrict w, __global float* restrict p, int ci, int co, int kh, int kw,
    int khw, int th0, int ths, int tw0, int tws, int a_row, int a_channel, int group) {
  const int b = get_global_id(TURNED ? 1 : 0);
  const int f = (int)get_global_id(TURNED ? 0 : 1) * VW;
  const int g = get_global_id(2);
  const int cb = get_global_size(TURNED ? 1 : 0);
  const int ft = (int)get_global_size(TURNED ? 0 : 1) / (NF / VW);
  __global float* to = p + ((g * ft + f / NF) * cb + b) * kh * kw * XB * NF + f % NF;
  __global const float* from = w + g * group + f * a_row + b * XB * a_channel;
#if WHOLE
  if (f < co) {
    vec_t lines[TAPS * VW];
    read_lines(from, TURNED ? a_channel : a_row, lines);
    for (int k = 0; k < kh * kw; ++k) {
      const int tap = (th0 + k / kw * ths) * khw + tw0 + k % kw * tws;
#pragma unroll
      for (int c = 0; c < VW; ++c) vec_store(lines[tap * VW + c], 0, to + (k * XB + c) * NF);
    }
    return;
  }
#endif
  const int filters = min(VW, co - f);
  const int channels = min(XB, ci - b * XB);
  for (int k = 0; k < kh * kw; ++k) {
    const int tap = (th0 + k / kw * ths) * khw + tw0 + k % kw * tws;
    for (int c = 0; c < XB; ++c) {
      __global float* line = to + (k * XB + c) * NF;
      for (int i = 0; i < VW; ++i) {
        line[i] = i < filters && c < channels ? from[i * a_row + c * a_channel + tap] : 0.0f;
      }
    }
  }
}
