// depthwise_rows: y[n,c,o] = epilogue(sum over k of w[c,k] * x[n,c,o * S - P + k * D] + bias[c])
//
// Layout   x [N, G, HI, WI], y [N, G, HO, WO], NCHW, contiguous; w [G, KH, KW]; bias [G]; residual
//          like y.  Serves conv2d, and conv2d_backward_data without strides (conv2d/geometry.clh).
// Source   our own.
// Method   a group takes CHANNELS channels, one after the other. The channel goes into local memory
//          with zeros around it, then each vector of outputs is a sum of TAPS vectors. Vectors at the
//          end of a row reach into the next one, which is written after it: only those at the end of
//          the last channel are cut off.
// Cost     2 N G HO WO KH KW flop, times the lanes beyond the rows.
// Launch   global (ceil(N G / CHANNELS)), local (1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   conv2d/geometry.clh's, with CI = CO = 1, UPH = UPW = 1, SW 1 or 2, and no negative PT or PL;
//   lib/vector.clh's VW; lib/epilogue.clh's HAS_BIAS, HAS_RESIDUAL and epilogue
//   CHANNELS     channels of a group
//   ROWS         output rows that are computed together
#include "conv2d/geometry.clh"
#include "lib/epilogue.clh"
#include "lib/vector.clh"
#ifndef CHANNELS
#define CHANNELS 2
#define ROWS 4
#endif
// The rows and columns that some output reads, or that the input has.
#define HS ((HO - 1) * SH + (KH - 1) * DH + 1)
#define READ ((WO - 1) * SW + (KW - 1) * DW + 1)
#define WS (READ > WI + PL ? READ : WI + PL)
#define FLOATS (HS * WS + PL + 3 * VW)
#define EPILOGUE PNC_CAT(epilogue, VW)
#if HAS_RESIDUAL
#define FINISH(v, at) EPILOGUE(v, vec_load(0, residual + (at)))
#define FINISH1(v, at) epilogue1(v, residual[at])
#else
#define FINISH(v, at) EPILOGUE(v)
#define FINISH1(v, at) (v)
#endif

// Copies a row by vectors, of which the last one ends where the row does.
inline void copy_row(__local float* to, __global const float* from) {
#if WI >= VW
  for (int i = 0; i + VW < WI; i += VW) vec_store(vec_load(0, from + i), 0, to + i);
  vec_store(vec_load(0, from + WI - VW), 0, to + WI - VW);
#elif WI >= 8
  vstore8(vload8(0, from), 0, to);
  vstore8(vload8(0, from + WI - 8), 0, to + WI - 8);
#elif WI >= 4
  vstore4(vload4(0, from), 0, to);
  vstore4(vload4(0, from + WI - 4), 0, to + WI - 4);
#else
  for (int i = 0; i < WI; ++i) to[i] = from[i];
#endif
}

inline void fill(__local float* plane, __global const float* x) {
  for (int r = 0; r < HI && r + PT < HS; ++r) copy_row(plane + (r + PT) * WS + PL, x + r * WI);
}

// The inputs of VW outputs for tap `kw`, SW apart. Two taps share loads where SW is 2.
inline vec_t inputs(__local const float* row, const int kw) {
#if SW == 1
  return vec_load(0, row + kw * DW);
#else
  __local const float* from = row + (kw * DW & ~1);
  const vec_t a = vec_load(0, from), b = vec_load(1, from);
  return kw * DW % 2 == 0 ? (vec_t)(a.even, b.even) : (vec_t)(a.odd, b.odd);
#endif
}

inline void store(const vec_t v, __global const float* residual, __global float* y, const int at,
                  const int room) {
  if (at + VW <= room) {
    vec_store(FINISH(v, at), 0, y + at);
    return;
  }
  float rest[VW];
#if HAS_RESIDUAL
  vec_store(v, 0, rest);
#else
  vec_store(EPILOGUE(v), 0, rest);
#endif
  for (int k = at; k < HO * WO; ++k) y[k] = FINISH1(rest[k - at], k);
}

// `rows` <= ROWS output rows from row r on; a constant at each call. An input row is read once for
// all of them. The last columns come first: what they write beyond their row is written later.
__attribute__((always_inline)) inline void convolve(const int rows, const int r,
                                                    __local const float* plane,
                                                    __global const float* w, const float bias,
                                                    __global const float* residual,
                                                    __global float* y, const int room) {
  vec_t weight[TAPS];
#pragma unroll
  for (int t = 0; t < TAPS; ++t) weight[t] = (vec_t)(w[TAP(t)]);
  for (int i = (WO - 1) / VW * VW; i >= 0; i -= VW) {
    vec_t sum[ROWS];
#pragma unroll
    for (int j = 0; j < ROWS; ++j) sum[j] = (vec_t)(bias);
#pragma unroll
    for (int u = 0; u <= (ROWS - 1) * SH + (KH - 1) * DH; ++u) {
#pragma unroll
      for (int kw = 0; kw < KW; ++kw) {
        if (u <= (rows - 1) * SH + (KH - 1) * DH) {
          const vec_t x = inputs(plane + (r * SH + u) * WS + i * SW, kw);
#pragma unroll
          for (int j = 0; j < ROWS; ++j) {
            const int kh = (u - j * SH) / DH;
            if (j < rows && u >= j * SH && (u - j * SH) % DH == 0 && kh < KH) {
              sum[j] = fma(weight[kh * KW + kw], x, sum[j]);
            }
          }
        }
      }
    }
#pragma unroll
    for (int j = 0; j < ROWS; ++j) {
      if (j < rows) store(sum[j], residual, y, (r + j) * WO + i, room);
    }
  }
}

inline void convolve_all(__local const float* plane, __global const float* w, const float bias,
                         __global const float* residual, __global float* y, const int room) {
  int r = 0;
  for (; r + ROWS <= HO; r += ROWS) convolve(ROWS, r, plane, w, bias, residual, y, room);
#if HO % ROWS != 0
  convolve(HO % ROWS, r, plane, w, bias, residual, y, room);
#endif
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void depthwise_rows(
    __global const float* restrict x, __global const float* restrict w,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
    __global const float* restrict residual,
#endif
    __global float* restrict y) {
  __local float plane[FLOATS];
  for (int i = 0; i < FLOATS; ++i) plane[i] = 0.0f;
  const int first = (int)get_group_id(0) * CHANNELS;
  const int end = min(first + CHANNELS, N * G);
  for (int i = first; i < end; ++i) {
    const int c = i % G;
    const int to = (i - c + STORED(c)) * HO * WO;
    // What lies behind this channel may be written too soon, if it is the group's next one.
    const int room = SHUFFLE == 1 ? (end - i) * HO * WO : HO * WO;
    fill(plane, x + i * HI * WI);
#if HAS_RESIDUAL
    __global const float* before = residual + to;
#else
    __global const float* before = x;  // not read
#endif
#if HAS_BIAS
    convolve_all(plane, w + c * TAPS, bias[c], before, y + to, room);
#else
    convolve_all(plane, w + c * TAPS, 0.0f, before, y + to, room);
#endif
  }
}
