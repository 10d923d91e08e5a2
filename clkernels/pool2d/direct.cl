// direct: y[p,o] = the largest element, or the mean, of x[p,o * S - P .. + K - 1] inside the input
//
// Layout   x [PLANES, HI, WI], y [PLANES, HO, WO], contiguous.
// Source   the definition; ONNX's MaxPool and AveragePool.
// Method   one work-item per output element.
// Cost     one read of x from memory, KH KW / (SH SW) from cache; one write of y.
// Launch   global (outputs rounded up to WG), local (WG).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   pool2d/geometry.clh's
#include "pool2d/geometry.clh"

__kernel void direct(__global const float* restrict x, __global float* restrict y) {
  const int i = (int)get_global_id(0);
  if (i >= PLANES * HO * WO) return;
  y[i] = window_value(x + i / (HO * WO) * HI * WI, window(i / WO % HO * SH - PT, i % WO * SW - PL));
}
