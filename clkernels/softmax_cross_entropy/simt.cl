// simt: mean cross-entropy of softmax(logits) against labels, and the probabilities, for devices
// with many work-items per group.
//   loss = mean over rows of  log sum exp(x - max) + max - x[label]
//
// Layout   logits, probabilities: [rows, cols]. labels: int [rows], or float [rows, cols], whose
//          rows weigh the classes. losses: [groups], the sum of each group's rows times scale.
// Method   LX work-items per row, LY rows per group, joined in local memory. A label outside
//          [0, cols) makes the loss NaN and reads nothing.
// Cost     3 reads and 1 write per element, 2 exp and 4 flop.
// Launch   global (LX, ceil(rows / LY) * LY), local (LX, LY). One group: losses is the loss.
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

__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void simt(
    __global const float* restrict logits, __global const label_t* restrict labels,
    __global float* restrict losses, __global float* restrict probabilities, int rows, int cols,
    float scale) {
  __local float values[LX * LY];
  __local float row_losses[LY];
  const int lane = get_local_id(0);
  __local float* line = values + get_local_id(1) * LX;
  const int row = get_global_id(1);
  const int end = row < rows ? cols : 0;
  const size_t at = (size_t)row * cols;
  float top = -INFINITY;
  for (int i = lane; i < end; i += LX) top = fmax(top, logits[at + i]);
  top = tree_max(line, lane, LX, 1, top);
  float sum = 0.0f;
  for (int i = lane; i < end; i += LX) sum += exp(logits[at + i] - top);
  sum = tree_sum(line, lane, LX, 1, sum);
  const float inverse = 1.0f / sum;
  for (int i = lane; i < end; i += LX) {
    probabilities[at + i] = exp(logits[at + i] - top) * inverse;
  }
  const float shift = top + log(sum);
#if DENSE
  float loss = 0.0f;
  for (int i = lane; i < end; i += LX) loss += labels[at + i] * (shift - logits[at + i]);
  loss = tree_sum(line, lane, LX, 1, loss);
#else
  const int label = row < rows ? labels[row] : 0;
  const bool inside = label >= 0 && label < cols;
  const float loss = row < rows && inside ? shift - logits[at + label] : NAN;
#endif
  if (lane == 0) row_losses[get_local_id(1)] = row < rows ? loss : 0.0f;
  barrier(CLK_LOCAL_MEM_FENCE);
  if (lane == 0 && get_local_id(1) == 0) {
    float all = 0.0f;
    for (int k = 0; k < LY; ++k) all += row_losses[k];
    losses[get_group_id(1)] = all * scale;
  }
}
