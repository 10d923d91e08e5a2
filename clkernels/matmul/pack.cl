// pack: the columns of op(b) in panels of R, so that a GEMM reads them in a row.
//
//   packed[z, p, k, j] = op(b)[z, k, p R + j], 0 beyond column N
//
// Layout   b: [batch, K, N] (N, K if not K_FIRST), contiguous. packed: [batch, ceil(N / R), K, R].
// Source   Goto, van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008.
// Method   a work-item turns KB rows of one panel; columns that lie apart are transposed in registers.
// Cost     one read, one write.
// Launch   global (ceil(N / R), ceil(K / KB), batch), local (1, 1, 1).  Any size.
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width                              4 8 16
//   R            columns of a panel, a multiple of VW
//   KB           rows per work-item
//   K_FIRST      1 if b is stored [K, N], 0 if [N, K]
#ifndef R
#define R 32
#endif
#ifndef KB
#define KB 64
#endif
#ifndef K_FIRST
#define K_FIRST 1
#endif
#include "lib/vector.clh"
#include "matmul/panel.clh"

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void pack(__global const float* restrict b,
                                                                  __global float* restrict packed,
                                                                  int N, int K) {
  const int panel = get_group_id(0);
  const int z = get_group_id(2);
  const int k0 = get_group_id(1) * KB;
  __global float* to = packed + (((size_t)z * get_num_groups(0) + panel) * K + k0) * R;
  PACK_COLUMNS(K_FIRST, R, b + (size_t)z * N * K, N, K, panel * R, k0, min(KB, K - k0), to);
}
