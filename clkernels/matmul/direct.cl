// direct: c = op(a) op(b) + bias, one work-item per element.
//
// Layout   a: [batch, M, K] (K, M if transposed). b: [batch, K, N] (N, K). c: [batch, M, N].
//          All row-major, contiguous. b_stride: elements from one b to the next; 0 shares one.
// Method   a dot product per work-item.
// Cost     2 M N K flop; no reuse.
// Launch   global (>= N, M, batch), local (any, 1, 1).  Any size.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   TRANSPOSE_A, TRANSPOSE_B   1 if the operand is stored transposed
//   HAS_BIAS     1 if there is an argument bias: [N]
//   HAS_RESIDUAL 1 if there is an argument residual, like c; epilogues then take it as second
//   HAS_EPILOGUE 1 if the host generated epilogue1
#ifndef TRANSPOSE_A
#define TRANSPOSE_A 0
#endif
#ifndef TRANSPOSE_B
#define TRANSPOSE_B 0
#endif
#include "lib/epilogue.clh"

__kernel void direct(__global const float* restrict a, __global const float* restrict b,
#if HAS_BIAS
                     __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
                     __global const float* restrict residual,
#endif
                     __global float* restrict c, int M, int N, int K, int b_stride) {
  const int n = get_global_id(0);
  const int m = get_global_id(1);
  const int z = get_global_id(2);
  if (n >= N) return;
  a += (size_t)z * M * K + (TRANSPOSE_A ? m : m * K);
  b += (size_t)z * b_stride + (TRANSPOSE_B ? n * K : n);
  float sum = 0.0f;
  for (int k = 0; k < K; ++k) {
    sum = fma(a[TRANSPOSE_A ? k * M : k], b[TRANSPOSE_B ? k : k * N], sum);
  }
#if HAS_BIAS
  sum += bias[n];
#endif
  const size_t at = ((size_t)z * M + m) * N + n;
#if HAS_RESIDUAL
  c[at] = epilogue1(sum, residual[at]);
#else
  c[at] = epilogue1(sum);
#endif
}
