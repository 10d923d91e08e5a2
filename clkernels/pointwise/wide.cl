// wide: y[r, c] = formula(x0[r, c], x1[r, c], ...), for devices that run one work-item per group.
//
// Layout   y: [rows, cols] contiguous. Each x is contiguous or constant along a row; where its rows
//          begin is given by OFFSETS. y may be one of the x.
// Method   a group walks over rows_each rows and cols_each columns in vectors of VW.
// Cost     one read of each x and one write of y per element.
// Launch   global (ceil(cols / cols_each), ceil(rows / rows_each)), local (1, 1).  Any size.
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

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide(PARAMS __global float* y,
                                                                  int rows, int cols, int rows_each,
                                                                  int cols_each) {
  const int first = get_group_id(0) * cols_each;
  const int last = min(first + cols_each, cols);
  const int row0 = get_group_id(1) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  for (int row = row0; row < row1; ++row) {
    OFFSETS(row)
    __global float* to = y + (size_t)row * cols;
    int i = first;
    for (; i + VW <= last; i += VW) vec_store(FORMULA_VEC(i), 0, to + i);
      // Fewer than VW, which clang would make vectors of once more.
#pragma clang loop vectorize(disable) unroll(disable)
    for (; i < last; ++i) to[i] = FORMULA_ONE(i);
  }
}
