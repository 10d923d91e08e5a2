// simt: y[r, c] = (x[r, c] - mean[r]) / sqrt(variance[r] + epsilon) * scale[c] + bias[c].
//
// Layout   x, y: [rows, cols] contiguous; y may be x. scale, bias: [cols].
// Source   Ba, Kiros, Hinton, "Layer Normalization", 2016, arXiv:1607.06450, eq. 4.
// Method   LX work-items per row, LY rows per group; the mean, then the mean squared distance from
//          it, by halving in local memory.
// Cost     3 reads and 1 write of x per element; 8 flop.
// Launch   global (LX, >= rows), local (LX, LY).  Any rows, any cols.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   LX           work-items per row: a power of two
//   LY           rows per group
//   HAS_BIAS     1 if there is a bias
#ifndef LX
#define LX 64
#endif
#ifndef LY
#define LY 1
#endif
#ifndef HAS_BIAS
#define HAS_BIAS 1
#endif
#include "layer_norm/moments.clh"

__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void simt(
    __global const float* x, __global const float* restrict scale,
#if HAS_BIAS
    __global const float* restrict bias,
#endif
    __global float* y, int rows, int cols, float epsilon) {
  __local float values[LX * LY];
  const int lane = get_local_id(0);
  __local float* line = values + get_local_id(1) * LX;
  const int row = get_global_id(1);
  const int end = row < rows ? cols : 0;
  const size_t at = (size_t)row * cols;
  const moments_t row_moments = moments_of(x + at, end, line, lane, cols, epsilon);
  const float mean = row_moments.mean, inverse = row_moments.inverse;
  for (int i = lane; i < end; i += LX) {
    float v = (x[at + i] - mean) * inverse * scale[i];
#if HAS_BIAS
    v += bias[i];
#endif
    y[at + i] = v;
  }
}
