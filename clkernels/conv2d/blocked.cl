// blocked: y[n,f,o] = epilogue(sum over c, k of w[f,c,k] * x[n,c,o * S - P + k * D] + bias[f])
//
// Layout   y [N, G CO / VW, HY, WY, VW], channels in blocks of a vector; x alike (XB = VW), or rows
//          of pixels [N, G CI, HI, WI] (XB = 1) for first layers with few channels. Weights come
//          packed (conv2d/pack_blocked.cl): [G, FT, CB, KH, KW, XB, NV VW].  residual like y.
// Source   Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD
//          Architectures", 2018, arXiv:1808.05567.
// Method   a tile of TH x TW pixels times NV vectors of filters stays in registers while all taps
//          and a chunk of channels run; the pixel's number is broadcast:
//
//                       NV vectors of filters
//            pixel  x > [acc acc]   acc[i][v] += x[pixel i + tap][c] * w[c][vector v]
//            TH TW  x > [acc acc]
//
//          Padded inputs are first copied into a slab with zeros around it, so that the loops have
//          no borders. Tiles at the end of a row or column are moved back to fit and repeat some
//          pixels, with the same results. Sums wait in local memory between chunks of channels.
//          Results may lie OSH, OSW apart: one phase of a backward pass with strides.
// Cost     2 N G CO HO WO CI KH KW flop.
// Launch   global (row blocks * column blocks, G * filter blocks, N), local (1, 1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW, lib/epilogue.clh's HAS_BIAS, HAS_RESIDUAL and epilogue
//   G, CI, CO    groups; channels of input and output of one group
//   HI, WI       input; HO, WO: output pixels of this call; KH, KW taps (0: the result is zero)
//   SH, SW       stride; DH, DW dilation; PT, PL padding, negative where it cuts
//   HY, WY       the tensor y; pixel o is at OH0 + o * OSH, OW0 + o * OSW
//   XB           channels of a block of x: VW, or 1 for rows
//   TH, TW, NV   tile: rows, columns, vectors of filters
//   RB, WB       output rows and columns of a group; RB >= TH, WB >= TW
//   FG           tiles of filters of a group
//   CHUNK        blocks of channels between two waits of the sums
//   SLAB         1: copy the input into local memory first
#include "lib/epilogue.clh"
#include "lib/lanes.clh"
#ifndef XB
#define XB VW
#define G 1
#define CI 20
#define HI 5
#define WI 6
#define CO 24
#define HO 5
#define WO 6
#define KH 3
#define KW 3
#define SH 1
#define SW 1
#define DH 1
#define DW 1
#define PT 1
#define PL 1
#define HY 5
#define WY 6
#define OH0 0
#define OW0 0
#define OSH 1
#define OSW 1
#define TH 1
#define TW 6
#define NV 2
#define RB 3
#define WB 6
#define FG 1
#define CHUNK 2
#define SLAB 1
#endif
#define MR (TH * TW)
#define NF (NV * VW)
#define CB ((CI + XB - 1) / XB)
#define TAIL (CI - (CB - 1) * XB)
#define FV ((CO + VW - 1) / VW)
#define FT ((FV + NV - 1) / NV)
#define TILES_H ((RB + TH - 1) / TH)
#define TILES_W ((WB + TW - 1) / TW)
#define ROW_BLOCKS ((HO + RB - 1) / RB)
#define FILTER_BLOCKS ((FT + FG - 1) / FG)
#define WHOLE_ROWS (HO % RB == 0)
#define WHOLE_COLUMNS (WO % WB == 0)
#if SLAB
#define SPACE __local
#define HS ((RB - 1) * SH + (KH - 1) * DH + 1)
#define WS ((WB - 1) * SW + (KW - 1) * DW + 1)
#define X_ROW (WS * XB)
#define X_BLOCK (HS * X_ROW)
#else
#define SPACE __global
#define X_ROW (WI * XB)
#define X_BLOCK (HI * X_ROW)
#endif
#define Y_BLOCK (HY * WY * VW)
#define Y_ROW (OSH * WY * VW)
#define Y_STEP (OSW * VW)
#define EPILOGUE PNC_CAT(epilogue, VW)
#if HAS_RESIDUAL
#define FINISH(v, at) EPILOGUE(v, vec_load(0, residual + (at)))
#else
#define FINISH(v, at) EPILOGUE(v)
#endif

