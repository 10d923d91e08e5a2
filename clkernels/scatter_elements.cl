// scatter_elements: y[TO(line) + indices[line, k] * stride] = COMBINE(that, updates[line, k])
//
// Layout   y: holds x, contiguous. indices and updates: one shape, seen as lines of `length` elements
//          `step` apart along the axis of the indices, of which y has `extent`, `stride` apart.
// Method   a work-item does a line in its order: updates of one element are all in one line, so that
//          the last one wins, and sums are the same in every run.
// Cost     two reads per update, a read and a write of y.
// Launch   global (>= ceil(count / each)), local (WG). Wide devices: local (1) and each > 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ELEMENT      type of an element; with a reduction the type to compute with
//   INDEX        type of an index: int or long (lib/index.clh)
//   REDUCTION    what is done (lib/combine.clh)
//   FROM, TO     offsets of a line in the updates and in y, as expressions in line
//   WG           work-group size
#include "lib/combine.clh"
#include "lib/index.clh"
#ifndef ELEMENT
#define ELEMENT uint
#endif
#ifndef FROM
#define FROM (line)
#endif
#ifndef TO
#define TO (line)
#endif
#ifndef WG
#define WG 1
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void scatter_elements(
    __global const INDEX* restrict indices, __global const ELEMENT* restrict updates,
    __global ELEMENT* restrict y, int length, int step, int extent, int stride, int count,
    int each) {
  const int first = get_global_id(0) * each;
  const int last = min(first + each, count);
  for (int line = first; line < last; ++line) {
    const int from = FROM;
    __global ELEMENT* to = y + (size_t)(TO);
    for (int k = 0; k < length; ++k) {
      const int at = INDEX_AT(indices[from + k * step], extent) * stride;
      to[at] = COMBINE(to[at], updates[from + k * step]);
    }
  }
}
