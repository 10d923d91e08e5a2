// resample: y[o, j, i] = sum over t of weights[j, t] x[o, indices[j, t], i]
//
// Layout   x: [outer, extent, inner], y: [outer, picked, inner], contiguous. indices, weights:
//          [picked, taps]; indices are in [0, extent), or count as the nearest.
// Method   ROWS: a work-item computes rows_each of outer * picked rows by cols_each of inner columns,
//          in vectors, which share their taps. Else lines are outer, their elements picked * inner,
//          each with its own taps.
// Cost     2 taps flop, and taps reads, mostly from a cache, per element of y.
// Launch   global (>= ceil(columns / cols_each), >= ceil(rows / rows_each)), local (WGX, WGY).
//          Wide devices: local (1, 1) and long parts; others: one vector per work-item.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ROWS         1 where inner is at least a vector
//   VW           vector width: 1, 2, 4, 8 or 16
//   WGX, WGY     work-group size
#include "lib/vector.clh"
#ifndef ROWS
#define ROWS 1
#endif
#ifndef WGX
#define WGX 1
#endif
#ifndef WGY
#define WGY 1
#endif

__kernel __attribute__((reqd_work_group_size(WGX, WGY, 1))) void resample(
    __global const float* restrict x, __global const int* restrict indices,
    __global const float* restrict weights, __global float* restrict y, int extent, int picked,
    int inner, int taps, int rows, int rows_each, int cols_each) {
  const int cols = ROWS ? inner : picked * inner;
  const int first = get_global_id(0) * cols_each;
  const int last = min(first + cols_each, cols);
  const int row0 = get_global_id(1) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  for (int row = row0; row < row1; ++row) {
    __global float* to = y + (size_t)row * cols;
#if ROWS
    __global const float* from = x + (size_t)(row / picked) * extent * inner;
    const int tap = row % picked * taps;
    int i = first;
    for (; i + VW <= last; i += VW) {
      vec_t sum = (vec_t)(0.0f);
      for (int t = 0; t < taps; ++t) {
        const size_t at = (size_t)clamp(indices[tap + t], 0, extent - 1) * inner + i;
        sum += weights[tap + t] * vec_load(0, from + at);
      }
      vec_store(sum, 0, to + i);
    }
    for (; i < last; ++i) {
      float sum = 0.0f;
      for (int t = 0; t < taps; ++t) {
        const size_t at = (size_t)clamp(indices[tap + t], 0, extent - 1) * inner + i;
        sum += weights[tap + t] * from[at];
      }
      to[i] = sum;
    }
#else
    __global const float* from = x + (size_t)row * extent * inner;
    for (int c = first; c < last; ++c) {
      const int tap = c / inner * taps;
      float sum = 0.0f;
      for (int t = 0; t < taps; ++t) {
        const int at = clamp(indices[tap + t], 0, extent - 1) * inner + c % inner;
        sum += weights[tap + t] * from[at];
      }
      to[c] = sum;
    }
#endif
  }
}
