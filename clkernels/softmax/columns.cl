// columns: softmax or log_softmax along an axis that is not the innermost.
//   y = exp(x - max) / sum exp(x - max),   or   y = x - max - log sum exp(x - max)
//
// Layout   x, y: [outer, count, inner] contiguous, the middle axis is normalised; y may be x.
// Method   a work-item does strips_each strips of VW columns, each in three passes.
// Cost     3 reads and 1 write per element, 2 exp and 4 flop.
// Launch   global (>= ceil(strips / strips_each)), local (WG); strips = outer * inner / VW. Wide
//          devices: WG = 1 and long parts; others: VW = 1, one column per work-item.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16; divides inner
//   WG           work-group size
//   LOG          1 for log_softmax
#include "lib/lanes.clh"
#include "lib/math.clh"
#ifndef WG
#define WG 1
#endif
#ifndef LOG
#define LOG 0
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void columns(__global const float* x,
                                                                      __global float* y, int strips,
                                                                      int count, int inner,
                                                                      int strips_each) {
  const int first = get_global_id(0) * strips_each;
  const int last = min(first + strips_each, strips);
  const int across = inner / VW;
  for (int strip = first; strip < last; ++strip) {
    const size_t at = (size_t)(strip / across) * count * inner + strip % across * VW;
    __global const float* from = x + at;
    __global float* to = y + at;
    vec_t top = (vec_t)(-INFINITY);
    for (int i = 0; i < count; ++i) top = vec_max(top, vec_load(0, from + i * inner));
    vec_t sum = (vec_t)(0.0f);
    for (int i = 0; i < count; ++i) sum += vec_exp(vec_load(0, from + i * inner) - top);
#if LOG
    const vec_t shift = top + vec_log(sum);
    for (int i = 0; i < count; ++i) {
      vec_store(vec_load(0, from + i * inner) - shift, 0, to + i * inner);
    }
#else
    const vec_t scale = (vec_t)(1.0f) / sum;
    for (int i = 0; i < count; ++i) {
      vec_store(vec_exp(vec_load(0, from + i * inner) - top) * scale, 0, to + i * inner);
    }
#endif
  }
}
