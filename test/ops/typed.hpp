// Inputs of op cases of any type, from numbers; and numbers that differ.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>
#include <vector>

#include "ops/op_case.hpp"

namespace pinnacle::test {

inline Tensor typed(DType dtype, Shape shape, std::vector<double> values) {
  Array array(std::move(shape));
  array.data = std::move(values);
  return to_tensor(array, dtype);
}
inline Tensor f32_values(Shape shape, std::vector<double> values) {
  return typed(DType::f32, std::move(shape), std::move(values));
}
inline Tensor i32_values(Shape shape, std::vector<double> values) {
  return typed(DType::i32, std::move(shape), std::move(values));
}
inline Tensor i64_values(Shape shape, std::vector<double> values) {
  return typed(DType::i64, std::move(shape), std::move(values));
}

/// 1, 2, 3, ... up to 100, then again.
inline Tensor counted(DType dtype, const Shape& shape) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    values.push_back(static_cast<double>(i % 100 + 1));
  }
  return typed(dtype, shape, std::move(values));
}

/// A case without a gradient whose inputs are these.
inline OpCase value_case(const char* op, const char* name, std::vector<Tensor> values,
                         Attributes attributes = {}) {
  OpCase c{
      .op = op, .name = name, .in = {}, .attributes = std::move(attributes), .gradient = false};
  for (const Tensor& value : values) c.in.push_back(value.type());
  c.values = std::move(values);
  return c;
}

}  // namespace pinnacle::test
