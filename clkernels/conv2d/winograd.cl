// winograd: a 3 x 3 convolution with stride 1 by minimal filtering: each tile of TILE x TILE outputs
// costs (TILE + 2)^2 products per channel and filter instead of 9 TILE^2.
//   y[n,f,o] = epilogue(sum over c, k of w[f,c,k] * x[n,c,o - P + k] + bias[f])
//
// Layout   x [N, CB, HI, WI, VW], y [N, FV, HO, WO, VW]: channels in blocks of a vector. Weights come
//          transformed (conv2d/pack_winograd.cl): [FT, XI, CB, VW, NV VW]. residual like y.
// Source   conv2d/winograd.clh; fused per group so that no transformed tensor reaches memory.
// Method   a group takes TB tiles and FG tiles of filters:
//            1. v[xi][channel][tile] = the tiles' inputs, transformed;
//            2. m[xi][tile][filter] += v[xi] * u[xi], XI small products with an MR x NV register tile;
//            3. y = m transformed back, bias, epilogue.
//          1 and 2 alternate where only CHUNK blocks of channels fit.
// Cost     2 XI / TILE^2 N HO WO CI CO flop, and some 20 per element for the transforms.
// Launch   global (ceil(tiles / TB), ceil(FT / FG)), local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW, lib/epilogue.clh's HAS_BIAS, HAS_RESIDUAL and epilogue, winograd.clh's TILE
//   N, CI, CO, HI, WI, HO, WO, PT, PL   the convolution; PT, PL top and left padding
//   MR, NV       register tile: tiles of pixels, vectors of filters
//   TB           tiles of a group, a multiple of MR;  FG tiles of filters of a group
//   CHUNK        blocks of channels at a time
#include "conv2d/winograd.clh"
#include "lib/epilogue.clh"
#include "lib/lanes.clh"
#ifndef MR
#define N 1
#define CI 20
#define CO 24
#define HI 7
#define WI 6
#define HO 7
#define WO 6
#define PT 1
#define PL 1
#define MR 4
#define NV 2
#define TB 4
#define FG 1
#define CHUNK 1
#endif
#define NF (NV * VW)
#define CB ((CI + VW - 1) / VW)
#define TAIL (CI - (CB - 1) * VW)
#define FV ((CO + VW - 1) / VW)
#define FT ((FV + NV - 1) / NV)
#define TILES_H ((HO + TILE - 1) / TILE)
#define TILES_W ((WO + TILE - 1) / TILE)
#define TILES (N * TILES_H * TILES_W)
#define V_BLOCK (TB * VW)
#define V_XI (CHUNK * V_BLOCK)
#define M_XI (TB * NF)
#define EPILOGUE PNC_CAT(epilogue, VW)
#if HAS_RESIDUAL
#define FINISH(v, at) EPILOGUE(v, vec_load(0, residual + (at)))
#else
#define FINISH(v, at) EPILOGUE(v)
#endif

// The block of channels at x of the tile whose first output is (h, w).
__attribute__((always_inline)) inline void tile_in(__global const float* x, __local float* v,
                                                   const int h, const int w) {
  vec_t half_way[XI];
#pragma unroll
  for (int j = 0; j < P; ++j) {
    vec_t d[P];
    const int column = w - PL + j;
    const int inside = column >= 0 && column < WI;
#pragma unroll
    for (int i = 0; i < P; ++i) {
      const int row = h - PT + i;
      d[i] = inside && row >= 0 && row < HI ? vec_load(row * WI + column, x) : (vec_t)(0.0f);
    }
    WINO_INPUT(vec_t, d, 1, half_way + j, P)
  }
#pragma unroll
  for (int i = 0; i < P; ++i) {
    vec_t o[P];
    WINO_INPUT(vec_t, half_way + i * P, 1, o, 1)
#pragma unroll
    for (int j = 0; j < P; ++j) vec_store(o[j], 0, v + (i * P + j) * V_XI);
  }
}

