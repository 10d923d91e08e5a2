// fma_simt: chains of fused multiply-adds on scalars, many work-items per group: the peak of a
// device that maps work-items to its lanes.
//
// Layout   out: 1 float, written only if a sum is one that never occurs (keeps the chains alive).
// Method   eight independent chains hide the latency; values converge, nothing becomes denormal.
// Cost     16 n flop per work-item, no memory.
// Launch   any global, any local.
__kernel void fma_simt(__global float* restrict out, const int n) {
  float a0 = 1.0f + (float)get_global_id(0);
  float a1 = a0 + 1.0f, a2 = a0 + 2.0f, a3 = a0 + 3.0f;
  float a4 = a0 + 4.0f, a5 = a0 + 5.0f, a6 = a0 + 6.0f, a7 = a0 + 7.0f;
  const float b = 0.9999f;
  const float c = 1e-4f;
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
  const float sum = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7;
  if (sum == -1.0f) out[0] = sum;
}
