// wide: c = op(a) op(b) + bias, for devices that run one work-item per group.
//
//            N ->    |<- NB ->|            an MR x NR tile of c, NR = NV * VW, stays in registers
//       +------------+--------+            while k runs over KC; the KC x NB block of b that a group
//   M   |            |  MR x  |            reads stays in the second cache for MB rows, the KC x MR
//   |   |            |   NR   |  MB        tile of a in the first cache for NB columns.
//   v   +------------+--------+
//
// Layout   a: [batch, M, K] (K, M if transposed). b: [batch, K, N] (N, K), or in panels as pack.cl
//          writes them. c: [batch, M, N], for SPLIT > 1 [SPLIT, batch, M, N] with partial sums.
//          All row-major, contiguous. KC: depth of a block; NB: columns per group, a multiple of
//          NR; MB: rows per group, a multiple of MR; SPLIT: parts of K, each summed by its own
//          groups. b_stride: from one b to the next; 0 shares one. All of these are arguments,
//          not parameters, so that shapes share a program.
// Source   Goto, van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
// Cost     2 M N K flop; b is packed, if at all, once per MB rows, a once per NB columns.
// Launch   global (ceil(N / NB), ceil(M / MB), batch * SPLIT), local (1, 1, 1).  Any size.
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width                              4 8 16
//   NV           vectors per tile row                      1 to 4
//   MR           rows of a tile                            1 to 14
//   PACK_A       1: tiles of a are packed into local memory; 0: a is read where it lies
//   B_PACKED     1: b comes in panels of NR columns; 0: blocks of it are packed into local memory
//   B_IN_PLACE   1: instead, rows of b are read where they lie; not if TRANSPOSE_B
//   TRANSPOSE_A, TRANSPOSE_B   1 if the operand is stored transposed
//   HAS_BIAS     1 if there is an argument bias: [N]
//   HAS_RESIDUAL 1 if there is an argument residual, like c; epilogues then take it as second
//   HAS_EPILOGUE 1 if the host generated epilogue<VW>
#include "lib/epilogue.clh"
#include "lib/vector.clh"
#include "matmul/panel.clh"
#ifndef NV
#define NV 2
#endif
#ifndef MR
#define MR 12
#endif
#ifndef PACK_A
#define PACK_A 0
#endif
#ifndef B_PACKED
#define B_PACKED 0
#endif
#ifndef B_IN_PLACE
#define B_IN_PLACE 0
#endif
#ifndef TRANSPOSE_A
#define TRANSPOSE_A 0
#endif
#ifndef TRANSPOSE_B
#define TRANSPOSE_B 0
#endif
#define NR (NV * VW)
#define EPILOGUE PNC_CAT(epilogue, VW)
// Whole vectors from each row of a tile of a.
#define A_VECTORS ((MR + VW - 1) / VW)
// Rows of a packed tile lie MR apart if one vector holds them: each store overwrites the unused
// lanes of the one before.
#define A_STEP (MR <= VW ? MR : A_VECTORS * VW)

#define PACK_B (!B_PACKED && !B_IN_PLACE)

// Moves the rows and columns of a tile that exist; loops that stay small.
#define COPY_PART(move)                                         \
  _Pragma("nounroll") for (int i = 0; i < rows; ++i) {          \
    _Pragma("nounroll") for (int j = 0; j < columns; ++j) move; \
  }

// One step of the sums: k's row of b in y, k's column of a in x.
#define MULTIPLY                                                     \
  _Pragma("unroll") for (int i = 0; i < MR; ++i) {                   \
    const vec_t scale = (vec_t)(A_ROW(x, i));                        \
    _Pragma("unroll") for (int v = 0; v < NV; ++v) sum[i * NV + v] = \
        fma(scale, y[v], sum[i * NV + v]);                           \
  }                                                                  \
  x += A_NEXT;

