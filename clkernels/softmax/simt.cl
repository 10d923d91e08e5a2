// simt: softmax or log_softmax along contiguous rows, for devices with many work-items per group.
//   y = exp(x - max) / sum exp(x - max),   or   y = x - max - log sum exp(x - max)
//
// Layout   x, y: [rows, cols] contiguous; y may be x.
// Method   LX work-items per row, LY rows per group; maximum and sum are joined in local memory.
// Cost     3 reads and 1 write per element, 2 exp and 4 flop.
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

__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void simt(__global const float* x,
                                                                    __global float* y, int rows,
                                                                    int cols) {
  __local float values[LX * LY];
  const int lane = get_local_id(0);
  __local float* line = values + get_local_id(1) * LX;
  const int row = get_global_id(1);
  const int end = row < rows ? cols : 0;
  const size_t at = (size_t)row * cols;
  float top = -INFINITY;
  for (int i = lane; i < end; i += LX) top = fmax(top, x[at + i]);
  top = tree_max(line, lane, LX, 1, top);
  float sum = 0.0f;
  for (int i = lane; i < end; i += LX) sum += exp(x[at + i] - top);
  sum = tree_sum(line, lane, LX, 1, sum);
#if LOG
  const float shift = top + log(sum);
  for (int i = lane; i < end; i += LX) y[at + i] = x[at + i] - shift;
#else
  const float scale = 1.0f / sum;
  for (int i = lane; i < end; i += LX) y[at + i] = exp(x[at + i] - top) * scale;
#endif
}
