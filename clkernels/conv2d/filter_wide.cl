// filter_wide: dw[f,c,k] = sum over n, o of dy[n,f,o] * x[n,c,o * S - P + k * D], for a part of n
//
// Layout   x [N, G CI, HI, WI], dy [N, G CO, HO, WO], NCHW, contiguous;
//          partial [image chunks, G CO, CI, KH, KW].
// Source   as conv2d/wide.cl; sums of chunks in a fixed order, without atomics.
// Method   a group takes CHUNK images x FB output channels x CB input channels, IB images and RB
//          output rows at a time. x goes into the slab, dy into rows of the same pitch with zeros
//          between them; MR x NR dot products over the pixels run in vectors:
//
//             acc[i][j] += dy[f + i][q ..] * slab[q + offset[k + j] ..]      (vectors of VW pixels)
//
//          and are summed over their lanes once per block.
// Cost     2 N G CO HO WO CI KH KW flop, times WS / WO for the zeros.
// Launch   global (ceil(CI / CB) * ceil(CO / FB), G, ceil(N / CHUNK)), local (1, 1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   conv2d/geometry.clh's (forward), lib/vector.clh's VW
//   MR, NR       register tile: output channels, (input channel, tap) pairs
//   CB, FB       input and output channels of a group; FB is CO or a multiple of MR
//   RB, IB       output rows and images in local memory at once
//   CHUNK        images of a group
#include "conv2d/wide_slab.clh"
#ifndef MR
#define MR 4
#define NR 5
#define CB 3
#define FB 4
#define IB 1
#define CHUNK 1
#endif
#define QV (((RB - 1) * WS + WO + VW - 1) / VW)
#define QP (QV * VW)
#define SLACK (QP - RB * WS + WS - WO)
#define SLAB (CB * CHANNEL)

inline float lanes(const vec_t v) {
#if VW == 16
  const float8 a = v.lo + v.hi;
  const float4 b = a.lo + a.hi;
  const float2 c = b.lo + b.hi;
  return c.x + c.y;
#elif VW == 8
  const float4 b = v.lo + v.hi;
  const float2 c = b.lo + b.hi;
  return c.x + c.y;
#elif VW == 4
  const float2 c = v.lo + v.hi;
  return c.x + c.y;
#elif VW == 2
  return v.x + v.y;
#else
  return v;
#endif
}

// `rows` <= MR is a constant at each call, so that the tests on it vanish. Only kernels say
// restrict: an inlined restrict leaves an intrinsic behind that Oclgrind cannot interpret.
__attribute__((always_inline)) inline void tile(const int rows, __local const float* dy,
                                                __local const float* slab,
                                                __local const int* offset, __local float* dw,
                                                const int images, const int vectors,
                                                const int columns) {
  vec_t acc[MR][NR];
  int o[NR];
#pragma unroll
  for (int j = 0; j < NR; ++j) {
    o[j] = offset[min(j, columns - 1)];
#pragma unroll
    for (int i = 0; i < MR; ++i) acc[i][j] = (vec_t)(0.0f);
  }
  for (int n = 0; n < images; ++n) {
    for (int q = 0; q < vectors; ++q) {
      vec_t d[MR];
#pragma unroll
      for (int i = 0; i < MR; ++i) {
        if (i < rows) d[i] = vec_load(q, dy + (n * FB + i) * QP);
      }
#pragma unroll
      for (int j = 0; j < NR; ++j) {
        const vec_t b = vec_load(q, slab + n * SLAB + o[j]);
#pragma unroll
        for (int i = 0; i < MR; ++i) {
          if (i < rows) acc[i][j] = fma(d[i], b, acc[i][j]);
        }
      }
    }
  }
#pragma unroll
  for (int j = 0; j < NR; ++j) {
    if (j < columns) {
#pragma unroll
      for (int i = 0; i < MR; ++i) {
        if (i < rows) dw[i * CB * TAPS + j] += lanes(acc[i][j]);
      }
    }
  }
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void filter_wide(
    __global const float* restrict x, __global const float* restrict dy,
    __global float* restrict partial) {
  __local float slab[IB * SLAB + SLACK];
  __local float rows_of_dy[IB * FB * QP];
  __local float dw[FB * CB * TAPS];
  __local int offset[CB * TAPS];
  const int blocks = (CO + FB - 1) / FB;
  const int f0 = ((int)get_group_id(0) % blocks) * FB;
  const int c0 = ((int)get_group_id(0) / blocks) * CB;
  const int g = (int)get_group_id(1);
  const int filters = min(FB, CO - f0);
  const int channels = min(CB, CI - c0);
  const int columns = channels * TAPS;
  const int n_end = min(N, ((int)get_group_id(2) + 1) * CHUNK);

  clear(slab, IB * SLAB + SLACK);  // zeros of dy meet the slab's last lanes: 0 * x must be 0
  clear(rows_of_dy, IB * FB * QP);
  clear(dw, FB * CB * TAPS);
  for (int c = 0; c < channels; ++c) {
    for (int t = 0; t < TAPS; ++t) offset[c * TAPS + t] = c * CHANNEL + slab_tap(t / KW, t % KW);
  }
  for (int n0 = (int)get_group_id(2) * CHUNK; n0 < n_end; n0 += IB) {
    const int images = min(IB, n_end - n0);
    for (int row0 = 0; row0 < HO; row0 += RB) {
      const int rows = min(RB, HO - row0);
      for (int n = 0; n < images; ++n) {
        pack_slab(slab + n * SLAB, x + (((n0 + n) * G + g) * CI + c0) * HI * WI, channels, row0);
        for (int f = 0; f < filters; ++f) {
          __global const float* from = dy + ((((n0 + n) * G + g) * CO + f0 + f) * HO + row0) * WO;
          __local float* to = rows_of_dy + (n * FB + f) * QP;
          for (int r = 0; r < rows; ++r) copy_to_local(to + r * WS, from + r * WO, WO);
          for (int r = rows; r < RB; ++r) clear(to + r * WS, WO);
        }
      }
      const int vectors = ((rows - 1) * WS + WO + VW - 1) / VW;
      for (int k = 0; k < columns; k += NR) {
        for (int f = 0; f < filters; f += MR) {
          __local float* to = dw + f * CB * TAPS + k;
          __local const float* d = rows_of_dy + f * QP;
          if (CO % MR == 0 || f + MR <= filters) {
            tile(MR, d, slab, offset + k, to, images, vectors, columns - k);
          } else {
            tile(CO % MR, d, slab, offset + k, to, images, vectors, columns - k);
          }
        }
      }
    }
  }
  __global float* chunk = partial + (int)get_group_id(2) * (G * CO * CI * TAPS);
  for (int f = 0; f < filters; ++f) {
    __global float* to = chunk + ((g * CO + f0 + f) * CI + c0) * TAPS;
    for (int k = 0; k < columns; ++k) to[k] = dw[f * CB * TAPS + k];
  }
}
