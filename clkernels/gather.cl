// gather: y[o, m, :] = x[o, indices[m], :]
//
// Layout   x: [outer, extent, cols], y: [outer, picked, cols], contiguous; rows is outer * picked.
//          indices: [picked]; negative ones count from the back, and one that is out of range counts
//          as the nearest, so that nothing outside x is read.
// Method   a work-item copies rows_each rows by cols_each columns in vectors.
// Cost     one read and one write per element of y.
// Launch   global (>= ceil(cols / cols_each), >= ceil(rows / rows_each)), local (WGX, WGY).
//          Wide devices: local (1, 1) and long parts; others: one vector per work-item.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ELEMENT      type of an element: uchar, ushort, uint, ulong (lib/element.clh)
//   INDEX        type of an index: int or long (lib/index.clh)
//   VW           vector width: 1, 2, 4, 8 or 16
//   WGX, WGY     work-group size
#include "lib/element.clh"
#include "lib/index.clh"
#ifndef WGX
#define WGX 1
#endif
#ifndef WGY
#define WGY 1
#endif

__kernel __attribute__((reqd_work_group_size(WGX, WGY, 1))) void gather(
    __global const ELEMENT* restrict x, __global const INDEX* restrict indices,
    __global ELEMENT* restrict y, int extent, int picked, int rows, int cols, int rows_each,
    int cols_each) {
  const int first = get_global_id(0) * cols_each;
  const int last = min(first + cols_each, cols);
  const int row0 = get_global_id(1) * rows_each;
  const int row1 = min(row0 + rows_each, rows);
  for (int row = row0; row < row1; ++row) {
    const int at = row / picked * extent + INDEX_AT(indices[row % picked], extent);
    __global const ELEMENT* from = x + (size_t)at * cols;
    __global ELEMENT* to = y + (size_t)row * cols;
    int i = first;
    for (; i + VW <= last; i += VW) elements_store(elements_load(0, from + i), 0, to + i);
    for (; i < last; ++i) to[i] = from[i];
  }
}
