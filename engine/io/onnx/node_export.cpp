// What rows of the export have in common.
// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/node_export.hpp"

#include "base/text.hpp"

namespace pinnacle::onnx {

NodeExport::Names NodeExport::inputs() const {
  Names names;
  for (std::size_t i = 0; i < op().in.size(); ++i) names.push_back(in(i));
  return names;
}

std::string NodeExport::number(double value, DType dtype) {
  return constant(to_tensor(Array(Shape{}, value), dtype), "number");
}

std::string NodeExport::ints(const Ints& values) {
  Array array(Shape{static_cast<std::int64_t>(values.size())});
  for (std::size_t i = 0; i < values.size(); ++i) array.data[i] = static_cast<double>(values[i]);
  return constant(to_tensor(array, DType::i64), "ints");
}

std::string NodeExport::apply(std::string_view op_type, const Names& inputs,
                              const Attributes& attributes) {
  std::string result = fresh(lower_case(op_type));
  add(op_type, inputs, {result}, attributes);
  return result;
}

void NodeExport::finish_epilogue(const std::string& value, std::size_t residual) {
  const std::string epilogue = attributes().text("epilogue", "");
  Names operands = {value};
  if (has(residual)) operands.push_back(in(residual));
  const std::string result =
      epilogue.empty() ? value : write_expression(*this, epilogue, operands, DType::f32);
  finish_with(result);
}

void NodeExport::unsupported(const std::string& why) const {
  throw UnsupportedError(why, {}, op().label());
}

}  // namespace pinnacle::onnx
