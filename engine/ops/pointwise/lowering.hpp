// How a pointwise expression with broadcasting becomes one kernel call, in both families. Also used
// by ops that finish with a pointwise step of their own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/op.hpp>

#include <string_view>
#include <vector>

namespace pinnacle {

/// One operand: its buffer and the shape that broadcasts to the result's.
struct PointwiseOperand {
  BufferRef buffer;
  Shape shape;
};

KernelCall pointwise_call(std::string_view expression,
                          const std::vector<PointwiseOperand>& operands, BufferRef result,
                          const Shape& shape, Family family, const Target& target);

}  // namespace pinnacle
