// wide_columns: y[part, k, c] = scale * sum (or max, min) over r of x[KEPT(k) + REDUCED(r) + c], for
// devices that run one work-item per group; the innermost axis of x is kept.
//
// Layout   x: any axes, as kept k, reduced r, and runs of cols neighbours that are kept too.
//          y: [parts, kept, cols]; a part is a range of r.
// Method   a strip of four vectors, then of one, then of narrower ones runs down all rows, block after
//          block; the narrow strips have four accumulators, so that they do not wait for each other.
// Cost     one read per element of x.
// Launch   global (ceil(cols / cols_each), ceil(kept / kept_each), ceil(rows / rows_each)),
//          local (1, 1, 1).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   OPERATION, KEPT, REDUCED   see reduce/reduce.clh
#include "reduce/reduce.clh"

// Rows that are joined before they join the rest: the error of a sum grows with the longest chain.
#define BLOCK_ROWS 32

#define LOAD_ONE(p) (*(p))
#define LOAD2(p) vload2(0, p)
#define LOAD4(p) vload4(0, p)
#define LOAD8(p) vload8(0, p)
#define LOAD_VEC(p) vec_load(0, p)
#define STORE_ONE(v, p) (*(p) = (v))
#define STORE2(v, p) vstore2(v, 0, p)
#define STORE4(v, p) vstore4(v, 0, p)
#define STORE8(v, p) vstore8(v, 0, p)
#define STORE_VEC(v, p) vec_store(v, 0, p)
#define STRIP(T, WIDTH, LOAD, STORE)                               \
  {                                                                \
    T s0 = (T)(NEUTRAL);                                           \
    T s1 = s0;                                                     \
    T s2 = s0;                                                     \
    T s3 = s0;                                                     \
    int r = r0;                                                    \
    for (; r + 4 <= r1; r += 4) {                                  \
      s0 = COMBINE(s0, LOAD(from + REDUCED(r)));                   \
      s1 = COMBINE(s1, LOAD(from + REDUCED(r + 1)));               \
      s2 = COMBINE(s2, LOAD(from + REDUCED(r + 2)));               \
      s3 = COMBINE(s3, LOAD(from + REDUCED(r + 3)));               \
    }                                                              \
    for (; r < r1; ++r) s0 = COMBINE(s0, LOAD(from + REDUCED(r))); \
    s0 = COMBINE(COMBINE(s0, s1), COMBINE(s2, s3));                \
    STORE(s0* scale, to + c);                                      \
    c += WIDTH;                                                    \
  }

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void wide_columns(
    __global const float* restrict x, __global float* restrict y, int kept, int rows, int cols,
    int kept_each, int rows_each, int cols_each, float scale) {
  const int c0 = get_group_id(0) * cols_each;
  const int c1 = min(c0 + cols_each, cols);
  const int k0 = get_group_id(1) * kept_each;
  const int k1 = min(k0 + kept_each, kept);
  const int r0 = get_group_id(2) * rows_each;
  const int r1 = min(r0 + rows_each, rows);
  for (int k = k0; k < k1; ++k) {
    __global float* to = y + ((size_t)get_group_id(2) * kept + k) * cols;
    int c = c0;
    while (c + 4 * VW <= c1) {
      vec_t s0 = (vec_t)(NEUTRAL);
      vec_t s1 = s0;
      vec_t s2 = s0;
      vec_t s3 = s0;
      for (int block = r0; block < r1; block += BLOCK_ROWS) {
        const int end = min(block + BLOCK_ROWS, r1);
        vec_t b0 = (vec_t)(NEUTRAL);
        vec_t b1 = b0;
        vec_t b2 = b0;
        vec_t b3 = b0;
        for (int r = block; r < end; ++r) {
          __global const float* from = x + (KEPT(k) + REDUCED(r) + c);
          b0 = COMBINE(b0, vec_load(0, from));
          b1 = COMBINE(b1, vec_load(1, from));
          b2 = COMBINE(b2, vec_load(2, from));
          b3 = COMBINE(b3, vec_load(3, from));
        }
        s0 = COMBINE(s0, b0);
        s1 = COMBINE(s1, b1);
        s2 = COMBINE(s2, b2);
        s3 = COMBINE(s3, b3);
      }
#if VW == 1
      to[c] = s0 * scale;
      to[c + 1] = s1 * scale;
      to[c + 2] = s2 * scale;
      to[c + 3] = s3 * scale;
#else
      vec_store(s0 * scale, 0, to + c);
      vec_store(s1 * scale, 1, to + c);
      vec_store(s2 * scale, 2, to + c);
      vec_store(s3 * scale, 3, to + c);
#endif
      c += 4 * VW;
    }
#define from (x + (KEPT(k) + c))
    while (c + VW <= c1) STRIP(vec_t, VW, LOAD_VEC, STORE_VEC)
#if VW > 8
    if (c + 8 <= c1) STRIP(float8, 8, LOAD8, STORE8)
#endif
#if VW > 4
    if (c + 4 <= c1) STRIP(float4, 4, LOAD4, STORE4)
#endif
#if VW > 2
    if (c + 2 <= c1) STRIP(float2, 2, LOAD2, STORE2)
#endif
    while (c < c1) STRIP(float, 1, LOAD_ONE, STORE_ONE)
#undef from
  }
}
