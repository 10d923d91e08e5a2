// cumulative: y[o, k, i] = x[o, 0, i] + ... + x[o, k, i], or the product
//
// Layout   x, y: [outer, extent, inner], contiguous.
// Method   a work-item walks along one line after the other, so that the order is always the same.
// Cost     one read and one write per element.
// Launch   global (>= ceil(count / each)), local (WG); count = outer * inner lines.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   COMBINE      + or *
//   NEUTRAL      0.0f or 1.0f
//   EXCLUSIVE    1: without the element itself
//   REVERSE      1: from the end
//   WG           work-group size
#ifndef COMBINE
#define COMBINE +
#endif
#ifndef NEUTRAL
#define NEUTRAL 0.0f
#endif
#ifndef EXCLUSIVE
#define EXCLUSIVE 0
#endif
#ifndef REVERSE
#define REVERSE 0
#endif
#ifndef WG
#define WG 1
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void cumulative(
    __global const float* restrict x, __global float* restrict y, int extent, int inner, int count,
    int each) {
  const int first = get_global_id(0) * each;
  const int last = min(first + each, count);
  for (int line = first; line < last; ++line) {
    const size_t start = (size_t)(line / inner) * extent * inner + line % inner;
    float total = NEUTRAL;
    for (int step = 0; step < extent; ++step) {
      const size_t at = start + (size_t)(REVERSE ? extent - 1 - step : step) * inner;
      const float next = total COMBINE x[at];
      y[at] = EXCLUSIVE ? total : next;
      total = next;
    }
  }
}
