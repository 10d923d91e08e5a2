// sum_partials: c = sum over s of partial[s] + bias, the second half of a product split along K
//
// Layout   partial: [PARTS, rows, N], c: [rows, N], bias: [N]; row-major, contiguous.
//          PARTS: parts of K; ROWS: rows per work-item.
// Source   none; the order of the sum is fixed, so that results repeat bit for bit.
// Cost     PARTS reads and one write per element.
// Launch   global (ceil(rows / ROWS)), local (1).  Any size.
// SPDX-License-Identifier: Apache-2.0
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width                              4 8 16
//   HAS_BIAS     1 if there is an argument bias: [N]
//   HAS_RESIDUAL 1 if there is an argument residual, like c; epilogues then take it as second
//   HAS_EPILOGUE 1 if the host generated epilogue<VW>
#include "lib/epilogue.clh"
#include "lib/lanes.clh"
#define EPILOGUE PNC_CAT(epilogue, VW)

__kernel void sum_partials(__global const float* restrict partial,
#if HAS_BIAS
                           __global const float* restrict bias,
#endif
#if HAS_RESIDUAL
                           __global const float* restrict residual,
#endif
                           __global float* restrict c, int rows, int N, int PARTS, int ROWS) {
  const int first = get_global_id(0) * ROWS;
  const size_t part = (size_t)rows * N;
  for (int row = first; row < min(first + ROWS, rows); ++row) {
    for (int n = 0; n < N; n += VW) {
      const int count = min(VW, N - n);
      __global const float* from = partial + (size_t)row * N + n;
      vec_t sum = (vec_t)(0.0f);
      for (int s = 0; s < PARTS; ++s, from += part) {
        sum += count == VW ? vec_load(0, from) : load_part(from, count, 0.0f);
      }
#if HAS_BIAS
      sum += count == VW ? vec_load(0, bias + n) : load_part(bias + n, count, 0.0f);
#endif
      const size_t at = (size_t)row * N + n;
#if HAS_RESIDUAL
      sum = EPILOGUE(
          sum, count == VW ? vec_load(0, residual + at) : load_part(residual + at, count, 0.0f));
#else
      sum = EPILOGUE(sum);
#endif
      __global float* to = c + at;
      if (count == VW) {
        vec_store(sum, 0, to);
      } else {
        store_part(sum, to, count);
      }
    }
  }
}
