// blocked: y[n,f,o] = epilogue(sum over c, k of w[f,c,k] * x[n,c,o * S - P + k * D] + bias[f])
//
// Layout   y [N, G CO / VW, HY, WY, VW], channels in blocks of a vector; x alike (XB = VW), or rows
//          of pixels [N, G CI, HI, WI] (XB = 1) for first layers with few channels. Weights come
//          packed (conv2d/pack_blocked.cl): [G, FT, CB, KH, KW, XB, NV VW].  residual like y.
// Source   Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD
//          Architectures", 2018, arXiv:1808.05567.
// Method   a tile of TH x TW pixels times NV vectors of filters stays in registers while all taps
//          and a chunk of channels run; the pixel's number is broadcast:
//
//                       NV vectors of filters
//            pixel  x > [acc acc]   acc[i][v] += x[pixel i + tap][c] * w[c][vector v]
//            TH TW  x > [acc acc]
//
//          Padded inputs are first copied into a slab with zeros around it, so that the loops have
//          no borders. Tiles at the end of a row or column are moved back to fit and repeat some
//          pixels, with the same results. Sums wait in local memory between chunks of channels.
//          Results may lie OSH, OSW apart: one phase of a backward pass with strides.
// Cost     2 N G CO HO WO CI KH KW flop.
// Launch   global (row blocks * column blocks, G * filter blocks, N), local (1, 1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Arguments, all extents of one group where there are several:
//   ci, co       channels of input and output;  hi, wi input;  ho, wo output pixels of this call
//   pt, pl       padding, negative where it cuts
//   hy, wy       the tensor y; pixel o is at oh0 + o * OSH, ow0 + o * OSW
//   rb, wb       output rows and columns of a group; rb >= TH, wb >= TW
//   fg           tiles of filters of a group
//   chunk        blocks of channels between two waits of the sums
//   slab, sums   local memory
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW, lib/epilogue.clh's HAS_BIAS, HAS_RESIDUAL and epilogue
//   G            groups
//   KH, KW       taps (0: the result is zero);  SH, SW stride;  DH, DW dilation
//   OSH, OSW     distance of results
//   XB           channels of a block of x: VW, or 1 for rows
//   TH, TW, NV   tile: rows, columns, vectors of filters
//   SLAB         1: copy the input into local memory first
//   CHUNKED      1: chunk < number of blocks
//   WHOLE        1: rb, wb divide ho, wo
//   TAIL         channels of the last block of x, 0 if it is full
//   FULL         1: co is a multiple of NV VW
#include "lib/epilogue.clh"
#include "lib/lanes.clh"
#ifndef XB
#define XB VW
#define G 1
#define KH 3
#define KW 3
#define SH 1
#define SW 1
#define DH 1
#define DW 1
#define OSH 1
#define OSW 1
#define TH 1
#define TW 6
#define NV 2
#define SLAB 1
#define CHUNKED 1
#define WHOLE 0
#define FULL 0
#define TAIL 0
#endif
#define MR (TH * TW)
#define NF (NV * VW)
#if SLAB
#define SPACE __local
#else
#define SPACE __global
#endif
#define Y_STEP (OSW * VW)
#define EPILOGUE PNC_CAT(epilogue, VW)
#if HAS_RESIDUAL
#define FINISH(v, at) EPILOGUE(v, vec_load(0, residual + (at)))
#else
#define FINISH(v, at) EPILOGUE(v)
#endif

// The sums of a tile go on by channel c.
#define MULTIPLY                                                                      \
  {                                                                                   \
    vec_t filters[NV];                                                                \
    _Pragma("unroll") for (int v = 0; v < NV; ++v) filters[v] = vec_load(v, weights); \
    weights += NF;                                                                    \
    _Pragma("unroll") for (int i = 0; i < MR; ++i) {                                  \
      const vec_t pixel = (vec_t)(from[i / TW * SH * x_row + i % TW * SW * XB + c]);  \
      _Pragma("unroll") for (int v = 0; v < NV; ++v) acc[i * NV + v] =                \
          fma(pixel, filters[v], acc[i * NV + v]);                                    \
    }                                                                                 \
  }

