// top_k: values[rank] = x[i] and indices[rank] = i for the k elements of each line that come first
//
// Layout   x: [outer, extent, inner], lines along the second axis; values, indices: [outer, k, inner].
// Method   a work-item counts the elements that come before its own: larger ones (or smaller ones),
//          and equal ones before it. That is its place. NaN is larger than any number, and zeros are
//          equal whatever their sign: floats are compared as integers of the same order.
// Cost     extent comparisons per element of x.
// Launch   global (>= ceil(count / each)), local (WG). Wide devices: local (1) and each > 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   ELEMENT      float, int, long, char or uchar
//   FLOATS       1 if that is float
//   LARGEST      1: larger ones first; 0: smaller ones
//   WG           work-group size
#ifndef ELEMENT
#define ELEMENT float
#define FLOATS 1
#endif
#ifndef LARGEST
#define LARGEST 1
#endif
#ifndef WG
#define WG 1
#endif
#if FLOATS
#define KEY uint
#define KEY_OF(v) top_k_order(as_uint(v))
#else
#define KEY ELEMENT
#define KEY_OF(v) (v)
#endif
#if LARGEST
#define BEFORE(a, b) ((a) > (b))
#else
#define BEFORE(a, b) ((a) < (b))
#endif

#if FLOATS
uint top_k_order(uint bits) {
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0xffffffffu;
  if (bits == 0x80000000u) return 0x80000000u;
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void top_k(
    __global const ELEMENT* restrict x, __global ELEMENT* restrict values,
    __global long* restrict indices, int extent, int inner, int k, int count, int each) {
  const int first = get_global_id(0) * each;
  const int last = min(first + each, count);
  for (int e = first; e < last; ++e) {
    const int o = e / (extent * inner);
    const int i = e / inner % extent;
    const int column = e % inner;
    __global const ELEMENT* line = x + (size_t)o * extent * inner + column;
    const KEY own = KEY_OF(x[e]);
    int rank = 0;
    for (int j = 0; j < extent; ++j) {
      const KEY other = KEY_OF(line[(size_t)j * inner]);
      rank += BEFORE(other, own) || (other == own && j < i);
    }
    if (rank < k) {
      const size_t to = ((size_t)o * k + rank) * inner + column;
      values[to] = x[e];
      indices[to] = i;
    }
  }
}
