// backward_wide: dx[p,i] = sum over the windows o that hold i of dy[p,o] * (share of i in y[p,o])
//
// Layout   x, dx [PLANES, HI, WI], y, dy [PLANES, HO, WO], contiguous. The mean has no x and y.
// Source   the definition; of equal largest elements the first (row by row) takes the gradient.
// Method   a group owns PG planes and adds window after window into them, so that no other group
//          writes there. Windows that neither overlap nor leave the input are unrolled: two columns
//          wide in vectors of windows, of which the last lies over the one before it; others in a
//          loop that the compiler makes a vector loop. Of windows that overlap the largest elements
//          are found in such a loop, too, then they are added one by one.
// Cost     one read of x, y, dy, one write of dx; KH KW operations per output.
// Launch   global (ceil(PLANES / PG)), local (1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   pool2d/geometry.clh's
//   PG           planes of a group
//   VW           windows at once, where KW = SW = 2: 4, 8 or 16; 1: no vectors
#ifndef VW
#define VW 4
#endif
#include "lib/transpose.clh"
#include "pool2d/wide_columns.clh"
#ifndef PG
#define PG 2
#endif
#define IS_DISJOINT (IS_SMALL && SH >= KH && SW >= KW)
// Windows that write all elements, without reading any.
#define COVERS \
  (IS_SMALL && SH == KH && SW == KW && PT == 0 && PL == 0 && HO * KH == HI && WO * KW == WI)
#define SEARCHED 64  // windows at once
#define IN_PAIRS (VW > 1 && IS_DISJOINT && KW == 2 && SW == 2)

inline void add_window(__global const float* x, const float y, const float dy, __global float* dx,
                       const window_t r) {
#if IS_MAX
  const int at = window_find(x, r, y);
  if (at >= 0) dx[at] += dy;
#else
  const float share = dy / window_count(r);
  for (int h = r.top; h < r.bottom; ++h) {
    for (int w = r.left; w < r.right; ++w) dx[h * WI + w] += share;
  }
#endif
}

#if IN_PAIRS
// VW windows, whose first corner is from[0]: d is what each has to give.
static inline void give_pairs(__global const float* from, __global float* to, const vec_t v,
                              const vec_t d) {
  vec_t left = IS_MAX ? d : d * (1.0f / TAPS);
#pragma unroll
  for (int h = 0; h < KH; ++h) {
#if IS_MAX
    const vec_t a = vec_load(0, from + h * WI);
    const vec_t b = vec_load(0, from + h * WI + VW);
    const ivec_t first = (vec_t)(a.even, b.even) == v;
    const vec_t even = first ? left : (vec_t)(0.0f);
    left = first ? (vec_t)(0.0f) : left;
    const ivec_t second = (vec_t)(a.odd, b.odd) == v;
    const vec_t odd = second ? left : (vec_t)(0.0f);
    left = second ? (vec_t)(0.0f) : left;
#else
    const vec_t even = left, odd = left;
#endif
    vec_store(PNC_MEET_LOW(even, odd), 0, to + h * WI);
    vec_store(PNC_MEET_HIGH(even, odd), 0, to + h * WI + VW);
  }
}
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void backward_wide(
#if IS_MAX
    __global const float* restrict x, __global const float* restrict y,
#endif
    __global const float* restrict dy, __global float* restrict dx) {
  const int end = min(PLANES, ((int)get_group_id(0) + 1) * PG);
  for (int p = (int)get_group_id(0) * PG; p < end; ++p) {
    __global float* restrict to = dx + p * HI * WI;
#if IS_MAX
    __global const float* restrict from = x + p * HI * WI;
#else
    __global const float* restrict from = dy;  // not read
#endif
#if !COVERS
    for (int i = 0; i < HI * WI; ++i) to[i] = 0.0f;
#endif
    for (int o = 0; o < HO; ++o) {
      const int row = (p * HO + o) * WO;
      __global const float* restrict d = dy + row;
#if IS_MAX
      __global const float* restrict v = y + row;
#else
      __global const float* restrict v = d;    // not used
#endif
      const int top = o * SH - PT;
      int column = 0;
#if IS_DISJOINT
      if (top >= 0 && top + KH <= HI) {
        for (; column < INNER; ++column) {
          add_window(from, v[column], d[column], to, window(top, column * SW - PL));
        }
        const int corner = top * WI - PL;
        int c = INNER;
#if IN_PAIRS
        if (INNER_END - INNER >= VW) {
          for (; c < INNER_END; c += VW) {
            const int at = min(c, INNER_END - VW);
            give_pairs(from + corner + 2 * at, to + corner + 2 * at, vec_load(0, v + at),
                       vec_load(0, d + at));
          }
        }
#endif
        for (; c < INNER_END; ++c) {
          float left = IS_MAX ? d[c] : d[c] * (1.0f / TAPS);
#pragma unroll
          for (int t = 0; t < TAPS; ++t) {
            const int at = corner + t / KW * WI + c * SW + t % KW;
#if IS_MAX
            const int hit = from[at] == v[c];
            to[at] = hit ? left : 0.0f;
            left = hit ? 0.0f : left;
#else
            to[at] = left;
#endif
          }
        }
        column = INNER_END;
      }
#elif IS_MAX && IS_SMALL
      if (top >= 0 && top + KH <= HI) {
        for (; column < INNER; ++column) {
          add_window(from, v[column], d[column], to, window(top, column * SW - PL));
        }
        for (; column < INNER_END; column += SEARCHED) {
          const int corner = top * WI - PL + column * SW;
          const int count = min(SEARCHED, INNER_END - column);
          int found[SEARCHED];  // where, from the window's corner
          for (int c = 0; c < count; ++c) {
            int where = -1;
#pragma unroll
            for (int t = TAPS - 1; t >= 0; --t) {
              const int at = t / KW * WI + t % KW;
              where = from[corner + at + c * SW] == v[column + c] ? at : where;
            }
            found[c] = where;
          }
          for (int c = 0; c < count; ++c) {
            if (found[c] >= 0) to[corner + c * SW + found[c]] += d[column + c];
          }
        }
        column = INNER_END;
      }
#endif
      for (; column < WO; ++column) {
        add_window(from, v[column], d[column], to, window(top, column * SW - PL));
      }
    }
  }
}
