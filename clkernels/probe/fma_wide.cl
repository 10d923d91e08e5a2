// fma_wide: chains of fused multiply-adds on vectors, one work-item per group: the peak of a device
// that maps a work-item's vectors to its own.
//
// Layout   out: 1 float, written only if a sum is one that never occurs (keeps the chains alive).
// Method   eight independent chains hide the latency; values converge, nothing becomes denormal.
// Cost     16 VW n flop per work-item, no memory.
// Launch   global (groups), local (1).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           f32 lanes of a vector: 4, 8 or 16.
#include "lib/vector.clh"

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void fma_wide(__global float* restrict out,
                                                                      const int n) {
  vec_t a0 = (vec_t)(1.0f + (float)get_global_id(0));
  vec_t a1 = a0 + 1.0f, a2 = a0 + 2.0f, a3 = a0 + 3.0f;
  vec_t a4 = a0 + 4.0f, a5 = a0 + 5.0f, a6 = a0 + 6.0f, a7 = a0 + 7.0f;
  const vec_t b = (vec_t)(0.9999f);
  const vec_t c = (vec_t)(1e-4f);
  for (int i = 0; i < n; ++i) {
    a0 = fma(a0, b, c);
    a1 = fma(a1, b, c);
    a2 = fma(a2, b, c);
    a3 = fma(a3, b, c);
    a4 = fma(a4, b, c);
    a5 = fma(a5, b, c);
    a6 = fma(a6, b, c);
    a7 = fma(a7, b, c);
  }
  float sums[VW];
  vec_store(a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7, 0, sums);
  float sum = 0.0f;
  for (int i = 0; i < VW; ++i) sum += sums[i];
  if (sum == -1.0f) out[0] = sum;
}
