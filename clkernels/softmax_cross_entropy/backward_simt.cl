// backward_simt: gradient of the mean softmax cross-entropy, for devices with many work-items per
// group.
//   dx = (p * sum(labels of the row) - labels) * dloss / rows;  integer labels stand for one-hot rows
//
// Layout   p, dx: [rows, cols]; dx may be p. labels: int [rows] or float [rows, cols]. dloss: [1].
// Method   LX work-items per row, LY rows per group; the sum of float labels is joined in local
//          memory.
// Cost     1 read and 1 write per element, with float labels 3 reads; 1 to 3 flop.
// Launch   global (LX, ceil(rows / LY) * LY), local (LX, LY).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   LX           work-items per row: a power of two
//   LY           rows per group
//   DENSE        1 if labels are weights of the classes
#include "lib/tree.clh"
#ifndef LX
#define LX 64
#endif
#ifndef LY
#define LY 1
#endif
#ifndef DENSE
#define DENSE 0
#endif
#if DENSE
typedef float label_t;
#else
typedef int label_t;
#endif

__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void backward_simt(
    __global const float* p, __global const label_t* labels, __global const float* dloss,
    __global float* dx, int rows, int cols, float scale) {
  const int lane = get_local_id(0);
  const int row = get_global_id(1);
  const int end = row < rows ? cols : 0;
  const size_t at = (size_t)row * cols;
  const float g = dloss[0] * scale;
#if DENSE
  __local float values[LX * LY];
  float sum = 0.0f;
  for (int i = lane; i < end; i += LX) sum += labels[at + i];
  sum = tree_sum(values + get_local_id(1) * LX, lane, LX, 1, sum);
  for (int i = lane; i < end; i += LX) dx[at + i] = (p[at + i] * sum - labels[at + i]) * g;
#else
  const int label = row < rows ? labels[row] : 0;
  for (int i = lane; i < end; i += LX) dx[at + i] = (p[at + i] - (i == label ? 1.0f : 0.0f)) * g;
#endif
}
