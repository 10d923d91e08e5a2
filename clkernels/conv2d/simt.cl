// simt: y[n,f,o] = epilogue(sum over c, k of w[f,c,k] * x[n,c,o * S - P + k * D] + bias[f])
//
// Layout   x [N, G CI, HI, WI], y [N, G CO, HO, WO], NCHW, contiguous; w as A_ROW, A_CHANNEL and
//          FLIP say; bias [G CO]; residual like y.  Serves conv2d and conv2d_backward_data
//          (conv2d/geometry.clh).
// Source   Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014, arXiv:1410.0759
//          (implicit GEMM).
// Method   per group of channels a GEMM of weights [CO, CI TAPS] and im2col [CI TAPS, N HO WO],
//          whose columns are formed while they are copied into local memory:
//
//               BN pixels, over all images
//             +-----------+
//          BM |  TM x 4   |   one register tile per work-item; BK rows of the sum at a time
//             +-----------+
//
// Cost     2 N G CO HO WO CI KH KW flop; x is read TAPS * ceil(CO / BM) times, mostly from cache.
// Launch   global (ceil(N HO WO / BN) * BN / 4, ceil(CO / BM) * BM / TM, G),
//          local (BN / 4, BM / TM, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   conv2d/geometry.clh's, lib/epilogue.clh's HAS_BIAS, HAS_RESIDUAL and epilogue
//   BM, BN, BK   block: output channels, pixels, depth. BN divides the work-items of a group
//   TM           rows of the register tile
#include "conv2d/geometry.clh"
#include "lib/epilogue.clh"
#ifndef BM
#define BM 32
#define BN 64
#define BK 16
#define TM 4
#endif
#define DEPTH (CI * TAPS)
#define PIXELS (HO * WO)
#define ITEMS ((BN / 4) * (BM / TM))
#define PITCH (BM + 4)
// A residual comes in where it is known which pixels are stored.
#if HAS_RESIDUAL
#define FINISH4(v, at) epilogue4(v, vload4(0, residual + (at)))
#define FINISH1(v, at) epilogue1(v, residual[at])
#else
#define FINISH4(v, at) (v)
#define FINISH1(v, at) (v)
#endif

__kernel __attribute__((reqd_work_group_size(BN / 4, BM / TM, 1))) void simt(
    __global const float* restrict x, __global const float* restrict w,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
    __global const float* restrict residual,
#endif
    __global float* restrict y) {
  __local float la[BK * PITCH];
  __local float lb[BK * BN];
  const int lx = (int)get_local_id(0), ly = (int)get_local_id(1);
  const int item = ly * (BN / 4) + lx;
  const int m0 = (int)get_group_id(1) * BM;
  const int g = (int)get_group_id(2);
  __global const float* weights = w + g * CO * CI * TAPS;

  // The pixel whose column this work-item copies: always the same one.
  const int p = (int)get_group_id(0) * BN + item % BN;
  const int n = p / PIXELS, o = p % PIXELS;
  const int u = o / WO * SH - PT, v = o % WO * SW - PL;
  __global const float* image = x + (n * G + g) * CI * HI * WI;

  float4 acc[TM];
#pragma unroll
  for (int i = 0; i < TM; ++i) acc[i] = (float4)(0.0f);
  for (int k0 = 0; k0 < DEPTH; k0 += BK) {
    for (int i = item; i < BK * BM; i += ITEMS) {
      const int k = k0 + i % BK, m = m0 + i / BK;
      la[i % BK * PITCH + i / BK] =
          k < DEPTH && m < CO ? weights[m * A_ROW + k / TAPS * A_CHANNEL + TAP(k % TAPS)] : 0.0f;
    }
    for (int i = item; i < BK * BN; i += ITEMS) {
      const int k = k0 + i / BN, t = k % TAPS;
      lb[i] = k < DEPTH && n < N
                  ? pixel(image + k / TAPS * HI * WI, u + t / KW * DH, v + t % KW * DW)
                  : 0.0f;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < BK; ++k) {
      const float4 b = vload4(lx, lb + k * BN);
#pragma unroll
      for (int i = 0; i < TM; ++i) acc[i] = mad((float4)(la[k * PITCH + ly * TM + i]), b, acc[i]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }

  const int q = (int)get_group_id(0) * BN + lx * 4;
  if (q >= N * PIXELS) return;
#pragma unroll
  for (int i = 0; i < TM; ++i) {
    const int f = m0 + ly * TM + i;
    if (f < CO) {
#if HAS_BIAS
      acc[i] += (float4)(bias[g * CO + f]);
#endif
#if !HAS_RESIDUAL
      acc[i] = epilogue4(acc[i]);
#endif
      const int channel = STORED(g * CO + f);
      const int at = (q / PIXELS * G * CO + channel) * PIXELS + q % PIXELS;
      if (q % PIXELS + 3 < PIXELS) {
        vstore4(FINISH4(acc[i], at), 0, y + at);
      } else {
        // The four pixels lie in up to four images.
        const float s[4] = {acc[i].x, acc[i].y, acc[i].z, acc[i].w};
        for (int j = 0; j < 4 && q + j < N * PIXELS; ++j) {
          const int to = ((q + j) / PIXELS * G * CO + channel) * PIXELS + (q + j) % PIXELS;
          y[to] = FINISH1(s[j], to);
        }
      }
    }
  }
}
