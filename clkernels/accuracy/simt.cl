// simt: how many rows have their first maximum at the label, for devices with many work-items per
// group.
//
// Layout   scores: [rows, cols]. labels: int [rows], or float [rows, cols], whose first maximum is
//          the label. hits: [groups], the count of each group's rows times scale.
// Method   one row per work-item, counts joined in local memory.
// Cost     one read per element.
// Launch   global (ceil(rows / WG) * WG), local (WG). One group: hits is the accuracy.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   WG           work-group size: a power of two
//   DENSE        1 if labels are weights of the classes
#include "lib/tree.clh"
#ifndef WG
#define WG 64
#endif
#ifndef DENSE
#define DENSE 0
#endif
#if DENSE
typedef float label_t;
#else
typedef int label_t;
#endif

static inline int first_maximum(__global const float* from, int cols) {
  int where = 0;
  float highest = from[0];
  for (int i = 1; i < cols; ++i) {
    const float v = from[i];
    where = v > highest ? i : where;
    highest = fmax(highest, v);
  }
  return where;
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void simt(
    __global const float* restrict scores, __global const label_t* restrict labels,
    __global float* restrict hits, int rows, int cols, float scale) {
  __local float values[WG];
  const int row = get_global_id(0);
  float hit = 0.0f;
  if (row < rows) {
#if DENSE
    const int label = first_maximum(labels + (size_t)row * cols, cols);
#else
    const int label = labels[row];
#endif
    hit = first_maximum(scores + (size_t)row * cols, cols) == label ? 1.0f : 0.0f;
  }
  hit = tree_sum(values, get_local_id(0), WG, 1, hit);
  if (get_local_id(0) == 0) hits[get_group_id(0)] = hit * scale;
}
