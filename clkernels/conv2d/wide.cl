// wide: y[n,f,o] = epilogue(sum over c, k of w[f,c,k] * x[n,c,o * S - P + k * D] + bias[f])
//
// Layout   x [N, G CI, HI, WI], y [N, G CO, HO, WO], NCHW, contiguous; w as A_ROW, A_CHANNEL and
//          FLIP say; bias [G CO]; residual like y.  Serves conv2d and conv2d_backward_data
//          (conv2d/geometry.clh).
// Source   Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD
//          Architectures", 2018, arXiv:1808.05567; the stride phases are our own.
// Method   a group takes IB images x RB output rows x FB output channels. Input rows go into the
//          slab (conv2d/wide_slab.clh); an MR x (NV VW) tile of sums stays in registers over CB
//          channels and all taps, with the weight broadcast:
//
//                    q: NV vectors of output pixels
//             f  w > [acc acc]   acc[i][v] += w[f + i][c, k] * slab[c][q + tap k, vector v]
//             MR w > [acc acc]
//
//          Sums wait in local memory between channel blocks, and until whole rows can be stored.
// Cost     2 N G CO HO WO CI KH KW flop, times WS / WO for the lanes at row ends.
// Launch   global (row blocks, G * ceil(CO / FB), ceil(N / IB)), local (1, 1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   conv2d/geometry.clh's, lib/vector.clh's VW, lib/epilogue.clh's HAS_BIAS, HAS_RESIDUAL
//   and epilogue
//   MR, NV       register tile: rows (output channels), vectors of pixels
//   CB           input channels in the slab at once
//   FB           output channels of a group: CO or a multiple of MR
//   RB, IB       output rows of a block, images of a group
#include "conv2d/wide_slab.clh"
#include "lib/epilogue.clh"
#ifndef MR
#define MR 4
#define NV 2
#define CB 3
#define FB 4
#define IB 1
#endif
#define NR (NV * VW)
#define QT (((RB - 1) * WS + WO + NR - 1) / NR)
#define QP (QT * NR)
#define EPILOGUE PNC_CAT(epilogue, VW)

// A residual comes in where rows lie as they do in memory: when they are stored.
#if HAS_RESIDUAL
#define FINISH(v) (v)
__attribute__((always_inline)) inline void store_row(__global float* y, __local const float* sums,
                                                     __global const float* residual,
                                                     const int count) {
  int i = 0;
  for (; i + VW <= count; i += VW) {
    vec_store(EPILOGUE(vec_load(0, sums + i), vec_load(0, residual + i)), 0, y + i);
  }
  if (VW > 8 && i + 8 <= count) {
    vstore8(epilogue8(vload8(0, sums + i), vload8(0, residual + i)), 0, y + i);
    i += 8;
  }
  if (VW > 4 && i + 4 <= count) {
    vstore4(epilogue4(vload4(0, sums + i), vload4(0, residual + i)), 0, y + i);
    i += 4;
  }
  for (; i < count; ++i) y[i] = epilogue1(sums[i], residual[i]);
}
#else
#define FINISH(v) EPILOGUE(v)
#endif

// `rows` <= MR is a constant at each call, so that the tests on it vanish. Only kernels say
// restrict: an inlined restrict leaves an intrinsic behind that Oclgrind cannot interpret.
__attribute__((always_inline)) inline void tile(const int rows, __global const float* w,
                                                __global const float* bias,
                                                __local const float* slab, __local float* sums,
                                                const int channels, const int first,
                                                const int last) {
  vec_t acc[MR][NV];
#pragma unroll
  for (int i = 0; i < MR; ++i) {
#pragma unroll
    for (int v = 0; v < NV; ++v) {
      if (i < rows)
        acc[i][v] = first ? (vec_t)(HAS_BIAS ? bias[i] : 0.0f) : vec_load(v, sums + i * QP);
    }
  }
  for (int c = 0; c < channels; ++c) {
    for (int kh = 0; kh < KH; ++kh) {
#pragma unroll
      for (int kw = 0; kw < KW; ++kw) {
        __local const float* b = slab + c * CHANNEL + slab_tap(kh, kw);
        __global const float* a = w + c * A_CHANNEL + TAP(kh * KW + kw);
        vec_t x[NV];
#pragma unroll
        for (int v = 0; v < NV; ++v) x[v] = vec_load(v, b);
#pragma unroll
        for (int i = 0; i < MR; ++i) {
          if (i < rows) {
            const vec_t weight = (vec_t)(a[i * A_ROW]);
#pragma unroll
            for (int v = 0; v < NV; ++v) acc[i][v] = fma(weight, x[v], acc[i][v]);
          }
        }
      }
    }
  }
#pragma unroll
  for (int i = 0; i < MR; ++i) {
#pragma unroll
    for (int v = 0; v < NV; ++v) {
      if (i < rows) vec_store(last ? FINISH(acc[i][v]) : acc[i][v], v, sums + i * QP);
    }
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide(
    __global const float* restrict x, __global const float* restrict w,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
    __global const float* restrict residual,
#endif
    __global float* restrict y) {
  __local float slab[CB * CHANNEL + QP - RB * WS + WS - WO];
  __local float sums[FB * QP];
  const int blocks = (CO + FB - 1) / FB;
  const int row0 = (int)get_group_id(0) * RB;
  const int rows = min(RB, HO - row0);
  const int g = (int)get_group_id(1) / blocks;
  const int f0 = ((int)get_group_id(1) % blocks) * FB;
  const int filters = min(FB, CO - f0);
  const int tiles = ((rows - 1) * WS + WO + NR - 1) / NR;
  const int n_end = min(N, ((int)get_group_id(2) + 1) * IB);
  __global const float* wg = w + g * CO * CI * TAPS + f0 * A_ROW;
#if HAS_BIAS
  __global const float* bg = bias + g * CO + f0;
#else
  __global const float* bg = w;  // not read
#endif

  for (int n = (int)get_group_id(2) * IB; n < n_end; ++n) {
    for (int c0 = 0; c0 < CI; c0 += CB) {
      const int channels = min(CB, CI - c0);
      const int first = c0 == 0, last = c0 + CB >= CI;
      __global const float* wc = wg + c0 * A_CHANNEL;
      pack_slab(slab, x + ((n * G + g) * CI + c0) * HI * WI, channels, row0);
      for (int f = 0; f < filters; f += MR) {
        for (int q = 0; q < tiles; ++q) {
          __local float* to = sums + f * QP + q * NR;
          if (CO % MR == 0 || f + MR <= filters) {
            tile(MR, wc + f * A_ROW, bg + f, slab + q * NR, to, channels, first, last);
          } else {
            tile(CO % MR, wc + f * A_ROW, bg + f, slab + q * NR, to, channels, first, last);
          }
        }
      }
    }
    for (int f = 0; f < filters; ++f) {
      const int at = ((n * G * CO + STORED(g * CO + f0 + f)) * HO + row0) * WO;
      for (int r = 0; r < rows; ++r) {
        __local const float* from = sums + f * QP + r * WS;
#if HAS_RESIDUAL
        store_row(y + at + r * WO, from, residual + at + r * WO, WO);
#else
        copy_to_global(y + at + r * WO, from, WO);
#endif
      }
    }
  }
}
