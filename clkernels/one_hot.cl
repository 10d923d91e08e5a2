// one_hot: y[o, d, i] = values[indices[o, i] == d]
//
// Layout   indices: [outer, inner]; negative ones count from the back. values: off and on.
//          y: [outer, depth, inner].
// Method   element by element.
// Cost     one read and one write per element of y.
// Launch   global (>= ceil(count / each)), local (WG). Wide devices: local (1) and each > 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ELEMENT      type of an element of y: uchar, ushort, uint, ulong
//   INDEX        type of an index: int, long, char, uchar or float
//   WG           work-group size
#ifndef ELEMENT
#define ELEMENT uint
#endif
#ifndef INDEX
#define INDEX int
#endif
#ifndef WG
#define WG 1
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void one_hot(
    __global const INDEX* restrict indices, __global const ELEMENT* restrict values,
    __global ELEMENT* restrict y, int depth, int inner, int count, int each) {
  const int first = get_global_id(0) * each;
  const int last = min(first + each, count);
  for (int e = first; e < last; ++e) {
    const int d = e / inner % depth;
    const INDEX index = indices[e / inner / depth * inner + e % inner];
    y[e] = values[index == d || index == d - depth];
  }
}
