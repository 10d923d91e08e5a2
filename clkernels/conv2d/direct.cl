// direct: y[n,f,o] = epilogue(sum over c, k of w[f,c,k] * x[n,c,o * S - P + k * D] + bias[f])
//
// Layout   x [N, G CI, HI, WI], y [N, G CO, HO, WO], NCHW, contiguous; w as A_ROW, A_CHANNEL and
//          FLIP say; bias [G CO]; residual like y.  Serves conv2d and conv2d_backward_data
//          (conv2d/geometry.clh).
// Source   the definition.
// Method   one work-item per output element: the fallback, for every shape and device.
// Cost     2 N G CO HO WO CI KH KW flop, one read of x and w for each two of them.
// Launch   global (outputs rounded up to WG), local (WG).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   conv2d/geometry.clh's, lib/epilogue.clh's HAS_BIAS, HAS_RESIDUAL and epilogue
#include "conv2d/geometry.clh"
#include "lib/epilogue.clh"

__kernel void direct(__global const float* restrict x, __global const float* restrict w,
#if HAS_BIAS
                     __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
                     __global const float* restrict residual,
#endif
                     __global float* restrict y) {
  const int i = (int)get_global_id(0);
  if (i >= N * G * CO * HO * WO) return;
  const int column = i % WO;
  const int row = i / WO % HO;
  const int f = i / (WO * HO) % CO;
  const int g = i / (WO * HO * CO) % G;
  const int n = i / (WO * HO * CO * G);
  __global const float* image = x + (n * G + g) * CI * HI * WI;
  __global const float* weights = w + g * CO * CI * TAPS + f * A_ROW;
  float sum = 0.0f;
  for (int c = 0; c < CI; ++c) {
    for (int kh = 0; kh < KH; ++kh) {
      for (int kw = 0; kw < KW; ++kw) {
        sum = mad(weights[c * A_CHANNEL + TAP(kh * KW + kw)],
                  pixel(image + c * HI * WI, row * SH - PT + kh * DH, column * SW - PL + kw * DW),
                  sum);
      }
    }
  }
#if HAS_BIAS
  sum += bias[g * CO + f];
#endif
  const int to = ((n * G * CO + STORED(g * CO + f)) * HO + row) * WO + column;
#if HAS_RESIDUAL
  y[to] = epilogue1(sum, residual[to]);
#else
  y[to] = epilogue1(sum);
#endif
}
