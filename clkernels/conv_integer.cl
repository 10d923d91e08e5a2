// conv_integer: y[n,f,o] = sum over c, k of (x[n,c,o * S - P + k * D] - x_zero) (w[f,c,k] - w_zero[f])
//
// Layout   x [N, G CI, HI, WI], w [G CO, CI, KH, KW] of bytes, y [N, G CO, HO, WO] of int; contiguous.
// Source   the definition; ONNX's ConvInteger. Padding counts as 0 after the zero point is taken off.
// Method   one work-item per output element; exact in 32 bits.
// Cost     one read of x and w from memory, the others from the cache; 2 CI KH KW operations.
// Launch   global (outputs rounded up to WG), local (WG).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   X_TYPE, W_TYPE   uchar or char
//   HAS_X_ZERO       1: there is a zero point of x
//   HAS_W_ZERO       1: there is one for all filters, 2: one for each
#ifndef X_TYPE
#define X_TYPE uchar
#endif
#ifndef W_TYPE
#define W_TYPE char
#endif
#ifndef HAS_X_ZERO
#define HAS_X_ZERO 1
#endif
#ifndef HAS_W_ZERO
#define HAS_W_ZERO 2
#endif

__kernel void conv_integer(__global const X_TYPE* restrict x, __global const W_TYPE* restrict w,
#if HAS_X_ZERO
                           __global const X_TYPE* restrict x_zero,
#endif
#if HAS_W_ZERO
                           __global const W_TYPE* restrict w_zero,
#endif
                           __global int* restrict y, int outputs, int filters, int per_group,
                           int channels, int group_channels, int hi, int wi, int ho, int wo, int kh,
                           int kw, int stride_h, int stride_w, int dilation_h, int dilation_w,
                           int pad_top, int pad_left) {
  const int i = (int)get_global_id(0);
  if (i >= outputs) return;
  const int f = i / (ho * wo) % filters;
  const int n = i / (ho * wo) / filters;
#if HAS_X_ZERO
  const int x_least = x_zero[0];
#else
  const int x_least = 0;
#endif
#if HAS_W_ZERO
  const int w_least = w_zero[HAS_W_ZERO == 2 ? f : 0];
#else
  const int w_least = 0;
#endif
  const int top = i / wo % ho * stride_h - pad_top;
  const int left = i % wo * stride_w - pad_left;
  // The taps inside the input.
  const int r0 = top < 0 ? (-top + dilation_h - 1) / dilation_h : 0;
  const int r1 = min(kh, top < hi ? (hi - top - 1) / dilation_h + 1 : 0);
  const int c0 = left < 0 ? (-left + dilation_w - 1) / dilation_w : 0;
  const int c1 = min(kw, left < wi ? (wi - left - 1) / dilation_w + 1 : 0);
  int sum = 0;
  for (int c = 0; c < group_channels; ++c) {
    const int plane = n * channels + f / per_group * group_channels + c;
    for (int r = r0; r < r1; ++r) {
      __global const X_TYPE* from = x + (plane * hi + top + r * dilation_h) * wi + left;
      __global const W_TYPE* taps = w + ((f * group_channels + c) * kh + r) * kw;
      for (int k = c0; k < c1; ++k) {
        sum += (from[k * dilation_w] - x_least) * (taps[k] - w_least);
      }
    }
  }
  y[i] = sum;
}
