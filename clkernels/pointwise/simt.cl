// simt: y[r, c] = formula(x0[r, c], x1[r, c], ...), for devices with many work-items per group.
//
// Layout   y: [rows, cols] contiguous. Each x is contiguous or constant along a row; where its rows
//          begin is given by OFFSETS. y may be one of the x.
// Method   a work-item computes VW neighbours of one row.
// Cost     one read of each x and one write of y per element.
// Launch   global (>= ceil(cols / VW), >= rows), any local size.  Any size.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   HAS_FORMULA  1 if the host generated PARAMS, OFFSETS, FORMULA_ONE and FORMULA_VEC
#include "lib/vector.clh"
#ifndef HAS_FORMULA
#define PARAMS __global const float *x0,
#define OFFSETS(row) const int o0 = (row)*cols;
#define FORMULA_ONE(i) (-x0[o0 + (i)])
#define FORMULA_VEC(i) (-vec_load(0, x0 + o0 + (i)))
#endif

__kernel void simt(PARAMS __global float* y, int rows, int cols) {
  const int first = get_global_id(0) * VW;
  const int row = get_global_id(1);
  if (row >= rows || first >= cols) return;
  OFFSETS(row)
  __global float* to = y + (size_t)row * cols;
  if (first + VW <= cols) {
    vec_store(FORMULA_VEC(first), 0, to + first);
  } else {
    for (int i = first; i < cols; ++i) to[i] = FORMULA_ONE(i);
  }
}