#if HAS_BIAS && !FULL
// The last biases. Not load_part(), which is unrolled: once per vector that is much to compile.
static inline vec_t bias_part(__global const float* bias, const int count) {
  float lanes[VW];
#pragma unroll 1
  for (int j = 0; j < VW; ++j) lanes[j] = j < count ? bias[j] : 0.0f;
  return vec_load(0, lanes);
}
#endif

// One tile over `blocks` blocks of channels, of which `whole` are full. `row`, `column`: the first
// pixel that is stored. A call: inlined into the loops below it takes compilers three times as long.
__attribute__((noinline)) static inline void tile(
    SPACE const float* x, const int x_row, const int x_block, __global const float* w,
    __global const float* bias, __global const float* residual, __global float* y, const int y_row,
    const int y_block, __local float* sums, const int blocks, const int whole, const int first,
    const int last, const int filters_left, const int row, const int column) {
  vec_t acc[MR * NV];
#if CHUNKED
  if (!first) {
#pragma unroll
    for (int i = 0; i < MR * NV; ++i) acc[i] = vec_load(i, sums);
  } else
#endif
  {
#pragma unroll
    for (int v = 0; v < NV; ++v) {
      vec_t start = (vec_t)(0.0f);
#if HAS_BIAS
#if FULL
      start = vec_load(v, bias);
#else
      if ((v + 1) * VW <= filters_left) {
        start = vec_load(v, bias);
      } else if (v * VW < filters_left) {
        start = bias_part(bias + v * VW, filters_left - v * VW);
      }
#endif
#endif
#pragma unroll
      for (int i = 0; i < MR; ++i) acc[i * NV + v] = start;
    }
  }
  for (int b = 0; b < blocks; ++b) {
    for (int kh = 0; kh < KH; ++kh) {
#if XB == 1
#pragma unroll
#endif
      for (int kw = 0; kw < KW; ++kw) {
        SPACE const float* from = x + b * x_block + kh * DH * x_row + kw * DW * XB;
        __global const float* weights = w + ((b * KH + kh) * KW + kw) * XB * NF;
#if !SLAB && KH * KW == 1 && XB > 1
        // Blocks of channels lie far apart: no processor sees by itself what comes after the next.
#pragma unroll
        for (int i = 0; i < MR; ++i) {
          fetch_ahead(from + 2 * x_block + i / TW * SH * x_row + i % TW * SW * XB);
        }
#endif
        // Known numbers of channels: with one in a variable, addresses take the registers.
        if (TAIL == 0 || b < whole) {
          for (int c = 0; c < XB; ++c) MULTIPLY
        } else {
          for (int c = 0; c < TAIL; ++c) MULTIPLY
        }
      }
    }
  }
#if CHUNKED
  if (!last) {
#pragma unroll
    for (int i = 0; i < MR * NV; ++i) vec_store(acc[i], i, sums);
    return;
  }
#endif
#pragma unroll
  for (int i = 0; i < MR; ++i) {
    if (WHOLE || (i / TW >= row && i % TW >= column)) {
#pragma unroll
      for (int v = 0; v < NV; ++v) {
        const int at = v * y_block + i / TW * y_row + i % TW * Y_STEP;
        if (FULL || v * VW < filters_left) vec_store(FINISH(acc[i * NV + v], at), 0, y + at);
      }
    }
  }
}

