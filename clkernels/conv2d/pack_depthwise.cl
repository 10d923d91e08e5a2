// pack_depthwise: p[b][kh][kw][i] = w[b VW + i][TH0 + kh THS][TW0 + kw TWS]
//
// Layout   w [C, KHH, KHW], contiguous. p: [CB, KH, KW, VW], zero where there is no such channel.
// Method   a work-item packs one tap of one block of channels.
// Launch   global (CB, KH * KW), local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   C, VW;  KH, KW taps;  KHH, KHW  the source's kernel;  TH0, THS, TW0, TWS  its first tap and step
#ifndef C
#define C 20
#define VW 16
#define KH 3
#define KW 3
#define KHH 3
#define KHW 3
#define TH0 0
#define THS 1
#define TW0 0
#define TWS 1
#endif

__kernel void pack_depthwise(__global const float* restrict w, __global float* restrict p) {
  const int b = get_global_id(0);
  const int k = get_global_id(1);
  const int tap = (TH0 + k / KW * THS) * KHW + TW0 + k % KW * TWS;
  for (int i = 0; i < VW; ++i) {
    const int c = b * VW + i;
    p[(b * KH * KW + k) * VW + i] = c < C ? w[c * KHH * KHW + tap] : 0.0f;
  }
}
