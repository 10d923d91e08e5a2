// wide: c = op(a) op(b) + bias, for devices that run one work-item per group.
//
//            N ->    |<- NB ->|            a panel of op(b), KC x NB, is packed into local memory
//       +------------+--------+            in strips of NR = NV * VW columns and used for MB rows;
//   M   |            |  MR x  |            an MR x NR tile of c stays in registers while k runs
//   |   |            |   NR   |  MB        over KC.
//   v   +------------+--------+
//
// Layout   a: [batch, M, K] (K, M if transposed). b: [batch, K, N] (N, K). c: [batch, M, N].
//          All row-major, contiguous. b_stride: elements from one b to the next; 0 shares one.
// Source   the panel scheme of Goto, van de Geijn, "Anatomy of High-Performance Matrix
//          Multiplication", 2008, with the packed panel in local memory.
// Cost     2 M N K flop; b is packed once per MB rows.
// Launch   global (ceil(N / NB), ceil(M / MB), batch), local (1, 1, 1).  Any size.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width                              4 8 16
//   NV           vectors per tile row                      1 2
//   MR           rows of a tile                            1 to 12
//   KC           depth of the packed panel
//   NB           columns per group, a multiple of NV * VW
//   MB           rows per group
//   TRANSPOSE_A, TRANSPOSE_B   1 if the operand is stored transposed
//   HAS_BIAS     1 if there is an argument bias: [N]
//   HAS_EPILOGUE 1 if the host generated epilogue<VW>
#include "lib/epilogue.clh"
#include "lib/vector.clh"
#ifndef NV
#define NV 2
#endif
#ifndef MR
#define MR 12
#endif
#ifndef KC
#define KC 256
#endif
#ifndef NB
#define NB 128
#endif
#ifndef MB
#define MB 192
#endif
#ifndef TRANSPOSE_A
#define TRANSPOSE_A 0
#endif
#ifndef TRANSPOSE_B
#define TRANSPOSE_B 0
#endif
#define NR (NV * VW)
#define EPILOGUE PNC_CAT(epilogue, VW)

static inline vec_t load_part(__global const float* p, int count) {
  float part[VW];
  for (int j = 0; j < VW; ++j) part[j] = j < count ? p[j] : 0.0f;
  return vec_load(0, part);
}

static inline void store_part(vec_t v, __global float* p, int count) {
  float part[VW];
  vec_store(v, 0, part);
  for (int j = 0; j < VW && j < count; ++j) p[j] = part[j];
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide(
    __global const float* restrict a, __global const float* restrict b,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
    __global float* restrict c, int M, int N, int K, int b_stride) {
  __local float panel[KC * NB];
  const int z = get_group_id(2);
  a += (size_t)z * M * K;
  b += (size_t)z * b_stride;
  c += (size_t)z * M * N;
  const int n0 = get_group_id(0) * NB;
  const int n1 = min(n0 + NB, N);
  const int m0 = get_group_id(1) * MB;
  const int m1 = min(m0 + MB, M);

  for (int k0 = 0; k0 < K; k0 += KC) {
    const int kc = min(KC, K - k0);
    for (int n = n0; n < n1; n += NR) {
      __local float* strip = panel + (n - n0) * KC;
#if TRANSPOSE_B
      for (int j = 0; j < NR; ++j) {
        __global const float* from = b + (size_t)min(n + j, N - 1) * K + k0;
        for (int k = 0; k < kc; ++k) strip[k * NR + j] = from[k];
      }
#else
      __global const float* from = b + (size_t)k0 * N + n;
      if (n + NR <= N) {
        for (int k = 0; k < kc; ++k, from += N, strip += NR) {
#pragma unroll
          for (int v = 0; v < NV; ++v) vec_store(vec_load(v, from), v, strip);
        }
      } else {
        for (int k = 0; k < kc; ++k, from += N, strip += NR) {
          for (int j = 0; j < NR; ++j) strip[j] = n + j < N ? from[j] : 0.0f;
        }
      }
#endif
    }

    for (int m = m0; m < m1; m += MR) {
      int row[MR];
#pragma unroll
      for (int i = 0; i < MR; ++i) row[i] = min(m + i, M - 1) * (TRANSPOSE_A ? 1 : K);
      for (int n = n0; n < n1; n += NR) {
        vec_t sum[MR * NV];
        const int whole = n + NR <= N;
        if (k0 == 0) {
#pragma unroll
          for (int i = 0; i < MR * NV; ++i) sum[i] = (vec_t)(0.0f);
        } else {
#pragma unroll
          for (int i = 0; i < MR; ++i) {
            __global const float* from = c + (size_t)min(m + i, M - 1) * N + n;
#pragma unroll
            for (int v = 0; v < NV; ++v) {
              sum[i * NV + v] =
                  whole ? vec_load(v, from) : load_part(from + v * VW, N - n - v * VW);
            }
          }
        }
        __global const float* x = a + (size_t)k0 * (TRANSPOSE_A ? M : 1);
        __local const float* strip = panel + (n - n0) * KC;
        for (int k = 0; k < kc; ++k) {
          vec_t y[NV];
#pragma unroll
          for (int v = 0; v < NV; ++v) y[v] = vec_load(v, strip);
#pragma unroll
          for (int i = 0; i < MR; ++i) {
            const vec_t scale = (vec_t)(x[row[i]]);
#pragma unroll
            for (int v = 0; v < NV; ++v) sum[i * NV + v] = fma(scale, y[v], sum[i * NV + v]);
          }
          strip += NR;
          x += TRANSPOSE_A ? M : 1;
        }
        if (k0 + KC >= K) {
#pragma unroll
          for (int v = 0; v < NV; ++v) {
#if HAS_BIAS
            const vec_t shift =
                whole ? vec_load(v, bias + n) : load_part(bias + n + v * VW, N - n - v * VW);
#pragma unroll
            for (int i = 0; i < MR; ++i) sum[i * NV + v] += shift;
#endif
#pragma unroll
            for (int i = 0; i < MR; ++i) sum[i * NV + v] = EPILOGUE(sum[i * NV + v]);
          }
        }
#pragma unroll
        for (int i = 0; i < MR; ++i) {
          if (m + i < M) {
            __global float* to = c + (size_t)(m + i) * N + n;
#pragma unroll
            for (int v = 0; v < NV; ++v) {
              if (whole) {
                vec_store(sum[i * NV + v], v, to);
              } else {
                store_part(sum[i * NV + v], to + v * VW, N - n - v * VW);
              }
            }
          }
        }
      }
    }
  }
}
