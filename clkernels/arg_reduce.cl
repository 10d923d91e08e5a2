// arg_reduce: y[o, i] = the k at which x[o, k, i] is largest (or smallest)
//
// Layout   x: [outer, extent, inner], y: [outer, inner], contiguous.
// Method   a work-item walks along one line after the other; of equal elements the first, or the last.
// Cost     one read per element of x.
// Launch   global (>= ceil(count / each)), local (WG); count = outer * inner lines.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   SIGN         nothing for the largest, - for the smallest
//   BETTER       > the first of equal ones, >= the last
//   WG           work-group size
#ifndef SIGN
#define SIGN
#endif
#ifndef BETTER
#define BETTER >
#endif
#ifndef WG
#define WG 1
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void arg_reduce(
    __global const float* restrict x, __global long* restrict y, int extent, int inner, int count,
    int each) {
  const int first = get_global_id(0) * each;
  const int last = min(first + each, count);
  for (int line = first; line < last; ++line) {
    __global const float* from = x + (size_t)(line / inner) * extent * inner + line % inner;
    float best = SIGN from[0];
    int at = 0;
    for (int k = 1; k < extent; ++k) {
      const float value = SIGN from[(size_t)k * inner];
      if (value BETTER best) {
        best = value;
        at = k;
      }
    }
    y[line] = at;
  }
}