// A tile of a: the element of row i, and the way to the next k.
#if PACK_A
#define A_ROW(x, i) x[i]
#define A_NEXT A_STEP
#else
#define A_ROW(x, i) x[row[i]]
#define A_NEXT (TRANSPOSE_A ? M : 1)
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide(
    __global const float* restrict a, __global const float* restrict b,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
    __global const float* restrict residual,
#endif
    __global float* restrict c, int M, int N, int K, int b_stride, int KC, int NB, int MB, int SPLIT
#if PACK_B
    ,
    __local float* restrict panel  // [NB / NR, KC, NR]
#endif
#if PACK_A
    ,
    __local float* restrict tile  // [KC, A_STEP] and VW more
#endif
) {
  const int z = get_group_id(2) / SPLIT;
  a += (size_t)z * M * K;
  b += (size_t)z * b_stride;
  const int part_id = get_group_id(2) % SPLIT;
  const int depth = ((K + KC - 1) / KC + SPLIT - 1) / SPLIT * KC;
  const int k_first = min(part_id * depth, K);
  const int k_last = min(k_first + depth, K);
  c += (size_t)part_id * (get_num_groups(2) / SPLIT) * M * N;
  c += (size_t)z * M * N;
#if HAS_RESIDUAL
  residual += (size_t)z * M * N;
#endif
  const int n0 = get_group_id(0) * NB;
  const int n1 = min(n0 + NB, N);
  const int m0 = get_group_id(1) * MB;
  const int m1 = min(m0 + MB, M);

  for (int k0 = k_first; k0 == k_first || k0 < k_last; k0 += KC) {
    const int kc = min(KC, k_last - k0);
#if PACK_B
#if !TRANSPOSE_B
    // Whole rows at a time: memory is read in long runs.
    const int full = n0 + (n1 - n0) / NR * NR;
    for (int k = 0; k < kc; ++k) {
      __global const float* from = b + (size_t)(k0 + k) * N;
      __local float* to = panel + k * NR;
      for (int n = n0; n < full; n += NR, to += KC * NR) {
#pragma unroll
        for (int v = 0; v < NV; ++v) vec_store(vec_load(v, from + n), v, to);
      }
    }
    for (int n = full; n < n1; n += NR) {
#else
    for (int n = n0; n < n1; n += NR) {
#endif
      PACK_COLUMNS(!TRANSPOSE_B, NR, b, N, K, n, k0, kc, panel + (n - n0) * KC)
    }
#endif

    for (int m = m0; m < m1; m += MR) {
#if PACK_A
#if TRANSPOSE_A
      int k_next = 0;
      const int last = m + A_VECTORS * VW <= M ? K : K - 1 - (m + A_VECTORS * VW - M) / M;
      for (; k_next < kc && k0 + k_next < last; ++k_next) {
#pragma unroll
        for (int v = 0; v < A_VECTORS; ++v) {
          vec_store(vec_load(v, a + (size_t)(k0 + k_next) * M + m), v, tile + k_next * A_STEP);
        }
      }
      for (; k_next < kc; ++k_next) {
        for (int i = 0; i < MR; ++i) {
          tile[k_next * A_STEP + i] = a[(size_t)(k0 + k_next) * M + min(m + i, M - 1)];
        }
      }
#else
      int k_next = 0;
#ifdef PNC_SHUFFLES
      for (; k_next + VW <= kc; k_next += VW) {
#pragma unroll
        for (int v = 0; v < A_VECTORS; ++v) {
          vec_t square[VW];
#pragma unroll
          for (int j = 0; j < VW; ++j) {
            square[j] = (vec_t)(0.0f);
            if (v * VW + j < MR) {
              square[j] = vec_load(0, a + (size_t)min(m + v * VW + j, M - 1) * K + k0 + k_next);
            }
          }
          vec_transpose(square);
#pragma unroll
          for (int j = 0; j < VW; ++j) {
            vec_store(square[j], v, tile + (k_next + j) * A_STEP);
          }
        }
      }
#endif
      for (; k_next < kc; ++k_next) {
        for (int i = 0; i < MR; ++i) {
          tile[k_next * A_STEP + i] = a[(size_t)min(m + i, M - 1) * K + k0 + k_next];
        }
      }
#endif
#else
      int row[MR];
#pragma unroll
      for (int i = 0; i < MR; ++i) row[i] = min(m + i, M - 1) * (TRANSPOSE_A ? 1 : K);
#endif
      for (int n = n0; n < n1; n += NR) {
        vec_t sum[MR * NV];
        // A tile over the edge of c goes through memory of its own.
        float part[MR * NR];
        const int rows = min(MR, M - m);
        const int columns = min(NR, N - n);
        const int whole = rows == MR && columns == NR;
        __global float* to = c + (size_t)m * N + n;
        if (k0 == k_first) {
#pragma unroll
          for (int i = 0; i < MR * NV; ++i) sum[i] = (vec_t)(0.0f);
        } else if (whole) {
#pragma unroll
          for (int i = 0; i < MR; ++i) {
#pragma unroll
            for (int v = 0; v < NV; ++v) sum[i * NV + v] = vec_load(v, to + (size_t)i * N);
          }
        } else {
          COPY_PART(part[i * NR + j] = to[(size_t)i * N + j])
#pragma unroll
          for (int i = 0; i < MR * NV; ++i) sum[i] = vec_load(i, part);
        }
#if PACK_A
        __local const float* x = tile;
#else
        __global const float* x = a + (size_t)k0 * A_NEXT;
#endif
#if B_PACKED
        __global const float* strip = b + (size_t)n * K + (size_t)k0 * NR;
#elif B_IN_PLACE
        __global const float* strip = b + (size_t)k0 * N + n;
#else
        __local const float* strip = panel + (n - n0) * KC;
#endif
#if B_IN_PLACE
        const int step = N;
        // A row may be read beyond its end as long as that is still inside the matrix.
        const int straight = min(kc, K - k0 - (columns == NR ? 0 : (NR - columns) / N + 1));
#else
        const int step = NR, straight = kc;
#endif
        vec_t y[NV];
        for (int k = 0; k < straight; ++k) {
#pragma unroll
          for (int v = 0; v < NV; ++v) y[v] = vec_load(v, strip);
          MULTIPLY
          strip += step;
        }
#if B_IN_PLACE
#pragma nounroll
        for (int k = max(straight, 0); k < kc; ++k) {
#pragma nounroll
          for (int j = 0; j < NR; ++j) part[j] = strip[min(j, columns - 1)];
#pragma unroll
          for (int v = 0; v < NV; ++v) y[v] = vec_load(v, part);
          MULTIPLY
          strip += step;
        }
#endif
        if (k0 + KC >= k_last) {
#if HAS_BIAS
          for (int j = 0; j < NR; ++j) part[j] = bias[min(n + j, N - 1)];
#endif
#pragma unroll
          for (int v = 0; v < NV; ++v) {
#if HAS_BIAS
            const vec_t shift = vec_load(v, part);
#pragma unroll
            for (int i = 0; i < MR; ++i) sum[i * NV + v] += shift;
#endif
#if !HAS_RESIDUAL
#pragma unroll
            for (int i = 0; i < MR; ++i) sum[i * NV + v] = EPILOGUE(sum[i * NV + v]);
#endif
          }
#if HAS_RESIDUAL
          __global const float* add = residual + (size_t)m * N + n;
          if (whole) {
#pragma unroll
            for (int i = 0; i < MR; ++i) {
#pragma unroll
              for (int v = 0; v < NV; ++v) {
                sum[i * NV + v] = EPILOGUE(sum[i * NV + v], vec_load(v, add + (size_t)i * N));
              }
            }
          } else {
            COPY_PART(part[i * NR + j] = add[(size_t)i * N + j])
#pragma unroll
            for (int i = 0; i < MR * NV; ++i) sum[i] = EPILOGUE(sum[i], vec_load(i, part));
          }
#endif
        }
        if (whole) {
#pragma unroll
          for (int i = 0; i < MR; ++i) {
#pragma unroll
            for (int v = 0; v < NV; ++v) vec_store(sum[i * NV + v], v, to + (size_t)i * N);
          }
        } else {
#pragma unroll
          for (int i = 0; i < MR * NV; ++i) vec_store(sum[i], i, part);
          COPY_PART(to[(size_t)i * N + j] = part[i * NR + j])
        }
      }
    }
  }
}
