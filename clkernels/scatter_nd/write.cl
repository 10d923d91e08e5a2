// write: y[SLOT(m), :] = updates[m, :] for the updates that won their slice
//
// Layout   y: holds x, slices of `size` elements. updates: [updates, size]. indices: [updates, depth],
//          of which SLOT makes the number of a slice. winners: by scatter_nd/claim.cl.
// Method   element by element.
// Cost     a read and a write per element, and a tuple of indices.
// Launch   global (>= ceil(count / each)), local (WG). Wide devices: local (1) and each > 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ELEMENT      type of an element: uchar, ushort, uint, ulong
//   INDEX        type of an index: int or long (lib/index.clh)
//   SLOT         the slice of an update, as an expression in m and indices
//   WG           work-group size
#include "lib/index.clh"
#ifndef ELEMENT
#define ELEMENT uint
#endif
#ifndef SLOT
#define SLOT INDEX_AT(indices[m], 1)
#endif
#ifndef WG
#define WG 1
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void write(
    __global const INDEX* restrict indices, __global const ELEMENT* restrict updates,
    __global const int* restrict winners, __global ELEMENT* restrict y, int size, int count,
    int each) {
  const int first = get_global_id(0) * each;
  const int last = min(first + each, count);
  for (int e = first; e < last; ++e) {
    const int m = e / size;
    const int slot = SLOT;
    if (winners[slot] == m + 1) y[(size_t)slot * size + e % size] = updates[e];
  }
}
