// gemv: c = a op(b) + bias for a few rows of a, bound by reading b once.
//
// Layout   a: [batch, ROWS, K]. b: [batch, K, N] (N, K if transposed). c: [batch, ROWS, N].
//          NB: columns per group, CV * VW if b is stored [K, N], any number if [N, K].
//          Row-major, contiguous. a_stride, b_stride: elements from one matrix to the next; 0 shares.
// Source   none.
// Method   b stored [K, N]: a group keeps ROWS x CV vectors of sums while k runs. b stored [N, K]:
//          CV dot products at a time share the vectors of a.
// Cost     2 ROWS N K flop; each element of b is read once.
// Launch   global (ceil(N / NB), 1, batch), local (1, 1, 1).  Any size.
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width                              4 8 16
//   ROWS         rows of a                                 1 to 4
//   CV           vectors of columns, or columns, at a time 1 to 16
//   TRANSPOSE_B  1 if b is stored transposed
//   BIAS_STEP    0 if one bias is for all columns
//   HAS_BIAS     1 if there is an argument bias: [N]
//   HAS_RESIDUAL 1 if there is an argument residual, like c; epilogues then take it as second
//   HAS_EPILOGUE 1 if the host generated epilogue<VW> and epilogue1
#include "lib/epilogue.clh"
#include "lib/lanes.clh"
#ifndef ROWS
#define ROWS 1
#endif
#ifndef CV
#define CV 4
#endif
#ifndef TRANSPOSE_B
#define TRANSPOSE_B 0
#endif
#ifndef BIAS_STEP
#define BIAS_STEP 1
#endif
#define EPILOGUE PNC_CAT(epilogue, VW)

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void gemv(
    __global const float* restrict a, __global const float* restrict b,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
    __global const float* restrict residual,
#endif
    __global float* restrict c, int N, int K, int a_stride, int b_stride, int NB) {
  const int n0 = get_group_id(0) * NB;
  const int z = get_group_id(2);
  a += (size_t)z * a_stride;
  b += (size_t)z * b_stride;
  c += (size_t)z * ROWS * N;
#if HAS_RESIDUAL
  residual += (size_t)z * ROWS * N;
#endif
#if TRANSPOSE_B
  const int whole = K / VW * VW;
  for (int n = n0; n < min(n0 + NB, N); n += CV) {
    vec_t sum[ROWS * CV];
#pragma unroll
    for (int i = 0; i < ROWS * CV; ++i) sum[i] = (vec_t)(0.0f);
    for (int k = 0; k < K; k += VW) {
      vec_t x[ROWS];
#pragma unroll
      for (int i = 0; i < ROWS; ++i) {
        __global const float* from = a + (size_t)i * K + k;
        x[i] = k < whole ? vec_load(0, from) : load_part(from, K - k, 0.0f);
      }
#pragma unroll
      for (int j = 0; j < CV; ++j) {
        __global const float* from = b + (size_t)min(n + j, N - 1) * K + k;
        const vec_t y = k < whole ? vec_load(0, from) : load_part(from, K - k, 0.0f);
#pragma unroll
        for (int i = 0; i < ROWS; ++i) sum[i * CV + j] = fma(x[i], y, sum[i * CV + j]);
      }
    }
#pragma unroll
    for (int j = 0; j < CV; ++j) {
      if (n + j < min(n0 + NB, N)) {
#pragma unroll
        for (int i = 0; i < ROWS; ++i) {
          float v = lanes_sum(sum[i * CV + j]);
#if HAS_BIAS
          v += bias[(n + j) * BIAS_STEP];
#endif
          const size_t at = (size_t)i * N + n + j;
#if HAS_RESIDUAL
          c[at] = epilogue1(v, residual[at]);
#else
          c[at] = epilogue1(v);
#endif
        }
      }
    }
  }
#else
  vec_t sum[ROWS * CV];
#pragma unroll
  for (int i = 0; i < ROWS * CV; ++i) sum[i] = (vec_t)(0.0f);
  const int columns = min(CV * VW, N - n0);
  // A row may be read beyond its end as long as that is still inside the matrix.
  const int last = columns == CV * VW ? K : K - 1 - (CV * VW - columns) / N;
  __global const float* from = b + n0;
  int k = 0;
  for (; k < last; ++k, from += N) {
#pragma unroll
    for (int v = 0; v < CV; ++v) {
      const vec_t y = vec_load(v, from);
#pragma unroll
      for (int i = 0; i < ROWS; ++i) {
        sum[i * CV + v] = fma((vec_t)(a[(size_t)i * K + k]), y, sum[i * CV + v]);
      }
    }
  }
  for (; k < K; ++k, from += N) {
#pragma unroll
    for (int v = 0; v < CV; ++v) {
      const vec_t y = load_part(from + v * VW, columns - v * VW, 0.0f);
#pragma unroll
      for (int i = 0; i < ROWS; ++i) {
        sum[i * CV + v] = fma((vec_t)(a[(size_t)i * K + k]), y, sum[i * CV + v]);
      }
    }
  }
#pragma unroll
  for (int v = 0; v < CV; ++v) {
    const int count = columns - v * VW;
    if (count > 0) {
      const int n = n0 + v * VW;
#if HAS_BIAS
#if BIAS_STEP
      const vec_t shift = count >= VW ? vec_load(0, bias + n) : load_part(bias + n, count, 0.0f);
#else
      const vec_t shift = (vec_t)(bias[0]);
#endif
#endif
#pragma unroll
      for (int i = 0; i < ROWS; ++i) {
        vec_t value = sum[i * CV + v];
#if HAS_BIAS
        value += shift;
#endif
        const size_t at = (size_t)i * N + n;
#if HAS_RESIDUAL
        value = EPILOGUE(value, count >= VW ? vec_load(0, residual + at)
                                            : load_part(residual + at, count, 0.0f));
#else
        value = EPILOGUE(value);
#endif
        __global float* to = c + at;
        if (count >= VW) {
          vec_store(value, 0, to);
        } else {
          store_part(value, to, count);
        }
      }
    }
  }
#endif
}
