// filter_simt: dw[f,c,k] = sum over n, o of dy[n,f,o] * x[n,c,o * S - P + k * D], in parts
//
// Layout   x [N, G CI, HI, WI], dy [N, G CO, HO, WO], NCHW, contiguous;
//          partial [chunks, G CO, CI, KH, KW].
// Source   as conv2d/simt.cl.
// Method   per group of channels a GEMM of dy [CO, pixels] and im2col transposed
//          [pixels, CI TAPS] over a chunk of the pixels of all images; a work-group takes a
//          BM x BN block, a work-item a TM x 4 tile of it, BK pixels at a time.
// Cost     2 N G CO HO WO CI KH KW flop.
// Launch   global (ceil(CI TAPS / BN) * BN / 4, ceil(CO / BM) * BM / TM, G * chunks),
//          local (BN / 4, BM / TM, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   conv2d/geometry.clh's (forward)
//   BM, BN, BK   block: output channels, (input channel, tap) pairs, pixels
//   TM           rows of the register tile
//   CHUNK        pixels of a work-group
#include "conv2d/geometry.clh"
#ifndef BM
#define BM 32
#define BN 64
#define BK 16
#define TM 4
#define CHUNK 64
#endif
#define COLUMNS (CI * TAPS)
#define PIXELS (HO * WO)
#define ITEMS ((BN / 4) * (BM / TM))
#define PITCH_A (BM + 4)
#define PITCH_B (BN + 4)

__kernel __attribute__((reqd_work_group_size(BN / 4, BM / TM, 1))) void filter_simt(
    __global const float* restrict x, __global const float* restrict dy,
    __global float* restrict partial) {
  __local float la[BK * PITCH_A];
  __local float lb[BK * PITCH_B];
  const int lx = (int)get_local_id(0), ly = (int)get_local_id(1);
  const int item = ly * (BN / 4) + lx;
  const int k0 = (int)get_group_id(0) * BN;
  const int m0 = (int)get_group_id(1) * BM;
  const int g = (int)get_group_id(2) % G, chunk = (int)get_group_id(2) / G;
  const int end = min((chunk + 1) * CHUNK, N * PIXELS);

  float4 acc[TM];
#pragma unroll
  for (int i = 0; i < TM; ++i) acc[i] = (float4)(0.0f);
  for (int p0 = chunk * CHUNK; p0 < end; p0 += BK) {
    for (int i = item; i < BK * BM; i += ITEMS) {
      const int p = p0 + i % BK, m = m0 + i / BK;
      la[i % BK * PITCH_A + i / BK] =
          p < end && m < CO ? dy[((p / PIXELS * G + g) * CO + m) * PIXELS + p % PIXELS] : 0.0f;
    }
    for (int i = item; i < BK * BN; i += ITEMS) {
      const int p = p0 + i % BK, k = k0 + i / BK;
      const int o = p % PIXELS, t = k % TAPS;
      lb[i % BK * PITCH_B + i / BK] =
          p < end && k < COLUMNS
              ? pixel(x + ((p / PIXELS * G + g) * CI + k / TAPS) * HI * WI,
                      o / WO * SH - PT + t / KW * DH, o % WO * SW - PL + t % KW * DW)
              : 0.0f;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < BK; ++k) {
      const float4 b = vload4(lx, lb + k * PITCH_B);
#pragma unroll
      for (int i = 0; i < TM; ++i) acc[i] = mad((float4)(la[k * PITCH_A + ly * TM + i]), b, acc[i]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }

  const int k = k0 + lx * 4;
#pragma unroll
  for (int i = 0; i < TM; ++i) {
    const int f = m0 + ly * TM + i;
    if (f < CO) {
      const float s[4] = {acc[i].x, acc[i].y, acc[i].z, acc[i].w};
      __global float* to = partial + ((chunk * G + g) * CO + f) * COLUMNS + k;
      for (int j = 0; j < 4 && k + j < COLUMNS; ++j) to[j] = s[j];
    }
  }
}
