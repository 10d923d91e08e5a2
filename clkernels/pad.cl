// pad: y = x surrounded by a constant.
//
// Layout   y: up to six axes, given as rows (the outer five) of cols elements; x: the box inside,
//          whose rows have x_cols elements and begin at column before. Both contiguous.
// Method   a work-item writes rows_each rows by cols_each columns; a vector is copied, filled, or,
//          on the border, done one by one.
// Cost     one write per element of y, one read per element of x.
// Launch   global (>= ceil(cols / cols_each), >= ceil(rows / rows_each)), local (WGX, WGY).
//          Wide devices: local (1, 1) and long parts; others: one vector per work-item.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ELEMENT      type of an element: uchar, ushort, uint, ulong (lib/element.clh)
//   VW           vector width: 1, 2, 4, 8 or 16
//   WGX, WGY     work-group size
//   INSIDE       whether a row of y meets x, as an expression in row
//   FROM         the offset of that row in x, as an expression in row
#include "lib/element.clh"
#ifndef WGX
#define WGX 1
#endif
#ifndef WGY
#define WGY 1
#endif
#ifndef INSIDE
#define INSIDE (row >= 0)
#endif
#ifndef FROM
#define FROM (row * x_cols)
#endif

__kernel __attribute__((reqd_work_group_size(WGX, WGY, 1))) void pad(
    __global const ELEMENT* restrict x, __global ELEMENT* restrict y, int x_cols, int before,
    int fill_bits, int rows, int cols, int rows_each, int cols_each) {
  const ELEMENT fill = (ELEMENT)fill_bits;
  const int first = get_global_id(0) * cols_each;
  const int last = min(first + cols_each, cols);
  const int row0 = get_global_id(1) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  for (int row = row0; row < row1; ++row) {
    __global ELEMENT* to = y + (size_t)row * cols;
    const int begin = INSIDE ? before : last;
    const int end = INSIDE ? before + x_cols : last;
    __global const ELEMENT* from = x + (INSIDE ? FROM : 0);
    int i = first;
    for (; i < last && i < begin; ++i) to[i] = fill;
    for (; i + VW <= last && i + VW <= end; i += VW) {
      elements_store(elements_load(0, from + (i - before)), 0, to + i);
    }
    for (; i < last && i < end; ++i) to[i] = from[i - before];
    for (; i < last; ++i) to[i] = fill;
  }
}
