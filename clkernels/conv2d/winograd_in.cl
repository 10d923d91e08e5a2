// winograd_in: the tiles of an image transformed, the first of three calls:
//   v[xi][tile][c] = transform of x[n,c,tile], then m[xi] = v[xi] u[xi], then winograd_out.cl.
//
// Layout   x [N, CB, HI, WI, VW], channels in blocks of a vector that they fill.
//          v [XI, tiles, CB VW]; tiles row by row, image by image.
// Source   conv2d/winograd.clh
// Method   a group transforms `each` tiles, block by block.
// Cost     one read of x, XI / TILE^2 times as much written.
// Launch   global (ceil(tiles / each)), local (1).
// SPDX-License-Identifier: Apache-2.0
//
// Arguments: images, cb, hi, wi, tiles_h, tiles_w, pt, pl top and left padding, each
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW, winograd.clh's TILE
#define PRODUCTS __global
#include "conv2d/winograd_tiles.clh"

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void winograd_in(
    __global const float* restrict x, __global float* restrict v, int images, int cb, int hi,
    int wi, int tiles_h, int tiles_w, int pt, int pl, int each) {
  const int tiles = images * tiles_h * tiles_w;
  const int first = (int)get_group_id(0) * each;
  for (int tile = first; tile < min(first + each, tiles); ++tile) {
    const place_t at = place_of(tile, tiles_h, tiles_w);
    for (int b = 0; b < cb; ++b) {
      tile_in(x + (at.n * cb + b) * hi * wi * VW, hi, wi, v + (tile * cb + b) * VW, tiles * cb * VW,
              at.h - pt, at.w - pl);
    }
  }
}