// One tile over `blocks` blocks of channels. `row`, `column`: the first pixel that is stored.
__attribute__((always_inline)) inline void tile(
    SPACE const float* x, __global const float* w, __global const float* bias,
    __global const float* residual, __global float* y, __local float* sums, const int blocks,
    const int first, const int last, const int filters_left, const int row, const int column) {
  const int vectors = (filters_left + VW - 1) / VW;
  vec_t acc[MR * NV];
#if CHUNK < CB
  if (!first) {
#pragma unroll
    for (int i = 0; i < MR * NV; ++i) acc[i] = vec_load(i, sums);
  } else
#endif
  {
#pragma unroll
    for (int v = 0; v < NV; ++v) {
      vec_t start = (vec_t)(0.0f);
#if HAS_BIAS
      if (v < vectors) {
        start = CO % VW == 0 ? vec_load(v, bias)
                             : load_part(bias + v * VW, min(VW, filters_left - v * VW), 0.0f);
      }
#endif
#pragma unroll
      for (int i = 0; i < MR; ++i) acc[i * NV + v] = start;
    }
  }
  for (int b = 0; b < blocks; ++b) {
    const int lanes = TAIL < XB && last && b + 1 == blocks ? TAIL : XB;
    for (int kh = 0; kh < KH; ++kh) {
#if XB == 1
#pragma unroll
#endif
      for (int kw = 0; kw < KW; ++kw) {
        SPACE const float* from = x + b * X_BLOCK + kh * DH * X_ROW + kw * DW * XB;
        __global const float* weights = w + ((b * KH + kh) * KW + kw) * XB * NF;
        for (int c = 0; c < lanes; ++c) {
          vec_t filters[NV];
#pragma unroll
          for (int v = 0; v < NV; ++v) filters[v] = vec_load(v, weights);
          weights += NF;
#pragma unroll
          for (int i = 0; i < MR; ++i) {
            const vec_t pixel = (vec_t)(from[i / TW * SH * X_ROW + i % TW * SW * XB + c]);
#pragma unroll
            for (int v = 0; v < NV; ++v) {
              acc[i * NV + v] = fma(pixel, filters[v], acc[i * NV + v]);
            }
          }
        }
      }
    }
  }
#if CHUNK < CB
  if (!last) {
#pragma unroll
    for (int i = 0; i < MR * NV; ++i) vec_store(acc[i], i, sums);
    return;
  }
#endif
#pragma unroll
  for (int i = 0; i < MR; ++i) {
    if ((WHOLE_ROWS || i / TW >= row) && (WHOLE_COLUMNS || i % TW >= column)) {
#pragma unroll
      for (int v = 0; v < NV; ++v) {
        const int at = v * Y_BLOCK + i / TW * Y_ROW + i % TW * Y_STEP;
        if (FV % NV == 0 || v < vectors) vec_store(FINISH(acc[i * NV + v], at), 0, y + at);
      }
    }
  }
}

#if SLAB
// Rows [h, h + HS), columns [left, left + WS) of `blocks` blocks of x; zeros outside the input.
static inline void fill(__local float* slab, __global const float* x, const int blocks, const int h,
                        const int left) {
  const int before = clamp(-left, 0, WS);
  const int end = clamp(WI - left, before, WS);
  for (int b = 0; b < blocks; ++b) {
    for (int r = 0; r < HS; ++r) {
      __local float* to = slab + b * X_BLOCK + r * X_ROW;
      const int inside = h + r >= 0 && h + r < HI;
      const int first = inside ? before : WS;
      const int last = inside ? end : WS;
      for (int i = 0; i < first * XB; ++i) to[i] = 0.0f;
      if (inside) {
        __global const float* from = x + ((b * HI + h + r) * WI + left) * XB;
#if XB == 1
        for (int i = first; i < last; ++i) to[i] = from[i];
#else
        for (int i = first; i < last; ++i) vec_store(vec_load(i, from), i, to);
#endif
      }
      for (int i = last * XB; i < WS * XB; ++i) to[i] = 0.0f;
    }
  }
}
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void blocked(
    __global const float* restrict x, __global const float* restrict w,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
    __global const float* restrict residual,
#endif
    __global float* restrict y) {
#if SLAB
  __local float slab[CHUNK * X_BLOCK];
#endif
#if CHUNK < CB
  __local float sums[FG * TILES_H * TILES_W * MR * NF];
#else
  __local float* const sums = 0;
#endif
  const int n = get_group_id(2);
  const int g = (int)get_group_id(1) / FILTER_BLOCKS;
  const int t0 = ((int)get_group_id(1) % FILTER_BLOCKS) * FG;
  const int t1 = min(t0 + FG, FT);
  const int row0 = ((int)get_group_id(0) % ROW_BLOCKS) * RB;
  const int column0 = ((int)get_group_id(0) / ROW_BLOCKS) * WB;
  // The last block is moved back to fit; what lies before row0, column0 belongs to others.
  const int top = min(row0, HO - RB);
  const int left = min(column0, WO - WB);
  __global const float* xn = x + (n * G + g) * CB * HI * WI * XB;
  const int y0 = ((n * G + g) * FV * HY + OH0 + top * OSH) * WY * VW + (OW0 + left * OSW) * VW;

  for (int b = 0; b < CB; b += CHUNK) {
    const int blocks = min(CHUNK, CB - b);
    const int first = b == 0, last = b + CHUNK >= CB;
#if SLAB
    fill(slab, xn + b * HI * WI * XB, blocks, top * SH - PT, left * SW - PL);
#endif
    for (int t = t0; t < t1; ++t) {
      __global const float* wt = w + (((g * FT + t) * CB + b) * KH * KW) * XB * NF;
      for (int th = (row0 - top) / TH; th < TILES_H; ++th) {
        const int r = min(th * TH, RB - TH);
        for (int tw = (column0 - left) / TW; tw < TILES_W; ++tw) {
          const int c = min(tw * TW, WB - TW);
#if SLAB
          __local const float* from = slab + r * SH * X_ROW + c * SW * XB;
#else
          __global const float* from =
              xn + b * X_BLOCK + ((top + r) * SH - PT) * X_ROW + ((left + c) * SW - PL) * XB;
#endif
          const int at = y0 + t * NV * Y_BLOCK + r * Y_ROW + c * Y_STEP;
          tile(from, wt,
#if HAS_BIAS
               bias + (g * FV + t * NV) * VW,
#else
               w,
#endif
#if HAS_RESIDUAL
               residual + at,
#else
               w,
#endif
               y + at, sums + (((t - t0) * TILES_H + th) * TILES_W + tw) * MR * NF, blocks, first,
               last, CO - t * NF, row0 - top - r, column0 - left - c);
        }
      }
    }
  }
}
