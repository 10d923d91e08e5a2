// trilu: y[m, row, col] = x[m, row, col] on one side of diagonal k, 0 on the other
//
// Layout   x, y: matrices of rows x cols, contiguous. They may be one buffer.
// Method   element by element.
// Cost     one read and one write per element.
// Launch   global (>= ceil(count / each)), local (WG). Wide devices: local (1) and each > 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ELEMENT      type of an element: uchar, ushort, uint, ulong
//   UPPER        1: the upper triangle stays; 0: the lower one
//   WG           work-group size
#ifndef ELEMENT
#define ELEMENT uint
#endif
#ifndef UPPER
#define UPPER 1
#endif
#ifndef WG
#define WG 1
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void trilu(__global const ELEMENT* x,
                                                                    __global ELEMENT* y, int rows,
                                                                    int cols, int k, int count,
                                                                    int each) {
  const int first = get_global_id(0) * each;
  const int last = min(first + each, count);
  for (int e = first; e < last; ++e) {
    const int diagonal = e % cols - e / cols % rows;
    const ELEMENT value = x[e];
    y[e] = (UPPER ? diagonal >= k : diagonal <= k) ? value : (ELEMENT)0;
  }
}
