// winograd_out: products of tiles transformed back, the last of three calls (conv2d/winograd_in.cl):
//   y[n,f,tile] = epilogue(transform of m[.][tile][f] + bias[f])
//
// Layout   m [XI, tiles, FV VW]; y [N, FV, HO, WO, VW], channels in blocks of a vector that they
//          fill. residual like y, bias [FV VW].
// Source   conv2d/winograd.clh
// Method   a group transforms `each` tiles, block by block.
// Cost     one read of m, TILE^2 / XI times as much written.
// Launch   global (ceil(tiles / each)), local (1).
// SPDX-License-Identifier: Apache-2.0
//
// Arguments: images, fv, ho, wo, each
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW, lib/epilogue.clh's HAS_BIAS, HAS_RESIDUAL and epilogue, winograd.clh's TILE
#define PRODUCTS __global
#include "conv2d/winograd_tiles.clh"

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void winograd_out(
    __global const float* restrict m,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
    __global const float* restrict residual,
#endif
    __global float* restrict y, int images, int fv, int ho, int wo, int each) {
#if !HAS_RESIDUAL
  __global const float* residual = m;  // not read
#endif
  const int tiles_h = (ho + TILE - 1) / TILE;
  const int tiles_w = (wo + TILE - 1) / TILE;
  const int tiles = images * tiles_h * tiles_w;
  const int first = (int)get_group_id(0) * each;
  for (int tile = first; tile < min(first + each, tiles); ++tile) {
    const place_t at = place_of(tile, tiles_h, tiles_w);
    for (int f = 0; f < fv; ++f) {
      vec_t start = (vec_t)(0.0f);
#if HAS_BIAS
      start = vec_load(f, bias);
#endif
      tile_out(m + (tile * fv + f) * VW, tiles * fv * VW, start, residual, y,
               (((at.n * fv + f) * ho + at.h) * wo + at.w) * VW, wo, min(TILE, ho - at.h),
               min(TILE, wo - at.w), -INFINITY);
    }
  }
}
