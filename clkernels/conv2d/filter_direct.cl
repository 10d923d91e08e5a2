// filter_direct: dw[f,c,k] = sum over n, o of dy[n,f,o] * x[n,c,o * S - P + k * D], in parts
//
// Layout   x [N, G CI, HI, WI], dy [N, G CO, HO, WO], NCHW, contiguous;
//          partial [chunks, G CO, CI, KH, KW].
// Source   the definition.
// Method   one work-item per weight and chunk of output rows: the fallback, for every shape.
// Cost     2 N G CO HO WO CI KH KW flop, one read of x and dy for each two of them.
// Launch   global (weights rounded up to WG, ceil(N * HO / ROWS)), local (WG, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   conv2d/geometry.clh's (forward)
//   ROWS         output rows (of all images) of a work-item
#include "conv2d/geometry.clh"
#ifndef ROWS
#define ROWS 9
#endif

__kernel void filter_direct(__global const float* restrict x, __global const float* restrict dy,
                            __global float* restrict partial) {
  const int i = (int)get_global_id(0);
  if (i >= G * CO * CI * TAPS) return;
  const int kw = i % KW;
  const int kh = i / KW % KH;
  const int c = i / TAPS % CI;
  const int f = i / (TAPS * CI) % CO;
  const int g = i / (TAPS * CI * CO);
  const int first = (int)get_global_id(1) * ROWS;
  const int end = min(first + ROWS, N * HO);
  float sum = 0.0f;
  for (int r = first; r < end; ++r) {
    const int n = r / HO, row = r % HO;
    __global const float* channel = x + ((n * G + g) * CI + c) * HI * WI;
    __global const float* d = dy + (((n * G + g) * CO + f) * HO + row) * WO;
    for (int o = 0; o < WO; ++o) {
      sum = mad(d[o], pixel(channel, row * SH - PT + kh * DH, o * SW - PL + kw * DW), sum);
    }
  }
  partial[(int)get_global_id(1) * (G * CO * CI * TAPS) + i] = sum;
}
