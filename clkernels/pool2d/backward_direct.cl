// backward_direct: dx[p,i] = sum over the windows o that hold i of dy[p,o] * (share of i in y[p,o])
//
// Layout   x, dx [PLANES, HI, WI], y, dy [PLANES, HO, WO], contiguous. The mean has no x and y.
// Source   the definition; of equal largest elements the first (row by row) takes the gradient.
// Method   one work-item per element of dx, which gathers from the windows over it; a window's
//          earlier elements are looked at only where x = y. No atomics.
// Cost     one read of x, y, dy from memory, one write of dx.
// Launch   global (inputs rounded up to WG), local (WG).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   pool2d/geometry.clh's
#include "pool2d/geometry.clh"

__kernel void backward_direct(
#if IS_MAX
    __global const float* restrict x, __global const float* restrict y,
#endif
    __global const float* restrict dy, __global float* restrict dx) {
  const int i = (int)get_global_id(0);
  if (i >= PLANES * HI * WI) return;
  const int p = i / (HI * WI), at = i % (HI * WI);
  const int h = at / WI + PT, w = at % WI + PL;
  // The windows over this element.
  const int top = h < KH ? 0 : (h - KH) / SH + 1, bottom = min(h / SH, HO - 1);
  const int left = w < KW ? 0 : (w - KW) / SW + 1, right = min(w / SW, WO - 1);
  float sum = 0.0f;
  for (int r = top; r <= bottom; ++r) {
    for (int c = left; c <= right; ++c) {
      const int o = (p * HO + r) * WO + c;
      const window_t window_of_o = window(r * SH - PT, c * SW - PL);
#if IS_MAX
      if (x[i] == y[o] && window_find(x + p * HI * WI, window_of_o, y[o]) == at) sum += dy[o];
#else
      sum += dy[o] / window_count(window_of_o);
#endif
    }
  }
  dx[i] = sum;
}
