// stream_copy: to[i] = from[i], the bandwidth of a device's memory.
//
// Layout   from, to: vectors of VW floats; work-item g copies first * g + k * step, k < count.
// Method   first = count, step = 1 gives each work-item its own run (CPUs);
//          first = 1, step = global size gives neighbours neighbouring vectors (GPUs).
// Cost     4 VW bytes read + 4 VW bytes written per vector.
// Launch   any global, any local.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           f32 lanes of a vector: 4, 8 or 16.
#include "lib/vector.clh"

__kernel void stream_copy(__global const float* restrict from, __global float* restrict to,
                          const int count, const int first, const int step) {
  size_t i = get_global_id(0) * (size_t)first;
  for (int k = 0; k < count; ++k) {
    vec_store(vec_load(i, from), i, to);
    i += (size_t)step;
  }
}
