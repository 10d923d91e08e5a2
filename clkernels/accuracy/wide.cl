// wide: how many rows have their first maximum at the label, for devices that run one work-item per
// group.
//
// Layout   scores: [rows, COLS]. labels: int [rows], or float [rows, COLS], whose first maximum is
//          the label. hits: [groups], the count of each group's rows times scale.
// Method   a group does rows_each rows; each lane keeps its highest score and where it was.
// Cost     one read per element.
// Launch   global (ceil(rows / rows_each)), local (1). One group: hits is the accuracy.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   COLS         number of classes
//   DENSE        1 if labels are weights of the classes
#include "lib/lanes.clh"
#ifndef COLS
#define COLS 10
#endif
#ifndef DENSE
#define DENSE 0
#endif
#define FULL (COLS / VW * VW)
#define TAIL (COLS - FULL)
#if DENSE
typedef float label_t;
#else
typedef int label_t;
#endif

static inline ivec_t lane_numbers(void) {
  int lanes[VW];
#pragma unroll
  for (int j = 0; j < VW; ++j) lanes[j] = j;
  return vec_load(0, lanes);
}

static inline int first_maximum(__global const float* from) {
  vec_t highest = (vec_t)(-INFINITY);
  ivec_t where = lane_numbers();
  ivec_t here = where;
  for (int i = 0; i < FULL; i += VW) {
    const vec_t v = vec_load(0, from + i);
    where = v > highest ? here : where;
    highest = vec_max(highest, v);
    here += VW;
  }
#if TAIL > 0
  const vec_t v = load_part(from + FULL, TAIL, -INFINITY);
  where = v > highest ? here : where;
  highest = vec_max(highest, v);
#endif
  const float top = lanes_max(highest);
  return lanes_imin(highest == (vec_t)(top) ? where : (ivec_t)(INT_MAX));
}

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide(
    __global const float* restrict scores, __global const label_t* restrict labels,
    __global float* restrict hits, int rows, int rows_each, float scale) {
  const int row0 = get_group_id(0) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  int count = 0;
  for (int row = row0; row < row1; ++row) {
#if DENSE
    const int label = first_maximum(labels + (size_t)row * COLS);
#else
    const int label = labels[row];
#endif
    count += first_maximum(scores + (size_t)row * COLS) == label ? 1 : 0;
  }
  hits[get_group_id(0)] = (float)count * scale;
}