// m[i][v] of MR tiles, over `blocks` blocks of channels.
__attribute__((always_inline)) inline void product(__local const float* v, __global const float* u,
                                                   __local float* m, const int blocks,
                                                   const int first, const int last) {
  vec_t acc[MR * NV];
#pragma unroll
  for (int i = 0; i < MR * NV; ++i) acc[i] = first ? (vec_t)(0.0f) : vec_load(i, m);
  for (int b = 0; b < blocks; ++b) {
    const int lanes = TAIL < VW && last && b + 1 == blocks ? TAIL : VW;
    for (int c = 0; c < lanes; ++c) {
      vec_t filters[NV];
#pragma unroll
      for (int k = 0; k < NV; ++k) filters[k] = vec_load(k, u);
      u += NF;
#pragma unroll
      for (int i = 0; i < MR; ++i) {
        const vec_t pixel = (vec_t)(v[i * VW + c]);
#pragma unroll
        for (int k = 0; k < NV; ++k) acc[i * NV + k] = fma(pixel, filters[k], acc[i * NV + k]);
      }
    }
    v += V_BLOCK;
  }
#pragma unroll
  for (int i = 0; i < MR * NV; ++i) vec_store(acc[i], i, m);
}

// One vector of filters of the tile whose first output is y + at.
__attribute__((always_inline)) inline void tile_out(__local const float* m, const vec_t bias,
                                                    __global const float* residual,
                                                    __global float* y, const int h, const int w,
                                                    const int at) {
  vec_t half_way[TILE * P];
#pragma unroll
  for (int j = 0; j < P; ++j) {
    vec_t d[P];
#pragma unroll
    for (int i = 0; i < P; ++i) d[i] = vec_load(0, m + (i * P + j) * M_XI);
    WINO_OUTPUT(vec_t, d, 1, half_way + j, P)
  }
#pragma unroll
  for (int i = 0; i < TILE; ++i) {
    vec_t o[TILE];
    WINO_OUTPUT(vec_t, half_way + i * P, 1, o, 1)
#pragma unroll
    for (int j = 0; j < TILE; ++j) {
      const int pixel = at + (i * WO + j) * VW;
      if ((HO % TILE == 0 || h + i < HO) && (WO % TILE == 0 || w + j < WO)) {
        vec_store(FINISH(o[j] + bias, pixel), 0, y + pixel);
      }
    }
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void winograd(
    __global const float* restrict x, __global const float* restrict u,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
    __global const float* restrict residual,
#endif
    __global float* restrict y) {
  __local float v[XI * V_XI];
  __local float m[(CHUNK < CB ? FG : 1) * XI * M_XI];
#if !HAS_RESIDUAL
  __global const float* residual = x;  // not read
#endif
  const int tile0 = (int)get_group_id(0) * TB;
  const int t0 = (int)get_group_id(1) * FG;
  const int t1 = min(t0 + FG, FT);
  for (int b = 0; b < CB; b += CHUNK) {
    const int blocks = min(CHUNK, CB - b);
    const int first = b == 0, last = b + CHUNK >= CB;
    for (int i = 0; i < TB; ++i) {
      const int tile = min(tile0 + i, TILES - 1);
      const int n = tile / (TILES_H * TILES_W);
      const int h = tile / TILES_W % TILES_H * TILE;
      const int w = tile % TILES_W * TILE;
      for (int c = 0; c < blocks; ++c) {
        tile_in(x + (n * CB + b + c) * HI * WI * VW, v + c * V_BLOCK + i * VW, h, w);
      }
    }
    for (int t = t0; t < t1; ++t) {
      __local float* mt = m + (CHUNK < CB ? t - t0 : 0) * XI * M_XI;
      for (int xi = 0; xi < XI; ++xi) {
        for (int i = 0; i < TB; i += MR) {
          product(v + xi * V_XI + i * VW, u + ((t * XI + xi) * CB + b) * VW * NF,
                  mt + xi * M_XI + i * NF, blocks, first, last);
        }
      }
      if (!last) continue;
      for (int k = 0; k < NV && t * NV + k < FV; ++k) {
        const int f = t * NV + k;
        vec_t start = (vec_t)(0.0f);
#if HAS_BIAS
        start = CO % VW == 0 || f + 1 < FV ? vec_load(f, bias)
                                           : load_part(bias + f * VW, CO - (FV - 1) * VW, 0.0f);
#endif
        for (int i = 0; i < TB && tile0 + i < TILES; ++i) {
          const int tile = tile0 + i;
          const int n = tile / (TILES_H * TILES_W);
          const int h = tile / TILES_W % TILES_H * TILE;
          const int w = tile % TILES_W * TILE;
          tile_out(mt + i * NF + k * VW, start, residual, y, h, w,
                   (((n * FV + f) * HO + h) * WO + w) * VW);
        }
      }
    }
  }
}
