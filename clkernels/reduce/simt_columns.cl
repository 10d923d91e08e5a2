// simt_columns: y[part, k, c] = scale * sum (or max, min) over r of x[KEPT(k) + REDUCED(r) + c], for
// devices with many work-items per group; the innermost axis of x is kept.
//
// Layout   x: any axes, as kept k, reduced r, and runs of cols neighbours that are kept too.
//          y: [parts, kept, cols]; a part is a range of r.
// Method   LX neighbouring columns by LY work-items that share the rows and join in local memory.
// Cost     one read per element of x.
// Launch   global (ceil(kept * cols / LX) * LX, LY * ceil(rows / rows_each)), local (LX, LY).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           1: nothing here is a vector
//   LX           columns per group
//   LY           work-items per column: a power of two
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

__kernel __attribute__((reqd_work_group_size(LX, LY, 1))) void simt_columns(
    __global const float* restrict x, __global float* restrict y, int kept, int rows, int cols,
    int rows_each, float scale) {
  __local float values[LX * LY];
  const int lane = get_local_id(0);
  const int line = get_local_id(1);
  const int part = get_group_id(1);
  const int at = get_global_id(0);
  const int end = min((part + 1) * rows_each, rows);
  const int count = kept * cols;
  float s = NEUTRAL;
  if (at < count) {
    const int k = at / cols;
    const int c = at % cols;
    for (int r = part * rows_each + line; r < end; r += LY) {
      s = COMBINE(s, x[KEPT(k) + REDUCED(r) + c]);
    }
  }
  s = COMBINE_ITEMS(values + lane, line, LY, LX, s);
  if (line == 0 && at < count) y[(size_t)part * count + at] = s * scale;
}
