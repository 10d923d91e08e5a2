// flat: y[n,f,p] = epilogue(sum over c of w[f,c] * x[n,c,p] + bias[f]), a 1 x 1 convolution
//
// Layout   x [N, G CI, P], y [N, G CO, P] with P = HO WO = HI WI, NCHW, contiguous; w as A_ROW and
//          A_CHANNEL say; bias [G CO]; residual like y.  Serves conv2d and conv2d_backward_data
//          (conv2d/geometry.clh).
// Source   our own; the register tile as in conv2d/wide.cl.
// Method   pixels of a channel are one long row, which is read where it lies. A group takes PB pixels
//          x FB output channels; an MR x (NV VW) tile of sums stays in registers over all channels,
//          with the weight broadcast, and is stored at once. What is left of a row is done by single
//          vectors, of which the last one ends where the row does: it does some pixels again.
//          WEIGHTS_STAY: tiles of the same pixels follow each other, so that all weights are read for
//          each; else those of the same filters, so that all pixels are.
// Cost     2 N G CO P CI flop.
// Launch   global (pixel blocks, G * ceil(CO / FB), N), local (1, 1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   conv2d/geometry.clh's, lib/vector.clh's VW, lib/epilogue.clh's HAS_BIAS, HAS_RESIDUAL
//   and epilogue
//   MR, NV       register tile: rows (output channels), vectors of pixels
//   FB, PB       output channels and pixels of a group: CO or a multiple of MR; HO WO, or VW or more,
//                as is what HO WO leaves of it
//   WEIGHTS_STAY see above
#include "conv2d/geometry.clh"
#include "lib/epilogue.clh"
#include "lib/vector.clh"
#ifndef MR
#define MR 4
#define NV 2
#define FB 4
#define PB 81
#define WEIGHTS_STAY 1
#endif
#define PIXELS (HO * WO)
#define EPILOGUE PNC_CAT(epilogue, VW)
#if HAS_RESIDUAL
#define FINISH(v, at) EPILOGUE(v, vec_load(0, residual + (at)))
#else
#define FINISH(v, at) EPILOGUE(v)
#endif

// `rows` <= MR and `vectors` <= NV are constants at each call, so that the tests on them vanish.
// x, y and residual begin at the first pixel of the tile; f is its first filter, counted over groups.
__attribute__((always_inline)) inline void tile(const int rows, const int vectors,
                                                __global const float* x, __global const float* w,
                                                __global const float* bias,
                                                __global const float* residual, __global float* y,
                                                const int f) {
  vec_t acc[MR][NV];
#pragma unroll
  for (int i = 0; i < MR; ++i) {
#pragma unroll
    for (int v = 0; v < NV; ++v) {
      if (i < rows && v < vectors) acc[i][v] = (vec_t)(HAS_BIAS ? bias[f + i] : 0.0f);
    }
  }
  for (int c = 0; c < CI; ++c) {
    vec_t b[NV];
#pragma unroll
    for (int v = 0; v < NV; ++v) {
      if (v < vectors) b[v] = vec_load(v, x + c * PIXELS);
    }
#pragma unroll
    for (int i = 0; i < MR; ++i) {
      if (i < rows) {
        const vec_t weight = (vec_t)(w[c * A_CHANNEL + i * A_ROW]);
#pragma unroll
        for (int v = 0; v < NV; ++v) {
          if (v < vectors) acc[i][v] = fma(weight, b[v], acc[i][v]);
        }
      }
    }
  }
#pragma unroll
  for (int i = 0; i < MR; ++i) {
#pragma unroll
    for (int v = 0; v < NV; ++v) {
      if (i < rows && v < vectors) {
        const int at = STORED(f + i) * PIXELS + v * VW;
        vec_store(FINISH(acc[i][v], at), 0, y + at);
      }
    }
  }
}

#define PNC_DEFINE_TILE(NAME, ROWS, VECTORS)                                        \
  __attribute__((noinline)) static void NAME(                                       \
      __global const float* x, __global const float* w, __global const float* bias, \
      __global const float* residual, __global float* y, const int f) {             \
    tile(ROWS, VECTORS, x, w, bias, residual, y, f);                                \
  }
PNC_DEFINE_TILE(whole_tile, MR, NV)
PNC_DEFINE_TILE(narrow_tile, MR, 1)
#if CO % MR != 0
PNC_DEFINE_TILE(low_tile, CO % MR, NV)
PNC_DEFINE_TILE(low_narrow_tile, CO % MR, 1)
#define LOW_TILE low_tile
#define LOW_NARROW_TILE low_narrow_tile
#else
#define LOW_TILE whole_tile
#define LOW_NARROW_TILE narrow_tile
#endif

// `filters` filters of the group from w on, for the pixels that x and y begin at.
#define PNC_DEFINE_COLUMN(NAME, WHOLE, LOW)                                                 \
  __attribute__((always_inline)) inline void NAME(                                          \
      __global const float* x, __global const float* w, __global const float* bias,         \
      __global const float* residual, __global float* y, const int f0, const int filters) { \
    int f = 0;                                                                              \
    for (; f + MR <= filters; f += MR) WHOLE(x, w + f * A_ROW, bias, residual, y, f0 + f);  \
    if (f < filters) LOW(x, w + f * A_ROW, bias, residual, y, f0 + f);                      \
  }
PNC_DEFINE_COLUMN(column, whole_tile, LOW_TILE)
PNC_DEFINE_COLUMN(narrow_column, narrow_tile, LOW_NARROW_TILE)

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void flat(
    __global const float* restrict x, __global const float* restrict w,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
    __global const float* restrict residual,
#endif
    __global float* restrict y) {
  const int blocks = (CO + FB - 1) / FB;
  const int g = (int)get_group_id(1) / blocks;
  const int f0 = ((int)get_group_id(1) % blocks) * FB;
  const int filters = min(FB, CO - f0);
  const int p0 = (int)get_group_id(0) * PB;
  const int pixels = min(PB, PIXELS - p0);
  const int n = (int)get_group_id(2);
  __global const float* xs = x + (n * G + g) * CI * PIXELS + p0;
  __global const float* ws = w + g * CO * CI + f0 * A_ROW;
  __global float* ys = y + n * G * CO * PIXELS + p0;
#if HAS_BIAS
  __global const float* bs = bias;
#else
  __global const float* bs = w;  // not read
#endif
#if HAS_RESIDUAL
  __global const float* rs = residual + n * G * CO * PIXELS + p0;
#else
  __global const float* rs = w;  // not read
#endif
  const int step = WEIGHTS_STAY ? filters : MR;
  for (int f = 0; f < filters; f += step) {
    const int count = min(step, filters - f);
    __global const float* wf = ws + f * A_ROW;
    const int first = g * CO + f0 + f;
    int p = 0;
    for (; p + NV * VW <= pixels; p += NV * VW) {
      column(xs + p, wf, bs, rs + p, ys + p, first, count);
    }
    while (p < pixels) {
      p = min(p, pixels - VW);
      narrow_column(xs + p, wf, bs, rs + p, ys + p, first, count);
      p += VW;
    }
  }
}
