// gather_elements: y[e] = x[FROM(e) + indices[e] * STRIDE]
//
// Layout   indices and y: one shape, contiguous; x: the same rank, no shorter but along the axis of
//          the indices, of which it has `extent` elements STRIDE apart. Negative indices count from
//          the back; one out of range counts as the nearest.
// Method   element by element.
// Cost     two reads and one write per element of y.
// Launch   global (>= ceil(count / each)), local (WG). Wide devices: local (1) and each > 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ELEMENT      type of an element: uchar, ushort, uint, ulong
//   INDEX        type of an index: int or long (lib/index.clh)
//   FROM         where element e is in x, had it index 0, as an expression in e
//   STRIDE       distance of neighbours along the axis in x
//   WG           work-group size
#include "lib/index.clh"
#ifndef ELEMENT
#define ELEMENT uint
#endif
#ifndef FROM
#define FROM (e)
#endif
#ifndef STRIDE
#define STRIDE 1
#endif
#ifndef WG
#define WG 1
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void gather_elements(
    __global const ELEMENT* restrict x, __global const INDEX* restrict indices,
    __global ELEMENT* restrict y, int extent, int count, int each) {
  const int first = get_global_id(0) * each;
  const int last = min(first + each, count);
  for (int e = first; e < last; ++e) y[e] = x[FROM + INDEX_AT(indices[e], extent) * STRIDE];
}
