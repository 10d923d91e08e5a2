// elementwise: y[r, c] = formula(x0[r, c], x1[r, c], ...), operands and result of any type
//
// Layout   y: [rows, cols] contiguous. Each x is contiguous or constant along a row; where its rows
//          begin is given by OFFSETS. y may be an x of its type.
// Method   a work-item computes rows_each rows by cols_each columns in vectors of VW: operands are
//          converted to one type, the result to that of y; halves are only stored.
// Cost     one read of each x and one write of y per element.
// Launch   global (>= ceil(cols / cols_each), >= ceil(rows / rows_each)), local (WGX, WGY).
//          Wide devices: local (1, 1) and long parts; others: one vector per work-item.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   WGX, WGY     work-group size
//   RESULT       type of y: float, half or an integer type
//   HAS_FORMULA  1 if the host generated PARAMS, OFFSETS, FORMULA_ONE, FORMULA_VEC, STORE_ONE and
//                STORE_VEC
#include "lib/typed.clh"
#ifndef WGX
#define WGX 1
#endif
#ifndef WGY
#define WGY 1
#endif
#ifndef RESULT
#define RESULT int
#endif
#ifndef HAS_FORMULA
#define PARAMS __global const int *x0,
#define OFFSETS(row) const int o0 = (row)*cols;
#define FORMULA_ONE(i) (~x0[o0 + (i)])
#define FORMULA_VEC(i) (~typed_load(0, x0 + o0 + (i)))
#define STORE_ONE(v, i, p) ((p)[i] = (v))
#define STORE_VEC(v, i, p) typed_store(v, i, p)
#endif

__kernel __attribute__((reqd_work_group_size(WGX, WGY, 1))) void elementwise(
    PARAMS __global RESULT* y, int rows, int cols, int rows_each, int cols_each) {
  const int first = get_global_id(0) * cols_each;
  const int last = min(first + cols_each, cols);
  const int row0 = get_global_id(1) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  for (int row = row0; row < row1; ++row) {
    OFFSETS(row)
    __global RESULT* to = y + (size_t)row * cols;
    int i = first;
    for (; i + VW <= last; i += VW) STORE_VEC(FORMULA_VEC(i), 0, to + i);
      // Fewer than VW, which clang would make vectors of once more.
#pragma clang loop vectorize(disable) unroll(disable)
    for (; i < last; ++i) STORE_ONE(FORMULA_ONE(i), 0, to + i);
  }
}
