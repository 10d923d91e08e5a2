// winograd: a 3 x 3 convolution with stride 1 by minimal filtering: each tile of TILE x TILE outputs
// costs (TILE + 2)^2 products per channel and filter instead of 9 TILE^2.
//   y[n,f,o] = epilogue(sum over c, k of w[f,c,k] * x[n,c,o - P + k] + bias[f])
//
// Layout   x [N, CB, HI, WI, VW], y [N, FV, HO, WO, VW]: channels in blocks of a vector. Weights come
//          transformed (conv2d/pack_winograd.cl): [FT, XI, CB VW NV VW + VW]. residual like y.
// Source   conv2d/winograd.clh; fused per group so that no transformed tensor reaches memory.
// Method   a group takes TB tiles and fg tiles of filters:
//            1. v[xi][channel][tile] = the tiles' inputs, transformed;
//            2. m[xi][tile][filter] += v[xi] * u[xi], XI small products with an MR x NV register tile;
//            3. y = m transformed back, bias, epilogue.
//          1 and 2 alternate where only `chunk` blocks of channels fit.
// Cost     2 XI / TILE^2 N HO WO CI CO flop, and some 20 per element for the transforms.
// Launch   global (ceil(tiles / TB), ceil(FT / fg)), local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Arguments: images, ci, hi, wi, co, ho, wo, pt, pl the convolution; pt, pl top and left padding
//   fg           tiles of filters of a group
//   chunk        blocks of channels at a time
//   has_residual, least  with RELU_BY_ARGUMENT
//   v, m         local memory: XI (chunk TB + 1) VW floats, and XI (TB NV + 1) VW, with CHUNKED
//                times fg
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW, lib/epilogue.clh's HAS_BIAS, HAS_RESIDUAL and epilogue, winograd.clh's TILE,
//   winograd_tiles.clh's RELU_BY_ARGUMENT
//   MR, NV       register tile: tiles of pixels, vectors of filters
//   TB           tiles of a group, a multiple of MR
//   CHUNKED      1: chunk < number of blocks of channels
//   FULL         1: ci and co are multiples of VW
#define PRODUCTS __local
#include "conv2d/winograd_tiles.clh"
#ifndef MR
#define MR 4
#define NV 2
#define TB 4
#define CHUNKED 1
#define FULL 0
#endif
#define NF (NV * VW)
#define V_BLOCK (TB * VW)
// A vector between elements: or all of a tile's compete for the same few lines of a cache.
#define M_XI (TB * NF + VW)

// m[i][v] of MR tiles, over `blocks` blocks of channels, the last one with `tail` channels.
__attribute__((noinline)) static inline void product(__local const float* v,
                                                     __global const float* u, __local float* m,
                                                     const int blocks, const int tail,
                                                     const int first) {
  vec_t acc[MR * NV];
#pragma unroll
  for (int i = 0; i < MR * NV; ++i) acc[i] = !CHUNKED || first ? (vec_t)(0.0f) : vec_load(i, m);
  for (int b = 0; b < blocks; ++b) {
    const int lanes = FULL || b + 1 < blocks ? VW : tail;
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

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void winograd(
    __global const float* restrict x, __global const float* restrict u,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
#if HAS_RESIDUAL || RELU_BY_ARGUMENT
    __global const float* restrict residual,
#endif
    __global float* restrict y, __local float* v, __local float* m, int images, int ci, int hi,
    int wi, int co, int ho, int wo, int pt, int pl, int fg, int chunk
#if RELU_BY_ARGUMENT
    ,
    int has_residual, float least
#endif
) {
#if RELU_BY_ARGUMENT
  if (!has_residual) residual = 0;
#else
  const float least = 0.0f;  // not read
#endif
#if !RELU_BY_ARGUMENT && !HAS_RESIDUAL
  __global const float* residual = x;  // not read
#endif
  const int cb = (ci + VW - 1) / VW;
  const int fv = (co + VW - 1) / VW;
  const int ft = (fv + NV - 1) / NV;
  const int tiles_h = (ho + TILE - 1) / TILE;
  const int tiles_w = (wo + TILE - 1) / TILE;
  const int tiles = images * tiles_h * tiles_w;
  const int v_xi = chunk * V_BLOCK + VW;
  const int u_xi = (cb * NF + 1) * VW;
  const int tile0 = (int)get_group_id(0) * TB;
  const int t0 = (int)get_group_id(1) * fg;
  const int t1 = min(t0 + fg, ft);
  for (int b = 0; b < cb; b += chunk) {
    const int blocks = min(chunk, cb - b);
    const int first = b == 0, last = b + chunk >= cb;
    const int tail = last ? ci - (cb - 1) * VW : VW;
    for (int i = 0; i < TB; ++i) {
      const int tile = min(tile0 + i, tiles - 1);
      const place_t at = place_of(tile, tiles_h, tiles_w);
      for (int c = 0; c < blocks; ++c) {
        tile_in(x + (at.n * cb + b + c) * hi * wi * VW, hi, wi, v + c * V_BLOCK + i * VW, v_xi,
                at.h - pt, at.w - pl);
      }
    }
    for (int t = t0; t < t1; ++t) {
      __local float* mt = m + (CHUNKED ? t - t0 : 0) * XI * M_XI;
      for (int xi = 0; xi < XI; ++xi) {
        for (int i = 0; i < TB; i += MR) {
          product(v + xi * v_xi + i * VW, u + (t * XI + xi) * u_xi + b * VW * NF,
                  mt + xi * M_XI + i * NF, blocks, tail, first);
        }
      }
      if (CHUNKED && !last) continue;
      for (int f = t * NV; f < min((t + 1) * NV, fv); ++f) {
        vec_t start = (vec_t)(0.0f);
#if HAS_BIAS
        start =
            FULL || f + 1 < fv ? vec_load(f, bias) : load_part(bias + f * VW, co - f * VW, 0.0f);
#endif
        for (int i = 0; i < TB && tile0 + i < tiles; ++i) {
          const int tile = tile0 + i;
          const place_t at = place_of(tile, tiles_h, tiles_w);
          tile_out(mt + i * NF + (f - t * NV) * VW, M_XI, start, residual, y,
                   (((at.n * fv + f) * ho + at.h) * wo + at.w) * VW, wo, min(TILE, ho - at.h),
                   min(TILE, wo - at.w), least);
        }
      }
    }
  }
}
