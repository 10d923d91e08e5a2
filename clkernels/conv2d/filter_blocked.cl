// filter_blocked: dw[f,c,k] = sum over n, o of dy[n,f,o] * x[n,c,o * S - P + k * D]
//
// Layout   x [N, G CB, HI, WI, VW], dy [N, G FV, HO, WO, VW]: channels in blocks of a vector.
//          dw [PARTS, G CO, CI, KH, KW], contiguous: partial sums, added up by sum_partials.cl.
// Source   Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD
//          Architectures", 2018, arXiv:1808.05567, section II-J.
// Method   a group takes BG pairs of a block of channels and a tile of vectors, and UNITS pairs of
//          image and row chunk. For each tap an MR x NV tile of sums stays in registers along a
//          chunk:
//
//                             dy: NV vectors of filters
//             MR channels x > [acc acc]   acc[i][v] += x[pixel + tap][c + i] * dy[pixel][v]
//                         x > [acc acc]
//
//          and waits in local memory until the next chunk, that of each pair. With SWAP x gives the
//          vectors and dy is broadcast: then the results of a 1 x 1 kernel are contiguous. Taps on
//          the padding are left out by the bounds of the loops over rows and columns.
// Cost     2 N G CO HO WO CI KH KW flop.
// Launch   global (ceil(G * BLOCKS / BG), PARTS), local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW
//   N, G, CI, CO, HI, WI, HO, WO, KH, KW, SH, SW, DH, DW, PT, PL   as in conv2d/blocked.cl
//   MR, NV       register tile: channels (a divisor of VW), vectors of filters
//   RC           output rows of a chunk;  IB images of a chunk (RC = HO if more than one)
//   UNITS, BG    chunks and pairs of blocks of a group
//   SWAP         1: vectors of channels of x, filters of dy broadcast
#include "lib/transpose.clh"
#include "lib/vector.clh"
#ifndef MR
#define N 3
#define G 1
#define CI 20
#define CO 24
#define HI 6
#define WI 5
#define HO 6
#define WO 5
#define KH 3
#define KW 3
#define SH 1
#define SW 1
#define DH 1
#define DW 1
#define PT 1
#define PL 1
#define MR 8
#define NV 2
#define RC 6
#define IB 2
#define UNITS 1
#define BG 2
#define SWAP 0
#endif
#define TAPS (KH * KW)
#define NF (NV * VW)
#define CB ((CI + VW - 1) / VW)
#define FB ((CO + VW - 1) / VW)
// a is broadcast, b gives vectors.
#if SWAP
#define A_BLOCKS FB
#define B_BLOCKS CB
#define A_SIZE (HO * WO * VW)
#define B_SIZE (HI * WI * VW)
#define A_AT(r, o) ((r)*WO + (o))
#define B_AT(r, o) (((r)*SH + top) * WI + (o)*SW + left)
#define A_STEP VW
#define B_STEP (SW * VW)
#else
#define A_BLOCKS CB
#define B_BLOCKS FB
#define A_SIZE (HI * WI * VW)
#define B_SIZE (HO * WO * VW)
#define A_AT(r, o) (((r)*SH + top) * WI + (o)*SW + left)
#define B_AT(r, o) ((r)*WO + (o))
#define A_STEP (SW * VW)
#define B_STEP VW
#endif
#define B_TILES ((B_BLOCKS + NV - 1) / NV)
#define BLOCKS (A_BLOCKS * B_TILES)
// A whole tile of results lies in rows of dw.
#define DIRECT \
  (SWAP && KH * KW == 1 && CHUNKS <= UNITS && UNITS == 1 && CI % NF == 0 && CO % VW == 0)
#if DIRECT
#define SUMS __global
#define SUMS_ROW CI
#else
#define SUMS __local
#define SUMS_ROW NF
#endif
#define ROW_CHUNKS ((HO + RC - 1) / RC)
#define CHUNKS ((N + IB - 1) / IB * ROW_CHUNKS)

// The outputs [x, y) of an axis whose tap at `offset` lies in the input.
static inline int2 inside(const int offset, const int stride, const int inputs, const int outputs) {
  const int first = offset >= 0 ? 0 : (stride - 1 - offset) / stride;
  const int end = inputs <= offset ? 0 : (inputs - offset - 1) / stride + 1;
  return (int2)(first, min(end, outputs));
}

// MR lanes of a times NV vectors of b, for one tap, over images [n0, n1) and rows [r0, r1).
__attribute__((always_inline)) inline void tap_sums(__global const float* an,
                                                    __global const float* bn, SUMS float* sums,
                                                    const int first, const int n0, const int n1,
                                                    const int r0, const int r1, const int2 columns,
                                                    const int top, const int left,
                                                    const int vectors) {
  vec_t acc[MR * NV];
#pragma unroll
  for (int i = 0; i < MR * NV; ++i) {
    acc[i] = first ? (vec_t)(0.0f) : vec_load(i % NV, sums + i / NV * SUMS_ROW);
  }
  for (int n = n0; n < n1; ++n) {
    for (int r = r0; r < r1; ++r) {
      __global const float* a = an + n * G * A_BLOCKS * A_SIZE + A_AT(r, columns.x) * VW;
      __global const float* b = bn + n * G * B_BLOCKS * B_SIZE + B_AT(r, columns.x) * VW;
      for (int o = columns.x; o < columns.y; ++o) {
        vec_t vector[NV];
#pragma unroll
        for (int v = 0; v < NV; ++v) {
          vector[v] = vec_load(0, b + (B_BLOCKS % NV == 0 || v < vectors ? v : 0) * B_SIZE);
        }
#pragma unroll
        for (int i = 0; i < MR; ++i) {
          const vec_t lane = (vec_t)(a[i]);
#pragma unroll
          for (int v = 0; v < NV; ++v) acc[i * NV + v] = fma(lane, vector[v], acc[i * NV + v]);
        }
        a += A_STEP;
        b += B_STEP;
      }
    }
  }
#pragma unroll
  for (int i = 0; i < MR * NV; ++i) vec_store(acc[i], i % NV, sums + i / NV * SUMS_ROW);
}

