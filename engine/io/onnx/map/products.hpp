// Matrix products with NumPy's broadcasting, as several operators need them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/onnx/node_import.hpp"

namespace pinnacle::onnx {

/// The product over the last two axes of operands of rank 2 or more; their leading axes broadcast.
/// Integers are multiplied as such. throws ParseError
ValueId matrix_product(NodeImport& node, ValueId a, ValueId b);
/// x with leading axes so that it has this shape; x itself if it has it.
ValueId broadcast_to(NodeImport& node, ValueId x, const Shape& shape);
/// The shape that two operands broadcast to. throws ParseError
Shape broadcast(const NodeImport& node, const Shape& a, const Shape& b);

}  // namespace pinnacle::onnx
