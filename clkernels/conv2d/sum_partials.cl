// sum_partials: y[i] = sum over s of partial[s,i], in the order of s
//
// Layout   partial [PARTS, COUNT], y [COUNT], contiguous.
// Source   none; a fixed order makes training repeat bit for bit, which float atomics do not.
// Method   one work-item per element.
// Cost     PARTS reads + 1 write per element.
// Launch   global (COUNT rounded up to WG), local (WG).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   PARTS, COUNT
#ifndef PARTS
#define PARTS 2
#define COUNT 64
#endif

__kernel void sum_partials(__global const float* restrict partial, __global float* restrict y) {
  const int i = (int)get_global_id(0);
  if (i >= COUNT) return;
  float sum = 0.0f;
  for (int s = 0; s < PARTS; ++s) sum += partial[s * COUNT + i];
  y[i] = sum;
}
