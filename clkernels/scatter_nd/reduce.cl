// reduce: y[SLOT(m), c] = COMBINE(that, updates[m, c]), one m after the other
//
// Layout   y: holds x, slices of `size` elements. updates: [updates, size]. indices: [updates, depth],
//          of which SLOT makes the number of a slice.
// Method   a work-item does one place of all slices, in the order of the updates, so that sums are
//          the same in every run.
// Cost     two reads and a write per element, and a tuple of indices.
// Launch   global (>= ceil(count / each)), local (WG). Wide devices: local (1) and each > 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ELEMENT      the type to compute with
//   INDEX        type of an index: int or long (lib/index.clh)
//   REDUCTION    what is done (lib/combine.clh)
//   SLOT         the slice of an update, as an expression in m and indices
//   WG           work-group size
#include "lib/combine.clh"
#include "lib/index.clh"
#ifndef ELEMENT
#define ELEMENT float
#endif
#ifndef SLOT
#define SLOT INDEX_AT(indices[m], 1)
#endif
#ifndef WG
#define WG 1
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void reduce(
    __global const INDEX* restrict indices, __global const ELEMENT* restrict updates,
    __global ELEMENT* restrict y, int updates_count, int size, int count, int each) {
  const int first = get_global_id(0) * each;
  const int last = min(first + each, count);
  for (int c = first; c < last; ++c) {
    for (int m = 0; m < updates_count; ++m) {
      __global ELEMENT* to = y + (size_t)(SLOT)*size + c;
      *to = COMBINE(*to, updates[(size_t)m * size + c]);
    }
  }
}
