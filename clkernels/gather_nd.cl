// gather_nd: y[row, :] = x[SLOT(row), :]
//
// Layout   x: slices of `size` elements; y: [rows, size]; both contiguous. indices: [rows, depth],
//          of which SLOT makes the number of a slice.
// Method   element by element.
// Cost     one read and one write per element of y, and a tuple of indices.
// Launch   global (>= ceil(count / each)), local (WG). Wide devices: local (1) and each > 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ELEMENT      type of an element: uchar, ushort, uint, ulong
//   INDEX        type of an index: int or long (lib/index.clh)
//   SLOT         the slice of a row, as an expression in row and indices
//   WG           work-group size
#include "lib/index.clh"
#ifndef ELEMENT
#define ELEMENT uint
#endif
#ifndef SLOT
#define SLOT INDEX_AT(indices[row], 1)
#endif
#ifndef WG
#define WG 1
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void gather_nd(
    __global const ELEMENT* restrict x, __global const INDEX* restrict indices,
    __global ELEMENT* restrict y, int size, int count, int each) {
  const int first = get_global_id(0) * each;
  const int last = min(first + each, count);
  for (int e = first; e < last; ++e) {
    const int row = e / size;
    y[e] = x[(size_t)(SLOT)*size + e % size];
  }
}
