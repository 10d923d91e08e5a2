// blocked: y[p,o] = the largest element, or the mean, of x[p,o * S - P .. + K - 1] inside the input
//
// Layout   x [PLANES, HI, WI, VW], y [PLANES, HO, WO, VW]: channels in blocks of a vector; a plane
//          is one block of one image. Lanes do not meet.
// Source   the definition; ONNX's MaxPool and AveragePool.
// Method   a group takes ROWS output rows of PG planes. Rows of a window are cut once per row of
//          results, columns only next to the left and right border.
// Cost     one read of x from memory, KH KW / (SH SW) from cache; one write of y.
// Launch   global (ceil(HO / ROWS), ceil(PLANES / PG)), local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW, pool2d/geometry.clh's
//   ROWS, PG     output rows and planes of a group
#include "lib/vector.clh"
#include "pool2d/wide_columns.clh"
#ifndef PG
#define ROWS 2
#define PG 2
#endif
#if IS_MAX
#define POOL(a, b) ((b) > (a) ? (b) : (a))
#define FINISH(value, count) (value)
#else
#define POOL(a, b) ((a) + (b))
#define FINISH(value, count) ((value) * (1.0f / (float)(count)))
#endif

// A window that may be cut, or is large: four sums, so that they do not wait for each other.
static inline vec_t any_window(__global const float* plane, const window_t r) {
#if IS_MAX
  vec_t v0 = vec_load(r.top * WI + r.left, plane);
#else
  vec_t v0 = (vec_t)(0.0f);
#endif
  vec_t v1 = v0;
  vec_t v2 = v0;
  vec_t v3 = v0;
  for (int h = r.top; h < r.bottom; ++h) {
    __global const float* row = plane + h * WI * VW;
    int w = r.left;
    for (; w + 4 <= r.right; w += 4) {
      const vec_t e0 = vec_load(w, row);
      const vec_t e1 = vec_load(w + 1, row);
      const vec_t e2 = vec_load(w + 2, row);
      const vec_t e3 = vec_load(w + 3, row);
      v0 = POOL(v0, e0);
      v1 = POOL(v1, e1);
      v2 = POOL(v2, e2);
      v3 = POOL(v3, e3);
    }
    for (; w < r.right; ++w) {
      const vec_t e = vec_load(w, row);
      v0 = POOL(v0, e);
    }
  }
  v0 = POOL(v0, v1);
  v2 = POOL(v2, v3);
  return FINISH(POOL(v0, v2), r.count);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void blocked(
    __global const float* restrict x, __global float* restrict y) {
  const int o0 = (int)get_group_id(0) * ROWS;
  const int o1 = min(o0 + ROWS, HO);
  const int p0 = (int)get_group_id(1) * PG;
  const int p1 = min(p0 + PG, PLANES);
  for (int p = p0; p < p1; ++p) {
    __global const float* plane = x + p * HI * WI * VW;
    for (int o = o0; o < o1; ++o) {
      __global float* to = y + (p * HO + o) * WO * VW;
      const int top = o * SH - PT;
      int c = 0;
#if IS_SMALL
      for (; c < INNER; ++c) vec_store(any_window(plane, window(top, c * SW - PL)), c, to);
      if (top >= 0 && top + KH <= HI) {
        __global const float* from = plane + (top * WI - PL) * VW;
        for (; c < INNER_END; ++c) {
          vec_t value = vec_load(c * SW, from);
#pragma unroll
          for (int t = 1; t < TAPS; ++t) {
            const vec_t e = vec_load(t / KW * WI + c * SW + t % KW, from);
            value = POOL(value, e);
          }
          vec_store(FINISH(value, TAPS), c, to);
        }
      } else {
        const int h0 = max(top, 0);
        const int h1 = min(top + KH, HI);
        for (; c < INNER_END; ++c) {
          __global const float* from = plane + (h0 * WI + c * SW - PL) * VW;
          vec_t value = vec_load(0, from);
#pragma unroll
          for (int t = 1; t < KW; ++t) {
            const vec_t e = vec_load(t, from);
            value = POOL(value, e);
          }
          for (int h = h0 + 1; h < h1; ++h) {
            from += WI * VW;
#pragma unroll
            for (int t = 0; t < KW; ++t) {
              const vec_t e = vec_load(t, from);
              value = POOL(value, e);
            }
          }
          vec_store(FINISH(value, rows_counted(top) * KW), c, to);
        }
      }
#endif
      for (; c < WO; ++c) vec_store(any_window(plane, window(top, c * SW - PL)), c, to);
    }
  }
}
