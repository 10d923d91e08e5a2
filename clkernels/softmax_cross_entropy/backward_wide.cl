// backward_wide: gradient of the mean softmax cross-entropy, for devices that run one work-item per
// group.
//   dx = (p * sum(labels of the row) - labels) * dloss / rows;  integer labels stand for one-hot rows
//
// Layout   p, dx: [rows, cols]; dx may be p. labels: int [rows] or float [rows, cols]. dloss: [1].
// Method   a group does rows_each rows. Integer labels: all probabilities as one long vector, then
//          one correction per row.
// Cost     1 read and 1 write per element, with float labels 3 reads; 1 to 3 flop.
// Launch   global (ceil(rows / rows_each)), local (1).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   DENSE        1 if labels are weights of the classes
#include "lib/lanes.clh"
#ifndef DENSE
#define DENSE 0
#endif
#if DENSE
typedef float label_t;
#else
typedef int label_t;
#endif

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void backward_wide(
    __global const float* p, __global const label_t* labels, __global const float* dloss,
    __global float* dx, int rows, int cols, int rows_each, float scale) {
  const int row0 = get_group_id(0) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  const float g = dloss[0] * scale;
#if DENSE
  for (int row = row0; row < row1; ++row) {
    const int at = row * cols;
    const int end = at + cols;
    vec_t sums = (vec_t)(0.0f);
    float sum = 0.0f;
    int i = at;
    for (; i + VW <= end; i += VW) sums += vec_load(0, labels + i);
    for (; i < end; ++i) sum += labels[i];
    sum += lanes_sum(sums);
    for (i = at; i + VW <= end; i += VW) {
      vec_store((vec_load(0, p + i) * sum - vec_load(0, labels + i)) * g, 0, dx + i);
    }
    for (; i < end; ++i) dx[i] = (p[i] * sum - labels[i]) * g;
  }
#else
  const int end = row1 * cols;
  int i = row0 * cols;
  for (; i + VW <= end; i += VW) vec_store(vec_load(0, p + i) * g, 0, dx + i);
  for (; i < end; ++i) dx[i] = p[i] * g;
  for (int row = row0; row < row1; ++row) {
    const int label = labels[row];
    if (label >= 0 && label < cols) dx[row * cols + label] -= g;
  }
#endif
}
