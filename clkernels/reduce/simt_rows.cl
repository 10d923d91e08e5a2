// simt_rows: y[part, k] = scale * sum (or max, min) over r, c of x[KEPT(k) + REDUCED(r) + c], for
// devices with many work-items per group; the innermost axis of x is reduced.
//
// Layout   x: any axes, as kept k, reduced r, and runs of cols neighbours that are reduced too.
//          y: [parts, kept]; a part is a range of the rows * cols reduced elements.
// Method   LX work-items walk over one k, neighbours on neighbours, then join in local memory;
//          a group holds LY of k.
// Cost     one read per element of x.
// Launch   global (LX * ceil(rows * cols / part_each), ceil(kept / LY) * LY), local (LX, LY).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           1: nothing here is a vector
//   LX           work-items per k: a power of two
//   LY           k per group
//   OPERATION, KEPT, REDUCED   see reduce/reduce.clh
#ifndef VW
#define VW 1
#endif
#ifndef LX
#define LX 64
#endif
#ifndef LY
#define LY 1
#endif
#include "reduce/reduce.clh"

__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void simt_rows(
    __global const float* restrict x, __global float* restrict y, int kept, int rows, int cols,
    int part_each, float scale) {
  __local float values[LX * LY];
  const int lane = get_local_id(0);
  const int line = get_local_id(1);
  const int part = get_group_id(0);
  const int k = get_global_id(1);
  const int end = min((part + 1) * part_each, rows * cols);
  float s = NEUTRAL;
  if (k < kept) {
    for (int i = part * part_each + lane; i < end; i += LX) {
      s = COMBINE(s, x[KEPT(k) + REDUCED(i / cols) + i % cols]);
    }
  }
  s = COMBINE_ITEMS(values + line * LX, lane, LX, 1, s);
  if (lane == 0 && k < kept) y[(size_t)part * kept + k] = s * scale;
}
