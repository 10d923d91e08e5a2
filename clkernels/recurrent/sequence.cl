// sequence: the recurrence of a layer, all steps in one call, for devices that run one work-item per
// group.
//   lstm  i, o, f = f(x + h R + p c), c' = f c + i g(x + h R), h' = o hh(c')
//   gru   z, r = f(x + h R), h' = (1 - z) g(x + (r h) R) + z h;  LINEAR: g(x + r (h R + bias))
//   rnn   h' = f(x + h R)
//
// Layout   x: [steps, batch, directions, GATES, hidden], products with the input's weights. r:
//          [directions, hidden, GATES, hidden]. h0, c0, y_h, y_c: [directions, batch, hidden]. lengths:
//          [batch]. peepholes: [directions, 3, hidden] of i, o, f. bias: [directions, hidden]. y:
//          [steps, directions, batch, hidden]; zero beyond a row's length. gates: scratch like y_h,
//          twice.
// Method   a work-item does one direction of one row of the batch, a vector of units at a time with
//          all their gates; the state of the step before is read from y.
// Cost     2 GATES hidden flop per element of y; r is read from the cache once per step.
// Launch   global (batch, directions), local (1, 1).  Any size.
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width                              1 2 4 8 16
//   CELL, LINEAR, COUPLED, CLIP, HAS_CLIP, HAS_ACTIVATIONS   see recurrent/cell.clh
//   HAS_LENGTHS, HAS_PEEPHOLES, HAS_BIAS   1 if there is such an argument
#include "recurrent/cell.clh"

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void sequence(
    __global const float* restrict x, __global const float* restrict r,
    __global const float* restrict h0,
#if HAS_LENGTHS
    __global const int* restrict lengths,
#endif
#if CELL == 1
    __global const float* restrict c0,
#endif
#if HAS_PEEPHOLES
    __global const float* restrict peepholes,
#endif
#if HAS_BIAS
    __global const float* restrict bias,
#endif
    __global float* y, __global float* restrict y_h,
#if CELL == 1
    __global float* restrict y_c,
#endif
#if TWO_PHASES
    __global float* gates,
#endif
    int steps, int batch, int hidden, int first_backward) {
  const int b = get_group_id(0);
  const int d = get_group_id(1);
  const int directions = get_num_groups(1);
  const size_t state = ((size_t)d * batch + b) * hidden;
  r += (size_t)d * hidden * GATES * hidden;
#if HAS_LENGTHS
  const int length = clamp(lengths[b], 0, steps);
#else
  const int length = steps;
#endif
#if CELL == 1
  for (int n = 0; n < hidden; ++n) y_c[state + n] = c0[state + n];
#endif
#if TWO_PHASES
  __global float* update = gates + 2 * state;
  __global float* kept = update + hidden;
#endif
  const int backward = d >= first_backward;
  __global const float* h = h0 + state;
  for (int s = 0; s < length; ++s) {
    const int t = backward ? length - 1 - s : s;
    __global const float* from = x + (((size_t)t * batch + b) * directions + d) * GATES * hidden;
    __global float* to = y + (((size_t)t * directions + d) * batch + b) * hidden;
#if TWO_PHASES
    for (int n = 0; n < hidden; n += VW) {
      const int count = hidden - n;
      vec_t sum[2];
      sum[0] = units_load(from + n, count);
      sum[1] = units_load(from + hidden + n, count);
      add_products(sum, 2, h, r + n, hidden, count);
      units_store(ACT_F(sum[0]), update + n, count);
      units_store(ACT_F(sum[1]) * units_load(h + n, count), kept + n, count);
    }
#endif
    for (int n = 0; n < hidden; n += VW) {
      const int count = hidden - n;
#if CELL == 0
      vec_t sum[1];
      sum[0] = units_load(from + n, count);
      add_products(sum, 1, h, r + n, hidden, count);
      const vec_t next = ACT_F(sum[0]);
#elif CELL == 1
      vec_t sum[4];
#pragma unroll
      for (int g = 0; g < 4; ++g) sum[g] = units_load(from + g * hidden + n, count);
      add_products(sum, 4, h, r + n, hidden, count);
      vec_t c = units_load(y_c + state + n, count);
#if HAS_PEEPHOLES
      __global const float* p = peepholes + (size_t)d * 3 * hidden + n;
      sum[0] = fma(units_load(p, count), c, sum[0]);
      sum[2] = fma(units_load(p + 2 * hidden, count), c, sum[2]);
#endif
      const vec_t i = ACT_F(sum[0]);
#if COUPLED
      c = fma((vec_t)(1.0f) - i, c, i * ACT_G(sum[3]));
#else
      c = fma(ACT_F(sum[2]), c, i * ACT_G(sum[3]));
#endif
      units_store(c, y_c + state + n, count);
#if HAS_PEEPHOLES
      sum[1] = fma(units_load(p + hidden, count), c, sum[1]);
#endif
      const vec_t next = ACT_F(sum[1]) * ACT_H(c);
#else
#if LINEAR
      vec_t sum[3];
      sum[0] = units_load(from + n, count);
      sum[1] = units_load(from + hidden + n, count);
#if HAS_BIAS
      sum[2] = units_load(bias + (size_t)d * hidden + n, count);
#else
      sum[2] = (vec_t)(0.0f);
#endif
      add_products(sum, 3, h, r + n, hidden, count);
      const vec_t z = ACT_F(sum[0]);
      const vec_t made =
          ACT_G(fma(ACT_F(sum[1]), sum[2], units_load(from + 2 * hidden + n, count)));
#else
      vec_t sum[1];
      sum[0] = units_load(from + 2 * hidden + n, count);
#if HAS_BIAS
      sum[0] += units_load(bias + (size_t)d * hidden + n, count);
#endif
      add_products(sum, 1, kept, r + 2 * hidden + n, hidden, count);
      const vec_t z = units_load(update + n, count);
      const vec_t made = ACT_G(sum[0]);
#endif
      const vec_t next = fma(z, units_load(h + n, count) - made, made);
#endif
      units_store(next, to + n, count);
    }
    h = to;
  }
  for (int n = 0; n < hidden; ++n) y_h[state + n] = h[n];
  for (int t = length; t < steps; ++t) {
    __global float* to = y + (((size_t)t * directions + d) * batch + b) * hidden;
    for (int n = 0; n < hidden; ++n) to[n] = 0.0f;
  }
}
