// col2im: dx[n,c,u] = sum over f, k of dy[n,f,o] * w[f,c,k] where u = o * S - P + k * D
//
// Layout   dy [N, FB, HI, WI, VW], dx [N, CB, HO, WO, VW]: channels in blocks of a vector, dx's full.
//          w [F, C, KH, KW], contiguous: read as it is.
// Source   Chellapilla, Puri, Simard, "High Performance Convolutional Neural Networks for Document
//          Processing", 2006: products first, then columns are added into the image.
// Method   a group takes BC blocks of channels, whose weights of a filter are NT vectors in a row:
//          they are copied into local memory once, by the first tile of pixels. For each pixel
//
//                          NT = BC KH KW vectors, NV at a time
//            pixel  dy >  [acc acc]   z[pixel][c, k] += dy[pixel][f] * w[f][c, k]
//            MR     dy >  [acc acc]
//
//          After that the taps of z are parted in registers, and added where they belong: strides cost
//          nothing. No weights are packed before: for many weights and few pixels.
// Cost     2 N F C HI WI KH KW flop; weights are read once for each IB images and PB pixels.
// Launch   global (CB / BC, ceil(HI WI / PB), ceil(N / IB)), local (1, 1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Arguments: slab (with SLAB), z (with taps), panel local memory: FB RUN VW, HI WI NT VW, F NT VW
//   floats
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW
//   N, F, C, HI, WI, HO, WO, KH, KW, SH, SW, DH, DW, PT, PL   sizes; stride, dilation, padding
//   MR, NV       register tile: pixels, vectors; NV divides NT
//   BC           blocks of channels of a group;  IB images of a group
//   PB           pixels of a group: all, if there are taps, strides or padding
//   RUN          pixels for which the panel is read before the next ones, MR or more
//   SLAB         1: they are copied into local memory first, one block after the other
#ifndef MR
#define VW 16
#define N 2
#define F 20
#define C 32
#define HI 4
#define WI 5
#define HO 8
#define WO 10
#define KH 3
#define KW 3
#define SH 2
#define SW 2
#define DH 1
#define DW 1
#define PT 1
#define PL 1
#define MR 7
#define NV 3
#define BC 1
#define IB 1
#define PB 20
#define RUN 20
#define SLAB 1
#endif
#define TAPS (KH * KW)
#include "conv2d/pack.clh"
#define NT (BC * TAPS)
#define CB (C / VW)
#define FB ((F + VW - 1) / VW)
#define PIXELS (HI * WI)
#define OUTPUTS (HO * WO)
#if TAPS > 1
#define SUMS __local
#else
#define SUMS __global
#endif
#if SLAB
#define PIXELS_SPACE __local
#define DY_BLOCK (RUN * VW)
#else
#define PIXELS_SPACE __global
#define DY_BLOCK (PIXELS * VW)
#endif
#define SAME (TAPS == 1 && SH == 1 && SW == 1 && PT == 0 && PL == 0 && PIXELS == OUTPUTS)

#if TAPS == 1
// Where pixel p of dy belongs in dx of a 1 x 1 convolution; -1: outside.
static inline int place(const int p) {
#if SAME
  return p;
#else
  const int h = p / WI * SH - PT;
  const int w = p % WI * SW - PL;
  return h >= 0 && h < HO && w >= 0 && w < WO ? h * WO + w : -1;
#endif
}
#endif

