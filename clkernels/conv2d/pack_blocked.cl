// pack_blocked: the weights of a convolution in the order in which blocked.cl reads them.
//   p[g][t][b][kh][kw][c][i] = w[g][f = t NF + i][b XB + c][th0 + kh ths][tw0 + kw tws]
//
// Layout   w: filters a_row, input channels a_channel and groups `group` elements apart (so
//          that backward passes read transposed and flipped weights). p: [G, FT, CB, KH, KW, XB, NF],
//          zero where there is no such filter or channel.
// Method   a work-item packs one tile of filters and one block of channels.
// Cost     one read of w, one write of p.
// Launch   global (CB, FT, G), local (1, 1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Arguments: ci, co channels and filters of one group; kh, kw taps; khw the width of the source's
//   kernel; th0, ths, tw0, tws the first source tap and the step to the next
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   XB, NF       block of channels, tile of filters
#ifndef XB
#define XB 16
#define NF 32
#endif

__kernel void pack_blocked(__global const float* restrict w, __global float* restrict p, int ci,
                           int co, int kh, int kw, int khw, int th0, int ths, int tw0, int tws,
                           int a_row, int a_channel, int group) {
  const int b = get_global_id(0);
  const int t = get_global_id(1);
  const int g = get_global_id(2);
  const int cb = get_global_size(0);
  const int ft = get_global_size(1);
  __global float* to = p + ((g * ft + t) * cb + b) * kh * kw * XB * NF;
  __global const float* from = w + g * group + t * NF * a_row + b * XB * a_channel;
  const int filters = min(NF, co - t * NF);
  const int channels = min(XB, ci - b * XB);
  for (int k = 0; k < kh * kw; ++k) {
    const int tap = (th0 + k / kw * ths) * khw + tw0 + k % kw * tws;
    for (int c = 0; c < XB; ++c) {
      __global float* line = to + (k * XB + c) * NF;
      for (int i = 0; i < NF; ++i) {
        line[i] = i < filters && c < channels ? from[i * a_row + c * a_channel + tap] : 0.0f;
      }
    }
  }
}
