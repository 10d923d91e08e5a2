// claim: winners[SLOT(m)] = the number of the last update of that slice, counted from 1
//
// Layout   indices: [count, depth], of which SLOT makes the number of a slice. winners: one for each
//          slice, zero before.
// Method   an atomic maximum: its result does not depend on the order.
// Cost     a tuple of indices and an atomic per update.
// Launch   global (>= ceil(count / each)), local (WG). Wide devices: local (1) and each > 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   INDEX        type of an index: int or long (lib/index.clh)
//   SLOT         the slice of an update, as an expression in m and indices
//   WG           work-group size
#include "lib/index.clh"
#ifndef SLOT
#define SLOT INDEX_AT(indices[m], 1)
#endif
#ifndef WG
#define WG 1
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void claim(
    __global const INDEX* restrict indices, volatile __global int* restrict winners, int count,
    int each) {
  const int first = get_global_id(0) * each;
  const int last = min(first + each, count);
  for (int m = first; m < last; ++m) atomic_max(winners + (SLOT), m + 1);
}
