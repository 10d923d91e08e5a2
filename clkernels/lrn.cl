// lrn: y[n, c, i] = x[n, c, i] (bias + alpha sum_k x[n, k, i]^2)^-beta, k in [c - before, c + after]
//
// Layout   x, y: [rows = N channels, pixels] contiguous.
// Source   Krizhevsky, Sutskever, Hinton, 2012, section 3.3; ONNX's LRN (alpha is divided by the size).
// Method   a work-item does rows_each rows by cols_each columns, vector by vector; the window's rows
//          come from the cache.
// Cost     one read of x from memory, the window's from the cache, one write of y.
// Launch   global (>= ceil(pixels / cols_each), >= ceil(rows / rows_each)), local (WGX, WGY).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   WGX, WGY     work-group size
//   BETA         100 beta where it is 50, 75 or 100, which needs no logarithm; 0: any
#include "lib/vector.clh"
#ifndef WGX
#define WGX 1
#endif
#ifndef WGY
#define WGY 1
#endif
#ifndef BETA
#define BETA 75
#endif
#if BETA == 50
#define POWER(d) (1.0f / sqrt(d))
#elif BETA == 75
#define POWER(d) (1.0f / (sqrt(d) * sqrt(sqrt(d))))
#elif BETA == 100
#define POWER(d) (1.0f / (d))
#else
#define POWER(d) exp(-beta* log(d))
#endif

__kernel __attribute__((reqd_work_group_size(WGX, WGY, 1))) void lrn(
    __global const float* restrict x, __global float* restrict y, int rows, int channels,
    int pixels, int before, int after, float alpha, float beta, float bias, int rows_each,
    int cols_each) {
  const int first = get_global_id(0) * cols_each;
  const int last = min(first + cols_each, pixels);
  const int row0 = get_global_id(1) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  for (int row = row0; row < row1; ++row) {
    const int channel = row % channels;
    __global const float* from = x + (size_t)row * pixels;
    __global const float* window = from - (size_t)min(before, channel) * pixels;
    const int count = min(before, channel) + 1 + min(after, channels - 1 - channel);
    __global float* to = y + (size_t)row * pixels;
    int i = first;
    for (; i + VW <= last; i += VW) {
      vec_t sum = (vec_t)(0.0f);
      for (int k = 0; k < count; ++k) {
        const vec_t v = vec_load(0, window + (size_t)k * pixels + i);
        sum += v * v;
      }
      const vec_t d = sum * alpha + bias;
      vec_store(vec_load(0, from + i) * POWER(d), 0, to + i);
    }
    for (; i < last; ++i) {
      float sum = 0.0f;
      for (int k = 0; k < count; ++k) {
        const float v = window[(size_t)k * pixels + i];
        sum += v * v;
      }
      const float d = sum * alpha + bias;
      to[i] = from[i] * POWER(d);
    }
  }
}
