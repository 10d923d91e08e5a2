// pack_winograd: 3 x 3 weights transformed for winograd.cl, or as panels for matmul/wide.cl.
//   u[t][xi][b][c][i] = the transform of w[f = t NF + i][b VW + c], element xi
//
// Layout   w: filters a_row and input channels a_channel elements apart, flipped for a backward pass
//          (flip). u: blocks [CB, VW, NF], those of t and xi t_step and xi_step elements apart;
//          zero where there is no such filter or channel.
// Source   conv2d/winograd.clh
// Method   a work-item transforms a vector of filters for one block of channels, a channel at a time:
//          filters are lanes. Where both are whole they are read by vectors (conv2d/pack.clh). The
//          elements of a channel land in XI places, often a power of two apart: xi_step is not one,
//          or the elements are collected first, or all compete for the same few lines of a cache.
// Cost     one read of w, XI / 9 times as much written.
// Launch   global (CB, FT * NF / VW), swapped if TURNED: neighbours read neighbouring weights;
//          local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Arguments: ci, co channels and filters
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   winograd.clh's TILE;  VW block of channels and vector of filters;  NF tile of filters
//   WHOLE        1: vectors of filters and blocks of channels are full
//   TURNED       as in conv2d/pack.clh
//   COLLECT      1: all channels before the first is written
#ifndef NF
#define VW 16
#define NF 32
#define WHOLE 1
#define TURNED 1
#define COLLECT 1
#endif
#define TAPS 9
#include "conv2d/winograd.clh"
#if WHOLE
#include "conv2d/pack.clh"
#else
#include "lib/vector.clh"
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void pack_winograd(
    __global const float* restrict w, __global float* restrict u, int ci, int co, int a_row,
    int a_channel, int flip, int t_step, int xi_step) {
  const int b = get_global_id(TURNED ? 1 : 0);
  const int f = (int)get_global_id(TURNED ? 0 : 1) * VW;
  const int filters = min(VW, co - f);
  __global const float* from = w + f * a_row + b * VW * a_channel;
  __global float* to = u + f / NF * t_step + b * VW * NF + f % NF;
  vec_t lines[TAPS * VW];
#if WHOLE
  if (filters > 0) {
    read_lines(from, TURNED ? a_channel : a_row, lines);
  } else {
    for (int k = 0; k < TAPS * VW; ++k) lines[k] = (vec_t)(0.0f);
  }
#else
  const int channels = min(VW, ci - b * VW);
  for (int c = 0; c < VW; ++c) {
    for (int k = 0; k < TAPS; ++k) {
      float lanes[VW];
      for (int i = 0; i < VW; ++i) {
        lanes[i] = i < filters && c < channels ? from[i * a_row + c * a_channel + k] : 0.0f;
      }
      lines[k * VW + c] = vec_load(0, lanes);
    }
  }
#endif
#if COLLECT
  vec_t elements[XI * VW];
#endif
  for (int c = 0; c < VW; ++c) {
    vec_t taps[TAPS];
#pragma unroll
    for (int k = 0; k < TAPS; ++k) taps[k] = lines[(flip ? TAPS - 1 - k : k) * VW + c];
    vec_t half_way[P * 3];
#pragma unroll
    for (int k = 0; k < 3; ++k) WINO_FILTER(vec_t, taps + k, 3, half_way + k, 3)
#pragma unroll
    for (int k = 0; k < P; ++k) {
      vec_t row[P];
      WINO_FILTER(vec_t, half_way + k * 3, 1, row, 1)
#pragma unroll
      for (int j = 0; j < P; ++j) {
#if COLLECT
        elements[(k * P + j) * VW + c] = row[j];
#else
        vec_store(row[j], 0, to + (k * P + j) * xi_step + c * NF);
#endif
      }
    }
  }
#if COLLECT
  for (int xi = 0; xi < XI; ++xi) {
#pragma unroll
    for (int c = 0; c < VW; ++c) vec_store(elements[xi * VW + c], 0, to + xi * xi_step + c * NF);
  }
#endif
}
