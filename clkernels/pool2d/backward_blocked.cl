// backward_blocked: dx[p,i] = sum over the windows o that hold i of dy[p,o] * (share of i in y[p,o])
//
// Layout   x, dx [PLANES, HI, WI, VW], y, dy [PLANES, HO, WO, VW]: channels in blocks of a vector; a
//          plane is one block of one image. The mean has no x and y. Lanes do not meet.
// Source   the definition; of equal largest elements the first (row by row) takes the gradient.
// Method   a group owns ROWS rows of dx in PG planes. Largest element: it adds every window that
//          touches its rows, in their order; windows across the border of two groups are searched by
//          both, each writes its own rows. Mean: each element gathers from the windows over it.
// Cost     one read of x, y, dy, one write of dx; KH KW operations per output.
// Launch   global (ceil(HI / ROWS), ceil(PLANES / PG)), local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW, pool2d/geometry.clh's
//   ROWS, PG     rows of dx and planes of a group
#include "lib/vector.clh"
#include "pool2d/wide_columns.clh"
#ifndef PG
#define ROWS 2
#define PG 2
#endif
#define IS_DISJOINT (SH >= KH && SW >= KW)
// Windows that do not overlap and leave nothing out.
#define COVERS (SH == KH && SW == KW && PT == 0 && PL == 0 && HO * KH == HI && WO * KW == WI)

#if IS_MAX
// One element of a window: it takes what is left of dy in the lanes in which it equals y.
#if IS_DISJOINT
#define GIVE(at) vec_store(hit ? left : (vec_t)(0.0f), at, to)
#else
#define GIVE(at) vec_store(vec_load(at, to) + (hit ? left : (vec_t)(0.0f)), at, to)
#endif

// Gives the elements of a window in rows [h0, h1) their share of d.
static inline void any_window(__global const float* from, __global float* to, const window_t r,
                              const vec_t v, const vec_t d, const int h0, const int h1) {
  vec_t left = d;
  for (int h = r.top; h < min(r.bottom, h1); ++h) {
    for (int w = r.left; w < r.right; ++w) {
      const ivec_t hit = vec_load(h * WI + w, from) == v;
      if (h >= h0) GIVE(h * WI + w);
      left = hit ? (vec_t)(0.0f) : left;
    }
  }
}

