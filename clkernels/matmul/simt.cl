// simt: c = op(a) op(b) + bias, for devices with many work-items per group.
//
//   a group computes a TILE x TILE block of c; its slices of op(a) and op(b), TK deep, go through
//   local memory; each work-item keeps RT x RT sums in registers, its rows and columns WG apart.
//
// Layout   a: [batch, M, K] (K, M if transposed). b: [batch, K, N] (N, K). c: [batch, M, N].
//          All row-major, contiguous. b_stride: elements from one b to the next; 0 shares one.
// Source   Volkov, Demmel, "Benchmarking GPUs to Tune Dense Linear Algebra", SC 2008.
// Cost     2 M N K flop; each element of a and b is read once per TILE columns or rows.
// Launch   global (ceil(N / TILE) * WG, ceil(M / TILE) * WG, batch), local (WG, WG, 1).  Any size.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   WG           work-items along each side of a group     8 16
//   RT           sums along each side of a work-item       2 4
//   TK           depth of a slice                          8 16
//   TRANSPOSE_A, TRANSPOSE_B   1 if the operand is stored transposed
//   HAS_BIAS     1 if there is an argument bias: [N]
//   HAS_RESIDUAL 1 if there is an argument residual, like c; epilogues then take it as second
//   HAS_EPILOGUE 1 if the host generated epilogue1
#include "lib/epilogue.clh"
#ifndef WG
#define WG 16
#endif
#ifndef RT
#define RT 4
#endif
#ifndef TK
#define TK 16
#endif
#ifndef TRANSPOSE_A
#define TRANSPOSE_A 0
#endif
#ifndef TRANSPOSE_B
#define TRANSPOSE_B 0
#endif
#define TILE (WG * RT)
#define ROW (TILE + 1)  // one more, against bank conflicts

__kernel __attribute__((reqd_work_group_size(WG, WG, 1))) void simt(
    __global const float* restrict a, __global const float* restrict b,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
    __global const float* restrict residual,
#endif
    __global float* restrict c, int M, int N, int K, int b_stride) {
  __local float a_slice[TK * ROW];
  __local float b_slice[TK * ROW];
  const int lx = get_local_id(0);
  const int ly = get_local_id(1);
  const int item = ly * WG + lx;
  const int z = get_group_id(2);
  const int n0 = get_group_id(0) * TILE;
  const int m0 = get_group_id(1) * TILE;
  a += (size_t)z * M * K;
  b += (size_t)z * b_stride;
  c += (size_t)z * M * N;
#if HAS_RESIDUAL
  residual += (size_t)z * M * N;
#endif

  float sum[RT][RT];
#pragma unroll
  for (int i = 0; i < RT; ++i) {
#pragma unroll
    for (int j = 0; j < RT; ++j) sum[i][j] = 0.0f;
  }
  for (int k0 = 0; k0 < K; k0 += TK) {
    for (int e = item; e < TK * TILE; e += WG * WG) {
      // Neighbouring work-items read neighbouring addresses in either storage order.
      const int ak = TRANSPOSE_A ? e / TILE : e % TK;
      const int am = TRANSPOSE_A ? e % TILE : e / TK;
      const int k = k0 + ak;
      const int m = m0 + am;
      a_slice[ak * ROW + am] =
          k < K && m < M ? a[TRANSPOSE_A ? (size_t)k * M + m : (size_t)m * K + k] : 0.0f;
      const int bk = TRANSPOSE_B ? e % TK : e / TILE;
      const int bn = TRANSPOSE_B ? e / TK : e % TILE;
      const int kb = k0 + bk;
      const int n = n0 + bn;
      b_slice[bk * ROW + bn] =
          kb < K && n < N ? b[TRANSPOSE_B ? (size_t)n * K + kb : (size_t)kb * N + n] : 0.0f;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = 0; k < TK; ++k) {
      float x[RT];
      float y[RT];
#pragma unroll
      for (int i = 0; i < RT; ++i) {
        x[i] = a_slice[k * ROW + ly + i * WG];
        y[i] = b_slice[k * ROW + lx + i * WG];
      }
#pragma unroll
      for (int i = 0; i < RT; ++i) {
#pragma unroll
        for (int j = 0; j < RT; ++j) sum[i][j] = fma(x[i], y[j], sum[i][j]);
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
#pragma unroll
  for (int i = 0; i < RT; ++i) {
    const int m = m0 + ly + i * WG;
#pragma unroll
    for (int j = 0; j < RT; ++j) {
      const int n = n0 + lx + j * WG;
      if (m < M && n < N) {
        float v = sum[i][j];
#if HAS_BIAS
        v += bias[n];
#endif
#if HAS_RESIDUAL
        c[(size_t)m * N + n] = epilogue1(v, residual[(size_t)m * N + n]);
#else
        c[(size_t)m * N + n] = epilogue1(v);
#endif
      }
    }
  }
}
