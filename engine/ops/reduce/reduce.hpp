// What the reductions and the ops that end in one share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <pinnacle/op.hpp>

namespace pinnacle {

enum class Reduction : std::uint8_t {
  sum,
  max,
  min,
  product
};  // as OPERATION in clkernels/reduce/

/// One axis of the tensor to reduce, outermost first.
struct ReduceAxis {
  std::int64_t extent = 1;
  std::int64_t stride = 1;
  bool reduced = false;
};

/// Adds the calls that reduce `source` over its reduced axes into `result` and multiply by scale.
/// Long reductions of few results go through partial results in scratch memory, in a fixed order.
/// REQUIRES: the innermost axis is contiguous; at least one element is reduced
void add_reduction(Lowering& lowering, Reduction reduction, const std::vector<ReduceAxis>& axes,
                   BufferRef source, BufferRef result, float scale, Family family,
                   const Target& target);

/// The same for the sum of `count` numbers.
void add_sum(Lowering& lowering, std::int64_t count, BufferRef source, BufferRef result,
             Family family, const Target& target);

}  // namespace pinnacle