#if SLAB
// Rows [h, h + hs), columns [left, left + ws) of `blocks` blocks of x; zeros outside the input.
__attribute__((noinline)) static inline void fill(__local float* slab, __global const float* x,
                                                  const int blocks, const int hi, const int wi,
                                                  const int h, const int hs, const int left,
                                                  const int ws) {
  const int before = clamp(-left, 0, ws);
  const int end = clamp(wi - left, before, ws);
  for (int b = 0; b < blocks; ++b) {
    for (int r = 0; r < hs; ++r) {
      __local float* to = slab + (b * hs + r) * ws * XB;
      const int inside = h + r >= 0 && h + r < hi;
      const int first = inside ? before : ws;
      const int last = inside ? end : ws;
      for (int i = 0; i < first * XB; ++i) to[i] = 0.0f;
      if (inside) {
        __global const float* from = x + ((b * hi + h + r) * wi + left) * XB;
#if XB == 1
        for (int i = first; i < last; ++i) to[i] = from[i];
#else
        for (int i = first; i < last; ++i) vec_store(vec_load(i, from), i, to);
#endif
      }
      for (int i = last * XB; i < ws * XB; ++i) to[i] = 0.0f;
    }
  }
}
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void blocked(
    __global const float* restrict x, __global const float* restrict w,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
    __global const float* restrict residual,
#endif
    __global float* restrict y,
#if SLAB
    __local float* slab,
#endif
#if CHUNKED
    __local float* sums,
#endif
    int ci, int hi, int wi, int co, int ho, int wo, int pt, int pl, int hy, int wy, int oh0,
    int ow0, int rb, int wb, int fg, int chunk) {
#if !CHUNKED
  __local float* const sums = 0;
#endif
  const int cb = (ci + XB - 1) / XB;
  const int fv = (co + VW - 1) / VW;
  const int ft = (fv + NV - 1) / NV;
  const int tiles_h = (rb + TH - 1) / TH;
  const int tiles_w = (wb + TW - 1) / TW;
  const int row_blocks = (ho + rb - 1) / rb;
  const int filter_blocks = (ft + fg - 1) / fg;
  const int y_block = hy * wy * VW;
  const int y_row = OSH * wy * VW;
  const int n = get_group_id(2);
  const int g = (int)get_group_id(1) / filter_blocks;
  const int t0 = ((int)get_group_id(1) % filter_blocks) * fg;
  const int t1 = min(t0 + fg, ft);
  const int row0 = ((int)get_group_id(0) % row_blocks) * rb;
  const int column0 = ((int)get_group_id(0) / row_blocks) * wb;
  // The last block is moved back to fit; what lies before row0, column0 belongs to others.
  const int top = min(row0, ho - rb);
  const int left = min(column0, wo - wb);
#if SLAB
  const int hs = (rb - 1) * SH + (KH - 1) * DH + 1;
  const int ws = (wb - 1) * SW + (KW - 1) * DW + 1;
  const int x_row = ws * XB;
  const int x_block = hs * x_row;
#else
  const int x_row = wi * XB;
  const int x_block = hi * x_row;
#endif
  __global const float* xn = x + (n * G + g) * cb * hi * wi * XB;
  const int y0 = ((n * G + g) * fv * hy + oh0 + top * OSH) * wy * VW + (ow0 + left * OSW) * VW;

  for (int b = 0; b < cb; b += chunk) {
    const int blocks = min(chunk, cb - b);
    const int first = b == 0, last = b + chunk >= cb;
    const int whole = last ? blocks - (TAIL > 0) : blocks;
#if SLAB
    fill(slab, xn + b * hi * wi * XB, blocks, hi, wi, top * SH - pt, hs, left * SW - pl, ws);
#endif
    for (int t = t0; t < t1; ++t) {
      __global const float* wt = w + ((g * ft + t) * cb + b) * KH * KW * XB * NF;
      for (int th = (row0 - top) / TH; th < tiles_h; ++th) {
        const int r = min(th * TH, rb - TH);
        for (int tw = (column0 - left) / TW; tw < tiles_w; ++tw) {
          const int c = min(tw * TW, wb - TW);
#if SLAB
          __local const float* from = slab + r * SH * x_row + c * SW * XB;
#else
          __global const float* from =
              xn + b * x_block + ((top + r) * SH - pt) * x_row + ((left + c) * SW - pl) * XB;
#endif
          const int at = y0 + t * NV * y_block + r * y_row + c * Y_STEP;
          tile(from, x_row, x_block, wt,
#if HAS_BIAS
               bias + (g * fv + t * NV) * VW,
#else
               w,
#endif
#if HAS_RESIDUAL
               residual + at,
#else
               w,
#endif
               y + at, y_row, y_block, sums + (((t - t0) * tiles_h + th) * tiles_w + tw) * MR * NF,
               blocks, whole, first, last, co - t * NF, row0 - top - r, column0 - left - c);
        }
      }
    }
  }
}