// dw of lanes [a0, a0 + VW) and vectors [b0, b0 + NF) from sums[k][a][b].
#if !DIRECT
static inline void write_block(__global float* dw, __local const float* sums, const int a0,
                               const int b0) {
#if SWAP
  const int filters = min(VW, CO - a0);
  const int channels = min(NF, CI - b0);
  for (int f = 0; f < filters; ++f) {
    __global float* to = dw + ((a0 + f) * CI + b0) * TAPS;
#if KH * KW == 1 && CI % NF == 0
#pragma unroll
    for (int v = 0; v < NV; ++v) vec_store(vec_load(v, sums + f * NF), v, to);
#else
    for (int c = 0; c < channels; ++c) {
      for (int k = 0; k < TAPS; ++k) to[c * TAPS + k] = sums[(k * VW + f) * NF + c];
    }
#endif
  }
#else
  const int filters = min(NF, CO - b0);
  const int channels = min(VW, CI - a0);
#if CI % VW == 0 && CO % VW == 0
  // The results of a filter are contiguous over channels and taps.
  for (int v = 0; v * VW < filters; ++v) {
    for (int k = 0; k < TAPS; ++k) {
      vec_t square[VW];
#pragma unroll
      for (int i = 0; i < VW; ++i) {
        const int at = k * VW + i;
        square[i] = vec_load(v, sums + (at % TAPS * VW + at / TAPS) * NF);
      }
      vec_transpose(square);
#pragma unroll
      for (int f = 0; f < VW; ++f) {
        vec_store(square[f], k, dw + ((b0 + v * VW + f) * CI + a0) * TAPS);
      }
    }
  }
#else
  for (int f = 0; f < filters; ++f) {
    __global float* to = dw + ((b0 + f) * CI + a0) * TAPS;
    for (int c = 0; c < channels; ++c) {
      for (int k = 0; k < TAPS; ++k) to[c * TAPS + k] = sums[(k * VW + c) * NF + f];
    }
  }
#endif
#endif
}
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void filter_blocked(
    __global const float* restrict x, __global const float* restrict dy,
    __global float* restrict dw) {
#if !DIRECT
  __local float sums[BG * TAPS * VW * NF];
#endif
  const int u0 = (int)get_group_id(1) * UNITS;
  const int u1 = min(CHUNKS, u0 + UNITS);
  const int id0 = (int)get_group_id(0) * BG;
  const int id1 = min(G * BLOCKS, id0 + BG);
  // All pairs of blocks meet in a chunk while it is near.
  for (int u = u0; u < u1; ++u) {
    const int n0 = u / ROW_CHUNKS * IB;
    const int r0 = u % ROW_CHUNKS * RC;
    for (int id = id0; id < id1; ++id) {
      const int g = id / BLOCKS;
      const int a_block = id % BLOCKS / B_TILES;
      const int b_block = id % B_TILES * NV;
      __global const float* a = (SWAP ? dy : x) + (g * A_BLOCKS + a_block) * A_SIZE;
      __global const float* b = (SWAP ? x : dy) + (g * B_BLOCKS + b_block) * B_SIZE;
#if DIRECT
      SUMS float* to = dw + (g * CO + a_block * VW) * CI + b_block * VW;
#else
      SUMS float* to = sums + (id - id0) * TAPS * VW * NF;
#endif
      for (int kh = 0; kh < KH; ++kh) {
        const int2 rows = inside(kh * DH - PT, SH, HI, HO);
        for (int kw = 0; kw < KW; ++kw) {
          const int2 columns = inside(kw * DW - PL, SW, WI, WO);
          for (int i = 0; i < VW; i += MR) {
            tap_sums(a + i, b, to + ((kh * KW + kw) * VW + i) * SUMS_ROW, u == u0, n0,
                     min(n0 + IB, N), max(r0, rows.x), min(r0 + RC, rows.y), columns, kh * DH - PT,
                     kw * DW - PL, B_BLOCKS - b_block);
          }
        }
      }
    }
  }
#if !DIRECT
  for (int id = id0; id < id1; ++id) {
    const int g = id / BLOCKS;
    write_block(dw + ((int)get_group_id(1) * G + g) * CO * CI * TAPS,
                sums + (id - id0) * TAPS * VW * NF, id % BLOCKS / B_TILES * VW,
                id % B_TILES * NV * VW);
  }
#endif
}
