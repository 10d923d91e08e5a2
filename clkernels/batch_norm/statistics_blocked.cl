// statistics_blocked: for each part of the pixels, and each channel c of block b:
//   m[part, b, c] = mean of x, q[part, b, c] = sum (x - m)^2
//
// Layout   x: [batch, blocks, size, VW]: channels in blocks of a vector.
//          parts: [2, parts, blocks, VW], m first; a part is `each` of the batch * size pixels.
// Source   Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
//          variances", 1979: statistics of two sets become those of both.
// Method   runs of at most 64 pixels are read twice, the second time from the nearest cache: first
//          their mean, then the centred squares.
// Cost     1 read per element; 3 flop.
// Launch   global (parts, blocks), local (1, 1).
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   lib/vector.clh's VW
#include "batch_norm/blocked.clh"

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void statistics_blocked(
    __global const float* restrict x, __global float* restrict parts, int batch, int blocks,
    int size, int each) {
  const int b = get_group_id(1);
  const int first = (int)get_group_id(0) * each;
  const int last = min(first + each, batch * size);
  vec_t mean;
  vec_t squares;
  part_statistics(x, first, last, b, blocks, size, &mean, &squares);
  const int groups = get_num_groups(0);
  vec_store(mean, (int)get_group_id(0) * blocks + b, parts);
  vec_store(squares, (groups + (int)get_group_id(0)) * blocks + b, parts);
}
