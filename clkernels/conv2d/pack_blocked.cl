// pack_blocked: the weights of a convolution in the order in which blocked.cl reads them.
//   p[g][t][b][kh][kw][c][i] = w[g][f = t NF + i][b XB + c][TH0 + kh THS][TW0 + kw TWS]
//
// Layout   w: rows A_ROW and input channels A_CHANNEL elements apart, groups CO CI taps apart (so
//          that backward passes read transposed and flipped weights). p: [G, FT, CB, KH, KW, XB, NF],
//          zero where there is no such filter or channel.
// Method   a work-item packs one tile of filters and one block of channels.
// Cost     one read of w, one write of p.
// Launch   global (CB, FT, G), local (1, 1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   CI, CO       channels and filters of one group;  XB, NF  block of channels, tile of filters
//   KH, KW       taps;  TH0, THS, TW0, TWS  the first source tap and the step to the next
//   KHW          the width of the source's kernel;  GROUP  elements of one group of w
//   A_ROW, A_CHANNEL  distance of neighbouring filters and channels in w
#ifndef XB
#define XB 16
#define NF 32
#define CI 20
#define CO 24
#define KH 3
#define KW 3
#define TH0 0
#define THS 1
#define TW0 0
#define TWS 1
#define KHW 3
#define A_ROW (CI * 9)
#define A_CHANNEL 9
#define GROUP (CO * CI * 9)
#endif
#define CB ((CI + XB - 1) / XB)
#define FT ((CO + NF - 1) / NF)

__kernel void pack_blocked(__global const float* restrict w, __global float* restrict p) {
  const int b = get_global_id(0);
  const int t = get_global_id(1);
  const int g = get_global_id(2);
  __global float* to = p + ((g * FT + t) * CB + b) * KH * KW * XB * NF;
  __global const float* from = w + g * GROUP + t * NF * A_ROW + b * XB * A_CHANNEL;
  const int filters = min(NF, CO - t * NF);
  const int channels = min(XB, CI - b * XB);
  for (int kh = 0; kh < KH; ++kh) {
    for (int kw = 0; kw < KW; ++kw) {
      const int tap = (TH0 + kh * THS) * KHW + TW0 + kw * TWS;
      for (int c = 0; c < XB; ++c) {
        __global float* line = to + ((kh * KW + kw) * XB + c) * NF;
        for (int i = 0; i < NF; ++i) {
          line[i] = i < filters && c < channels ? from[i * A_ROW + c * A_CHANNEL + tap] : 0.0f;
        }
      }
    }
  }
}
