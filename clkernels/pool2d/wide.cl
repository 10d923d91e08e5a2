// wide: y[p,o] = the largest element, or the mean, of x[p,o * S - P .. + K - 1] inside the input
//
// Layout   x [PLANES, HI, WI], y [PLANES, HO, WO], contiguous.
// Source   the definition; ONNX's MaxPool and AveragePool.
// Method   a group takes PG planes, row by row; windows inside the input are unrolled, so that
//          the loop over them is vectorised by the compiler.
// Cost     one read of x, one write of y; KH KW operations per output.
// Launch   global (ceil(PLANES / PG)), local (1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   pool2d/geometry.clh's
//   PG           planes of a group
#include "pool2d/wide_columns.clh"
#ifndef PG
#define PG 2
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide(__global const float* restrict x,
                                                                  __global float* restrict y) {
  const int end = min(PLANES, ((int)get_group_id(0) + 1) * PG);
  for (int p = (int)get_group_id(0) * PG; p < end; ++p) {
    __global const float* plane = x + p * HI * WI;
    for (int o = 0; o < HO; ++o) {
      __global float* restrict to = y + (p * HO + o) * WO;
      const int top = o * SH - PT;
      int column = 0;
#if IS_SMALL
      if (top >= 0 && top + KH <= HI) {
        for (; column < INNER; ++column) {
          to[column] = window_value(plane, window(top, column * SW - PL));
        }
        __global const float* restrict from = plane + top * WI - PL;
        for (int c = INNER; c < INNER_END; ++c) {
          float value = IS_MAX ? from[c * SW] : 0.0f;
#pragma unroll
          for (int t = 0; t < TAPS; ++t) {
            const float element = from[t / KW * WI + c * SW + t % KW];
            value = IS_MAX ? (element > value ? element : value) : value + element;
          }
          to[c] = IS_MAX ? value : value * (1.0f / TAPS);
        }
        column = INNER_END;
      }
#endif
      for (; column < WO; ++column) {
        to[column] = window_value(plane, window(top, column * SW - PL));
      }
    }
  }
}
