// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/map/integers.hpp"

#include "io/onnx/map/windows.hpp"

namespace pinnacle::onnx {

ValueId from_zero(NodeImport& node, ValueId x, ValueId zero) {
  if (node.b().type(x).dtype != node.b().type(zero).dtype) {
    node.invalid(fmt::format("an operand is {} and its zero point {}", node.b().type(x),
                             node.b().type(zero)));
  }
  return node.apply("sub", {node.cast(x, DType::f32), node.cast(zero, DType::f32)});
}

ValueId requantized(NodeImport& node, ValueId sum, ValueId x_scale, ValueId w_scale,
                    ValueId y_scale, ValueId y_zero) {
  const DType dtype = node.b().type(y_zero).dtype;
  if (dtype != DType::i8 && dtype != DType::u8) {
    node.invalid(
        fmt::format("the result's zero point is {}; expected i8 or u8", node.b().type(y_zero)));
  }
  if (node.b().shape(y_zero).elements() != 1) node.unsupported("several zero points of the result");
  const ValueId scale = node.apply("div", {node.apply("mul", {x_scale, w_scale}), y_scale});
  ValueId y = node.apply("mul", {node.cast(sum, DType::f32), scale});
  y = node.apply("round", {y});
  y = node.apply("add", {y, node.cast(node.reshape(y_zero, Shape{}), DType::f32)});
  const double least = dtype == DType::i8 ? -128 : 0;
  y = node.apply("min", {node.apply("max", {y, scalar(node, least)}), scalar(node, least + 255)});
  return node.cast(y, dtype);
}

}  // namespace pinnacle::onnx
