// wide_rows: y[part, k] = scale * sum (or max, min) over r, c of x[KEPT(k) + REDUCED(r) + c], for
// devices that run one work-item per group; the innermost axis of x is reduced.
//
// Layout   x: any axes, as kept k, reduced r, and runs of cols neighbours that are reduced too.
//          y: [parts, kept]; a part is a range of r and of c, all parts together are the whole.
// Method   two vector accumulators along a run, lanes joined once per k; a group does kept_each k.
// Cost     one read per element of x.
// Launch   global (ceil(kept / kept_each), ceil(cols / cols_each), ceil(rows / rows_each)),
//          local (1, 1, 1).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   OPERATION, KEPT, REDUCED   see reduce/reduce.clh
#include "reduce/reduce.clh"

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide_rows(
    __global const float* restrict x, __global float* restrict y, int kept, int rows, int cols,
    int kept_each, int rows_each, int cols_each, float scale) {
  const int k0 = get_group_id(0) * kept_each;
  const int k1 = min(k0 + kept_each, kept);
  const int c0 = get_group_id(1) * cols_each;
  const int c1 = min(c0 + cols_each, cols);
  const int r0 = get_group_id(2) * rows_each;
  const int r1 = min(r0 + rows_each, rows);
  const int part = get_group_id(2) * get_num_groups(1) + get_group_id(1);
  for (int k = k0; k < k1; ++k) {
    vec_t a = (vec_t)(NEUTRAL);
    vec_t b = (vec_t)(NEUTRAL);
    float rest = NEUTRAL;
    for (int r = r0; r < r1; ++r) {
      __global const float* from = x + (KEPT(k) + REDUCED(r));
      int c = c0;
      for (; c + 2 * VW <= c1; c += 2 * VW) {
        a = COMBINE(a, vec_load(0, from + c));
        b = COMBINE(b, vec_load(0, from + c + VW));
      }
      if (c + VW <= c1) {
        a = COMBINE(a, vec_load(0, from + c));
        c += VW;
      }
      for (; c < c1; ++c) rest = COMBINE(rest, from[c]);
    }
    y[(size_t)part * kept + k] = scale * COMBINE(COMBINE_LANES(COMBINE(a, b)), rest);
  }
}
