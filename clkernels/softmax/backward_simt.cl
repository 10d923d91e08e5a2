// backward_simt: gradient of softmax or log_softmax along contiguous rows, from its result y, for
// devices with many work-items per group.
//   dx = y * (dy - sum(y * dy)),   or   dx = dy - exp(y) * sum(dy)
//
// Layout   y, dy, dx: [rows, cols] contiguous; dx may be y or dy.
// Method   LX work-items per row, LY rows per group; the sum is joined in local memory.
// Cost     4 reads and 1 write per element; 4 flop, for log_softmax 1 exp.
// Launch   global (LX, ceil(rows / LY) * LY), local (LX, LY).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   LX           work-items per row: a power of two
//   LY           rows per group
//   LOG          1 for log_softmax
#include "lib/tree.clh"
#ifndef LX
#define LX 64
#endif
#ifndef LY
#define LY 1
#endif
#ifndef LOG
#define LOG 0
#endif

__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void backward_simt(
    __global const float* y, __global const float* dy, __global float* dx, int rows, int cols) {
  __local float values[LX * LY];
  const int lane = get_local_id(0);
  const int row = get_global_id(1);
  const int end = row < rows ? cols : 0;
  const size_t at = (size_t)row * cols;
  float sum = 0.0f;
  for (int i = lane; i < end; i += LX) sum += LOG ? dy[at + i] : y[at + i] * dy[at + i];
  sum = tree_sum(values + get_local_id(1) * LX, lane, LX, 1, sum);
  for (int i = lane; i < end; i += LX) {
    dx[at + i] = LOG ? dy[at + i] - exp(y[at + i]) * sum : y[at + i] * (dy[at + i] - sum);
  }
}