// Windows that overlap along a row: columns wait in registers until no further window reaches them.
#define IN_STEPS (IS_SMALL && SW < KW)
#if IN_STEPS
static inline void windows_in_steps(__global const float* from, __global float* to,
                                    __global const float* y, __global const float* dy,
                                    const int corner) {
  vec_t sums[TAPS];
#pragma unroll
  for (int t = 0; t < TAPS; ++t) sums[t] = (vec_t)(0.0f);
  for (int c = INNER; c < INNER_END; ++c) {
    const vec_t v = vec_load(c, y);
    vec_t left = vec_load(c, dy);
#pragma unroll
    for (int t = 0; t < TAPS; ++t) {
      const ivec_t hit = vec_load(corner + t / KW * WI + c * SW + t % KW, from) == v;
      sums[t] += hit ? left : (vec_t)(0.0f);
      left = hit ? (vec_t)(0.0f) : left;
    }
#pragma unroll
    for (int t = 0; t < TAPS; ++t) {
      const int at = corner + t / KW * WI + c * SW + t % KW;
      if (t % KW < SW) vec_store(vec_load(at, to) + sums[t], at, to);
      // Never beyond the array: the compiler sees both sides.
      sums[t] = t % KW + SW < KW ? sums[t % KW + SW < KW ? t + SW : t] : (vec_t)(0.0f);
    }
  }
#pragma unroll
  for (int t = 0; t < TAPS; ++t) {
    const int at = corner + t / KW * WI + INNER_END * SW + t % KW;
    if (t % KW + SW < KW) vec_store(vec_load(at, to) + sums[t], at, to);
  }
}
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void backward_blocked(
    __global const float* restrict x, __global const float* restrict y,
    __global const float* restrict dy, __global float* restrict dx) {
  const int h0 = (int)get_group_id(0) * ROWS;
  const int h1 = min(h0 + ROWS, HI);
  const int p0 = (int)get_group_id(1) * PG;
  const int p1 = min(p0 + PG, PLANES);
  // The rows of windows that touch rows [h0, h1).
  const int o0 = h0 + PT < KH ? 0 : (h0 + PT - KH) / SH + 1;
  const int o1 = min((h1 - 1 + PT) / SH + 1, HO);
  for (int p = p0; p < p1; ++p) {
    __global const float* from = x + p * HI * WI * VW;
    __global float* to = dx + p * HI * WI * VW;
#if !COVERS
    for (int i = h0 * WI; i < h1 * WI; ++i) vec_store((vec_t)(0.0f), i, to);
#endif
    for (int o = o0; o < o1; ++o) {
      const int row = (p * HO + o) * WO * VW;
      const int top = o * SH - PT;
      int c = 0;
#if IS_SMALL
      if (top >= h0 && top + KH <= h1) {
        for (; c < INNER; ++c) {
          any_window(from, to, window(top, c * SW - PL), vec_load(c, y + row),
                     vec_load(c, dy + row), h0, h1);
        }
#if IN_STEPS
        if (c < INNER_END) windows_in_steps(from, to, y + row, dy + row, top * WI - PL);
        c = INNER_END;
#endif
        for (; c < INNER_END; ++c) {
          const vec_t v = vec_load(c, y + row);
          vec_t left = vec_load(c, dy + row);
          const int corner = top * WI + c * SW - PL;
#pragma unroll
          for (int t = 0; t < TAPS; ++t) {
            const int at = corner + t / KW * WI + t % KW;
            const ivec_t hit = vec_load(at, from) == v;
            GIVE(at);
            left = hit ? (vec_t)(0.0f) : left;
          }
        }
      }
#endif
      for (; c < WO; ++c) {
        any_window(from, to, window(top, c * SW - PL), vec_load(c, y + row), vec_load(c, dy + row),
                   h0, h1);
      }
    }
  }
}
#else
// The windows over one row or column `i`: [first, last].
static inline int2 over(const int i, const int kernel_size, const int stride, const int windows) {
  return (int2)(i < kernel_size ? 0 : (i - kernel_size) / stride + 1, min(i / stride, windows - 1));
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void backward_blocked(
    __global const float* restrict dy, __global float* restrict dx) {
  const int h0 = (int)get_group_id(0) * ROWS;
  const int h1 = min(h0 + ROWS, HI);
  const int p0 = (int)get_group_id(1) * PG;
  const int p1 = min(p0 + PG, PLANES);
  for (int p = p0; p < p1; ++p) {
    __global const float* from = dy + p * HO * WO * VW;
    for (int h = h0; h < h1; ++h) {
      __global float* to = dx + (p * HI + h) * WI * VW;
#if COVERS
      for (int c = 0; c < WO; ++c) {
        const vec_t share = vec_load(h / KH * WO + c, from) * (1.0f / TAPS);
        for (int i = 0; i < KW; ++i) vec_store(share, c * KW + i, to);
      }
      continue;
#endif
      const int2 r = over(h + PT, KH, SH, HO);
      for (int w = 0; w < WI; ++w) {
        const int2 c = over(w + PL, KW, SW, WO);
        vec_t sum = (vec_t)(0.0f);
        for (int o = r.x; o <= r.y; ++o) {
          for (int i = c.x; i <= c.y; ++i) {
            const window_t of_o = window(o * SH - PT, i * SW - PL);
            const int count = of_o.count;
            const float share = count == TAPS ? 1.0f / TAPS : 1.0f / (float)count;
            sum += vec_load(o * WO + i, from) * share;
          }
        }
        vec_store(sum, w, to);
      }
    }
  }
}
#endif
