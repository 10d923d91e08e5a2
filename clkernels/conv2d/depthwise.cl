// depthwise: y[n,c,o] = epilogue(sum over k of w[c,k] * x[n,c,o * S - P + k * D] + bias[c])
//
// Layout   x [N, CB, HI, WI, VW], y [N, CB, HY, WY, VW]: channels in blocks of a vector. Weights come
//          packed (conv2d/pack_depthwise.cl): [CB, KH, KW, VW]. residual like y.
// Source   the definition; a channel is a lane.
// Method   a group takes RB output rows of one block of channels of one image. TW neighbouring pixels
//          are summed in registers; where the taps of all of them lie inside the row, without tests.
//          Results may lie OSH, OSW apart: one phase of a backward pass with strides.
// Cost     2 N C HO WO KH KW flop; one read of x and one write of y.
// Launch   global (ceil(HO / RB), CB, N), local (1, 1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW, lib/epilogue.clh's HAS_BIAS, HAS_RESIDUAL and epilogue
//   C            channels
//   HI, WI, HO, WO, KH, KW, SH, SW, DH, DW, PT, PL, HY, WY, OH0, OW0, OSH, OSW   as in blocked.cl
//   TW           pixels in registers;  RB output rows of a group
#include "lib/epilogue.clh"
#include "lib/lanes.clh"
#ifndef TW
#define C 20
#define HI 6
#define WI 9
#define HO 6
#define WO 9
#define KH 3
#define KW 3
#define SH 1
#define SW 1
#define DH 1
#define DW 1
#define PT 1
#define PL 1
#define HY 6
#define WY 9
#define OH0 0
#define OW0 0
#define OSH 1
#define OSW 1
#define TW 4
#define RB 2
#endif
#define CB ((C + VW - 1) / VW)
#define EPILOGUE PNC_CAT(epilogue, VW)
#if HAS_RESIDUAL
#define FINISH(v, at) EPILOGUE(v, vec_load(0, residual + (at)))
#else
#define FINISH(v, at) EPILOGUE(v)
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void depthwise(
    __global const float* restrict x, __global const float* restrict w,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
    __global const float* restrict residual,
#endif
    __global float* restrict y) {
  const int c = get_group_id(1);
  const int n = get_group_id(2);
  const int end = min(HO, ((int)get_group_id(0) + 1) * RB);
  __global const float* plane = x + (n * CB + c) * HI * WI * VW;
  __global const float* wc = w + c * KH * KW * VW;
  vec_t start = (vec_t)(0.0f);
#if HAS_BIAS
  start = C % VW == 0 || c + 1 < CB ? vec_load(c, bias)
                                    : load_part(bias + c * VW, C - (CB - 1) * VW, 0.0f);
#endif
  for (int o = (int)get_group_id(0) * RB; o < end; ++o) {
    const int top = o * SH - PT;
    for (int first = 0; first < WO; first += TW) {
      // The last pixels of a row are done again with the ones before them.
      const int p = WO >= TW ? min(first, WO - TW) : 0;
      const int left = p * SW - PL;
      vec_t sums[TW];
#pragma unroll
      for (int i = 0; i < TW; ++i) sums[i] = start;
      const int inside = left >= 0 && left + (TW - 1) * SW + (KW - 1) * DW < WI;
      for (int kh = 0; kh < KH; ++kh) {
        const int h = top + kh * DH;
        if (h < 0 || h >= HI) continue;
        __global const float* from = plane + (h * WI + left) * VW;
        if (inside) {
#pragma unroll
          for (int kw = 0; kw < KW; ++kw) {
            const vec_t tap = vec_load(kh * KW + kw, wc);
#pragma unroll
            for (int i = 0; i < TW; ++i) {
              sums[i] = fma(vec_load(i * SW + kw * DW, from), tap, sums[i]);
            }
          }
        } else {
#pragma unroll
          for (int kw = 0; kw < KW; ++kw) {
            const vec_t tap = vec_load(kh * KW + kw, wc);
#pragma unroll
            for (int i = 0; i < TW; ++i) {
              const int at = left + i * SW + kw * DW;
              if (at >= 0 && at < WI) sums[i] = fma(vec_load(i * SW + kw * DW, from), tap, sums[i]);
            }
          }
        }
      }
      const int y0 = (((n * CB + c) * HY + OH0 + o * OSH) * WY + OW0 + p * OSW) * VW;
#pragma unroll
      for (int i = 0; i < TW; ++i) {
        if (WO >= TW || i < WO) {
          vec_store(FINISH(sums[i], y0 + i * OSW * VW), 0, y + y0 + i * OSW * VW);
        }
      }
    }
  }
}
