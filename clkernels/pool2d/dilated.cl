// dilated: y[p,o] = the largest element, or the mean, of x[p,o * S - P + k * D], k < K, in the input
//
// Layout   x [PLANES, HI, WI], y [PLANES, HO, WO], contiguous.
// Source   the definition; ONNX's MaxPool and AveragePool with dilations.
// Method   one work-item per output element.
// Cost     one read of x from memory, KH KW / (SH SW) from cache; one write of y.
// Launch   global (outputs rounded up to WG), local (WG).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   pool2d/geometry.clh's
//   DH, DW       distance of the elements of a window
#include "pool2d/geometry.clh"
#ifndef DH
#define DH 2
#define DW 2
#endif

__kernel void dilated(__global const float* restrict x, __global float* restrict y) {
  const int i = (int)get_global_id(0);
  if (i >= PLANES * HO * WO) return;
  __global const float* plane = x + i / (HO * WO) * HI * WI;
  const int top = i / WO % HO * SH - PT;
  const int left = i % WO * SW - PL;
  // The first elements inside the input.
  const int first_row = top < 0 ? top + (-top + DH - 1) / DH * DH : top;
  const int first_column = left < 0 ? left + (-left + DW - 1) / DW * DW : left;
  const int end_row = min(top + (KH - 1) * DH + 1, HI);
  const int end_column = min(left + (KW - 1) * DW + 1, WI);
  float value = IS_MAX ? plane[first_row * WI + first_column] : 0.0f;
  int count = 0;
  for (int h = first_row; h < end_row; h += DH) {
    for (int w = first_column; w < end_column; w += DW) {
      const float element = plane[h * WI + w];
      value = IS_MAX ? (element > value ? element : value) : value + element;
      ++count;
    }
  }
  y[i] = IS_MAX ? value : value / (float)count;
}