// MR pixels from p, NV vectors of the panel. `first`: the first pixel of the group. `fresh`: the panel is
// filled from w on the way, so that products hide what waiting for memory they can.
__attribute__((always_inline)) inline void products(PIXELS_SPACE const float* dy,
                                                    __global const float* w, __local float* panel,
                                                    SUMS float* to, const int p, const int first,
                                                    const int fresh) {
  vec_t acc[MR * NV];
#pragma unroll
  for (int i = 0; i < MR * NV; ++i) acc[i] = (vec_t)(0.0f);
  for (int b = 0; b < FB; ++b) {
    PIXELS_SPACE const float* from = dy + b * DY_BLOCK;
    const int lanes = F % VW == 0 || b + 1 < FB ? VW : F % VW;
    for (int f = 0; f < lanes; ++f) {
      vec_t weights[NV];
#pragma unroll
      for (int v = 0; v < NV; ++v) {
        weights[v] = fresh ? vec_load(v, w) : vec_load(v, panel);
        if (fresh) vec_store(weights[v], v, panel);
      }
      w += C * TAPS;
      panel += NV * VW;
#pragma unroll
      for (int i = 0; i < MR; ++i) {
        const vec_t pixel = (vec_t)(from[i * VW + f]);
#pragma unroll
        for (int v = 0; v < NV; ++v) acc[i * NV + v] = fma(pixel, weights[v], acc[i * NV + v]);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < MR; ++i) {
#if TAPS > 1
#pragma unroll
    for (int v = 0; v < NV; ++v) vec_store(acc[i * NV + v], i * NT + v, to);
#else
    const int at = PB >= PIXELS || p + i >= first ? place(p + i) : -1;
    if (at >= 0) {
#pragma unroll
      for (int v = 0; v < NV; ++v) vec_store(acc[i * NV + v], at, to + v * OUTPUTS * VW);
    }
#endif
  }
}

#if TAPS > 1
// The outputs [x, y) of an axis of dy whose tap at `offset` lies in dx.
static inline int2 inside(const int offset, const int stride, const int inputs, const int outputs) {
  const int first = offset >= 0 ? 0 : (stride - 1 - offset) / stride;
  const int end = inputs <= offset ? 0 : (inputs - offset - 1) / stride + 1;
  return (int2)(first, min(end, outputs));
}

// The sums of one block of channels, parted, into its image.
static inline void add_columns(__local float* z, __global float* dx) {
  for (int p = 0; p < PIXELS; ++p) {
    vec_t taps[TAPS];
#pragma unroll
    for (int k = 0; k < TAPS; ++k) taps[k] = vec_load(p * NT + k, z);
    part_taps(taps);
#pragma unroll
    for (int k = 0; k < TAPS; ++k) vec_store(taps[k], p * NT + k, z);
  }
  for (int kh = 0; kh < KH; ++kh) {
    const int2 rows = inside(kh * DH - PT, SH, HO, HI);
    for (int kw = 0; kw < KW; ++kw) {
      const int2 columns = inside(kw * DW - PL, SW, WO, WI);
      for (int h = rows.x; h < rows.y; ++h) {
        __global float* to = dx + ((h * SH + kh * DH - PT) * WO + kw * DW - PL) * VW;
        for (int w = columns.x; w < columns.y; ++w) {
          const vec_t sum = vec_load((h * WI + w) * NT + kh * KW + kw, z);
          vec_store(vec_load(w * SW, to) + sum, w * SW, to);
        }
      }
    }
  }
}
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void col2im(
    __global const float* restrict dy, __global const float* restrict w,
    __global float* restrict dx,
#if SLAB
    __local float* slab,
#endif
#if TAPS > 1
    __local float* z,
#endif
    __local float* panel) {
  const int block = (int)get_group_id(0) * BC;
  const int p0 = (int)get_group_id(1) * PB;
  const int p1 = min(p0 + PB, PIXELS);
  const int n0 = (int)get_group_id(2) * IB;
  for (int n = n0; n < min(n0 + IB, N); ++n) {
    __global const float* dy_n = dy + n * FB * PIXELS * VW;
    __global float* dx_n = dx + (n * CB + block) * OUTPUTS * VW;
#if !SAME
    for (int i = 0; i < BC * OUTPUTS; ++i) vec_store((vec_t)(0.0f), i, dx_n);
#endif
    for (int run = p0; run < p1; run += RUN) {
      const int end = min(run + RUN, p1);
#if SLAB
      const int first = max(0, min(run, p1 - RUN));
      for (int b = 0; b < FB; ++b) {
        __global const float* line = dy_n + (b * PIXELS + first) * VW;
        for (int p = 0; p < min(RUN, p1 - first); ++p) {
          vec_store(vec_load(p, line), b * RUN + p, slab);
        }
      }
      __local const float* from = slab;
#else
      const int first = 0;
      __global const float* from = dy_n;
#endif
      for (int q = 0; q < NT / NV; ++q) {
        __local float* weights = panel + q * F * NV * VW;
        __global const float* source = w + (block * TAPS + q * NV) * VW;
        // The last tile is moved back to fit; what lies before p0 belongs to others.
        for (int p = run; p < end; p += MR) {
          const int at = max(0, min(p, p1 - MR));
#if TAPS > 1
          __local float* to = z + (at * NT + q * NV) * VW;
#else
          __global float* to = dx_n + q * NV * OUTPUTS * VW;
#endif
          if (n == n0 && p == p0) {
            products(from + (at - first) * VW, source, weights, to, at, p0, 1);
          } else {
            products(from + (at - first) * VW, source, weights, to, at, p0, 0);
          }
        }
      }
    }
#if TAPS > 1
    for (int b = 0; b < BC; ++b) {
      add_columns(z + b * TAPS * VW, dx_n + b * OUTPUTS * VW);
    }
#endif
  }
}
