// backward_columns: gradient of softmax or log_softmax along an axis that is not the innermost, from
// its result y.
//   dx = y * (dy - sum(y * dy)),   or   dx = dy - exp(y) * sum(dy)
//
// Layout   y, dy, dx: [outer, count, inner] contiguous, the middle axis is the normalised one; dx
//          may be y or dy.
// Method   a work-item does strips_each strips of VW columns: the sum, then the result.
// Cost     4 reads and 1 write per element; 4 flop, for log_softmax 1 exp.
// Launch   global (>= ceil(strips / strips_each)), local (WG); strips = outer * inner / VW. Wide
//          devices: WG = 1 and long parts; others: VW = 1, one column per work-item.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16; divides inner
//   WG           work-group size
//   LOG          1 for log_softmax
#include "lib/math.clh"
#include "lib/vector.clh"
#ifndef WG
#define WG 1
#endif
#ifndef LOG
#define LOG 0
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void backward_columns(
    __global const float* y, __global const float* dy, __global float* dx, int strips, int count,
    int inner, int strips_each) {
  const int first = get_global_id(0) * strips_each;
  const int last = min(first + strips_each, strips);
  const int across = inner / VW;
  for (int strip = first; strip < last; ++strip) {
    const size_t at = (size_t)(strip / across) * count * inner + strip % across * VW;
    vec_t sum = (vec_t)(0.0f);
    for (int i = 0; i < count; ++i) {
      const vec_t d = vec_load(0, dy + at + i * inner);
      sum += LOG ? d : vec_load(0, y + at + i * inner) * d;
    }
    for (int i = 0; i < count; ++i) {
      const vec_t d = vec_load(0, dy + at + i * inner);
      const vec_t v = vec_load(0, y + at + i * inner);
      vec_store(LOG ? d - vec_exp(v) * sum : v * (d - sum), 0, dx + at + i * inner);
    }
  }
}
