// What gradient functions share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/op.hpp>

namespace pinnacle {

/// Sums a gradient of a broadcast operand back to the operand's shape. The shape is a copy: one
/// that lies in the graph would move as the graph grows.
ValueId sum_to(Builder& b, ValueId gradient, Shape shape);
/// The shape that two operands broadcast to, after NumPy. throws ShapeError with `op`'s label
Shape broadcast_shape(const OpView& op, const Shape& a, const Shape& b);

}  // namespace pinnacle
