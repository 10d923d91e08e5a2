// strided_copy: y[to(row) + i] = x[from(row) + i * INNER], i < cols. Serves expand, transposes that
// keep the last axis, slice and concat.
//
// Layout   a box of up to six axes, given as rows (the outer five) of cols elements. y is contiguous
//          along a row; x is contiguous, constant or strided there.
// Method   a work-item copies rows_each rows by cols_each columns, in vectors where x allows.
// Cost     one read and one write per element; one read per row where x is constant.
// Launch   global (>= ceil(cols / cols_each), >= ceil(rows / rows_each)), local (WGX, WGY).
//          Wide devices: local (1, 1) and long parts; others: one vector per work-item.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ELEMENT      type of an element: uchar, ushort, uint, ulong (lib/element.clh)
//   VW           vector width: 1, 2, 4, 8 or 16
//   WGX, WGY     work-group size
//   INNER        distance of neighbours in a row of x: 0, 1 or more
//   FROM, TO     offsets of a row in x and in y, as expressions in row
#include "lib/element.clh"
#ifndef WGX
#define WGX 1
#endif
#ifndef WGY
#define WGY 1
#endif
#ifndef INNER
#define INNER 1
#endif
#ifndef FROM
#define FROM (row * cols)
#endif
#ifndef TO
#define TO (row * cols)
#endif

__kernel __attribute__((reqd_work_group_size(WGX, WGY, 1))) void strided_copy(
    __global const ELEMENT* restrict x, __global ELEMENT* restrict y, int x_offset, int y_offset,
    int rows, int cols, int rows_each, int cols_each) {
  const int first = get_global_id(0) * cols_each;
  const int last = min(first + cols_each, cols);
  const int row0 = get_global_id(1) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  for (int row = row0; row < row1; ++row) {
    __global const ELEMENT* from = x + (x_offset + FROM);
    __global ELEMENT* to = y + (y_offset + TO);
    int i = first;
#if INNER == 1
    for (; i + VW <= last; i += VW) elements_store(elements_load(0, from + i), 0, to + i);
#elif INNER == 0
    const ELEMENT constant_row = from[0];
    for (; i + VW <= last; i += VW) elements_store((elements_t)(constant_row), 0, to + i);
#endif
    for (; i < last; ++i) to[i] = from[i * INNER];
  }
}
