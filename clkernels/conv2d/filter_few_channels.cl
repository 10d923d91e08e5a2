// filter_few_channels: dw[f,c,k] = sum over n, o of dy[n,f,o] * x[n,c,o * S - P + k * D]
//
// Layout   x [N, CI, HI, WI], rows of pixels; dy [N, FB, HO, WO, VW], channels in blocks of a vector.
//          dw [PARTS, CO, CI, KH, KW], contiguous: partial sums, added up by sum_partials.cl.
// Source   Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD
//          Architectures", 2018, arXiv:1808.05567, section II-J.
// Method   for first layers: a block of input channels would be mostly empty. A group takes NV vectors
//          of filters and UNITS chunks of RC output rows. The input under a chunk is copied into a slab
//          with zeros around it; then TK rows of the kernel stay in registers along the chunk
//
//                           dy: NV vectors of filters
//            TK KW taps x > [acc acc]   acc[k][v] += x[c][pixel + tap k] * dy[pixel][v]
//                       x > [acc acc]
//
//          and wait in local memory until the next one.
// Cost     2 N CO HO WO CI KH KW flop.
// Launch   global (ceil(FB / NV), PARTS), local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW
//   N, CI, CO, HI, WI, HO, WO, KH, KW, SH, SW, DH, DW, PT, PL   as in conv2d/blocked.cl
//   TK, NV       register tile: rows of the kernel, vectors of filters
//   RC, UNITS    output rows of a chunk, chunks of a group
#include "lib/vector.clh"
#ifndef TK
#define N 3
#define CI 3
#define CO 24
#define HI 13
#define WI 12
#define HO 6
#define WO 6
#define KH 7
#define KW 7
#define SH 2
#define SW 2
#define DH 1
#define DW 1
#define PT 3
#define PL 3
#define TK 2
#define NV 2
#define RC 2
#define UNITS 2
#endif
#define TAPS (KH * KW)
#define FB ((CO + VW - 1) / VW)
#define MR (TK * KW)
#define HS ((RC - 1) * SH + (KH - 1) * DH + 1)
#define WS ((WO - 1) * SW + (KW - 1) * DW + 1)
#define ROW_CHUNKS ((HO + RC - 1) / RC)
#define CHUNKS (N * ROW_CHUNKS)

// The input under output rows from r0, zeros outside.
static inline void fill(__local float* slab, __global const float* x, const int r0) {
  for (int c = 0; c < CI; ++c) {
    for (int r = 0; r < HS; ++r) {
      __local float* to = slab + (c * HS + r) * WS;
      const int h = r0 * SH - PT + r;
      const int first = h >= 0 && h < HI ? min(PL, WS) : WS;
      const int last = max(first, min(WS, WI + PL));
      __global const float* from = x + (c * HI + h) * WI - PL;
      for (int i = 0; i < first; ++i) to[i] = 0.0f;
      for (int i = first; i < last; ++i) to[i] = from[i];
      for (int i = last; i < WS; ++i) to[i] = 0.0f;
    }
  }
}

// TK rows of the kernel over `rows` output rows. `vectors`: of dy that exist.
__attribute__((always_inline)) inline void tap_sums(__local const float* x,
                                                    __global const float* dy, __local float* sums,
                                                    const int start, const int rows,
                                                    const int vectors) {
  vec_t acc[MR * NV];
#pragma unroll
  for (int i = 0; i < MR * NV; ++i) acc[i] = start ? (vec_t)(0.0f) : vec_load(i, sums);
  for (int r = 0; r < rows; ++r) {
    __local const float* from = x + r * SH * WS;
    __global const float* line = dy + r * WO * VW;
    for (int o = 0; o < WO; ++o) {
      vec_t vector[NV];
#pragma unroll
      for (int v = 0; v < NV; ++v) {
        vector[v] = vec_load(o, line + (FB % NV == 0 || v < vectors ? v : 0) * HO * WO * VW);
      }
#pragma unroll
      for (int i = 0; i < MR; ++i) {
        const vec_t pixel = (vec_t)(from[i / KW * DH * WS + i % KW * DW]);
#pragma unroll
        for (int v = 0; v < NV; ++v) acc[i * NV + v] = fma(pixel, vector[v], acc[i * NV + v]);
      }
      from += SW;
    }
  }
#pragma unroll
  for (int i = 0; i < MR * NV; ++i) vec_store(acc[i], i, sums);
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void filter_few_channels(
    __global const float* restrict x, __global const float* restrict dy,
    __global float* restrict dw) {
  __local float slab[CI * HS * WS];
  __local float sums[CI * ((KH + TK - 1) / TK) * MR * NV * VW];
  const int block = (int)get_group_id(0) * NV;
  const int u0 = (int)get_group_id(1) * UNITS;
  const int u1 = min(CHUNKS, u0 + UNITS);
  for (int u = u0; u < u1; ++u) {
    const int n = u / ROW_CHUNKS;
    const int r0 = u % ROW_CHUNKS * RC;
    fill(slab, x + n * CI * HI * WI, r0);
    __global const float* from = dy + ((n * FB + block) * HO + r0) * WO * VW;
    __local float* to = sums;
    for (int c = 0; c < CI; ++c) {
      for (int k = 0; k < KH; k += TK) {
        // Tiles at the end are moved back and repeat some taps, with the same results.
        const int kh = min(k, KH - TK);
        tap_sums(slab + (c * HS + kh * DH) * WS, from, to, u == u0, min(RC, HO - r0), FB - block);
        to += MR * NV * VW;
      }
    }
  }
  const int filters = min(NV * VW, CO - block * VW);
  __global float* out = dw + ((int)get_group_id(1) * CO + block * VW) * CI * TAPS;
  for (int c = 0; c < CI; ++c) {
    for (int k = 0; k < TAPS; ++k) {
      const int tile = k / KW / TK;
      const int row = c * ((KH + TK - 1) / TK) + tile;
      const int at = row * MR + k - min(tile * TK, KH - TK) * KW;
      for (int f = 0; f < filters; ++f) {
        out[(f * CI + c) * TAPS + k] = sums[at * NV * VW + f];
      }
    }
  }
}
