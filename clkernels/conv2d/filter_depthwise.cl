// filter_depthwise: dw[c,k] = sum over n, o of dy[n,c,o] * x[n,c,o * S - P + k * D]
//
// Layout   x [N, CB, HI, WI, VW], dy [N, CB, HO, WO, VW]: channels in blocks of a vector.
//          dw [PARTS, C, KH, KW], contiguous: partial sums, added up by sum_partials.cl.
// Source   the definition; a channel is a lane.
// Method   a group takes one block of channels and UNITS pairs of image and row chunk. The taps of
//          one row of the kernel stay in registers along a row of pixels. Taps on the padding are
//          left out by the bounds of the loops over rows and columns.
// Cost     2 N C HO WO KH KW flop; KH reads of x and dy, from the cache all but one.
// Launch   global (CB, PARTS), local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW
//   N, C, HI, WI, HO, WO, KH, KW, SH, SW, DH, DW, PT, PL   as in depthwise.cl
//   RC           output rows of a chunk;  UNITS chunks of a group
#include "lib/vector.clh"
#ifndef RC
#define N 2
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
#define RC 3
#define UNITS 2
#endif
#define CB ((C + VW - 1) / VW)
#define TAPS (KH * KW)
#define ROW_CHUNKS ((HO + RC - 1) / RC)

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void filter_depthwise(
    __global const float* restrict x, __global const float* restrict dy,
    __global float* restrict dw) {
  const int c = get_group_id(0);
  const int u0 = (int)get_group_id(1) * UNITS;
  const int u1 = min(N * ROW_CHUNKS, u0 + UNITS);
  // Pixels whose taps all lie inside the row; the others are tested one by one.
  const int inner = min(WO, (PL + SW - 1) / SW);
  const int inner_end = max(inner, min(WO, (WI - 1 - (KW - 1) * DW + PL) / SW + 1));
  float lanes[TAPS * VW];
  for (int kh = 0; kh < KH; ++kh) {
    vec_t sums[KW];
#pragma unroll
    for (int k = 0; k < KW; ++k) sums[k] = (vec_t)(0.0f);
    for (int u = u0; u < u1; ++u) {
      const int n = u / ROW_CHUNKS;
      const int r0 = u % ROW_CHUNKS * RC;
      for (int o = r0; o < min(r0 + RC, HO); ++o) {
        const int h = o * SH - PT + kh * DH;
        if (h < 0 || h >= HI) continue;
        __global const float* from = x + ((n * CB + c) * HI + h) * WI * VW;
        __global const float* by = dy + ((n * CB + c) * HO + o) * WO * VW;
        for (int p = inner; p < inner_end; ++p) {
          const vec_t d = vec_load(p, by);
#pragma unroll
          for (int k = 0; k < KW; ++k) {
            sums[k] = fma(vec_load(p * SW - PL + k * DW, from), d, sums[k]);
          }
        }
        for (int edge = 0; edge < inner + WO - inner_end; ++edge) {
          const int p = edge < inner ? edge : edge - inner + inner_end;
          const vec_t d = vec_load(p, by);
#pragma unroll
          for (int k = 0; k < KW; ++k) {
            const int w = p * SW - PL + k * DW;
            if (w >= 0 && w < WI) sums[k] = fma(vec_load(w, from), d, sums[k]);
          }
        }
      }
    }
#pragma unroll
    for (int k = 0; k < KW; ++k) vec_store(sums[k], kh * KW + k, lanes);
  }
  __global float* to = dw + ((int)get_group_id(1) * C + c * VW) * TAPS;
  const int channels = min(VW, C - c * VW);
  for (int i = 0; i < channels; ++i) {
    for (int k = 0; k < TAPS; ++k) to[i * TAPS + k] = lanes[k * VW + i];
  }
}
