// wide: y[to(b) + u * U_STEP + i] = x[from(b) + u + i * I_STEP], for devices that run one work-item
// per group.
//
// Layout   u: the axis along which x is contiguous; i: the axis along which y is; b: all others.
// Method   tiles of TILE x TILE elements. Elements of 4 bytes are turned in registers, a vector of
//          each line at a time; the last tile along i lies over the one before it. Others: lines of
//          x and y stay in the cache while both are walked; where lines of x lie a large power of
//          two apart, they would drive each other out, and a tile is turned in private memory.
//          A group takes boxes_each boxes and u_each rows of tiles.
// Cost     one read and one write per element.
// Launch   global (ceil(u_count / u_each), ceil(boxes / boxes_each)), local (1, 1).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ELEMENT      type of an element: uchar, ushort, uint, ulong
//   TILE         edge of a tile
//   SQUARES      1 to turn tiles in registers: 4-byte elements, TILE = VW, which is 4, 8 or 16
//   STAGED       1 to turn tiles in private memory
//   U_STEP       distance in y of neighbours along u
//   I_STEP       distance in x of neighbours along i
//   FROM, TO     offsets of a box in x and in y, as expressions in box
#ifndef ELEMENT
#define ELEMENT uint
#endif
#ifndef TILE
#define TILE 16
#endif
#ifndef SQUARES
#define SQUARES 1
#endif
#ifndef STAGED
#define STAGED 0
#endif
#ifndef U_STEP
#define U_STEP i_count
#endif
#ifndef I_STEP
#define I_STEP u_count
#endif
#ifndef FROM
#define FROM (box * u_count * i_count)
#endif
#ifndef TO
#define TO (box * u_count * i_count)
#endif

#if SQUARES
#define VW TILE
#include "lib/transpose.clh"

static inline void turn(__global const ELEMENT* from, __global ELEMENT* to, const int i_step,
                        const int u_step) {
  vec_t square[TILE];
#pragma unroll
  for (int i = 0; i < TILE; ++i) {
    square[i] = vec_load(0, (__global const float*)(from + i * i_step));
  }
  vec_transpose(square);
#pragma unroll
  for (int u = 0; u < TILE; ++u) vec_store(square[u], 0, (__global float*)(to + u * u_step));
}
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide(
    __global const ELEMENT* restrict x, __global ELEMENT* restrict y, int u_count, int i_count,
    int boxes, int boxes_each, int u_each) {
  const int u_first = get_group_id(0) * u_each;
  const int u_last = min(u_first + u_each, u_count);
  const int box0 = get_group_id(1) * boxes_each;
  const int box1 = min(box0 + boxes_each, boxes);
  for (int box = box0; box < box1; ++box) {
    __global const ELEMENT* from = x + FROM;
    __global ELEMENT* to = y + TO;
    for (int u0 = u_first; u0 < u_last; u0 += TILE) {
      const int u1 = min(u0 + TILE, u_last);
#if SQUARES
      if (u1 - u0 == TILE && i_count >= TILE) {
        for (int i0 = 0; i0 < i_count; i0 += TILE) {
          const int i = min(i0, i_count - TILE);
          turn(from + u0 + i * I_STEP, to + u0 * U_STEP + i, I_STEP, U_STEP);
        }
        continue;
      }
#endif
      for (int i0 = 0; i0 < i_count; i0 += TILE) {
        const int i1 = min(i0 + TILE, i_count);
#if STAGED
        if (u1 - u0 == TILE && i1 - i0 == TILE) {
          ELEMENT tile[TILE][TILE];
          for (int i = 0; i < TILE; ++i) {
            __global const ELEMENT* line = from + u0 + (i0 + i) * I_STEP;
#pragma unroll
            for (int u = 0; u < TILE; ++u) tile[u][i] = line[u];
          }
          for (int u = 0; u < TILE; ++u) {
            __global ELEMENT* line = to + (u0 + u) * U_STEP + i0;
#pragma unroll
            for (int i = 0; i < TILE; ++i) line[i] = tile[u][i];
          }
          continue;
        }
#endif
        for (int u = u0; u < u1; ++u) {
          for (int i = i0; i < i1; ++i) to[u * U_STEP + i] = from[u + i * I_STEP];
        }
      }
    }
  }
}
