// Cases of matmul_integer.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {
namespace {

// Bytes that use the whole range.
Tensor bytes(const Shape& shape, DType dtype) {
  Tensor tensor(shape, dtype);
  for (std::size_t i = 0; i < tensor.bytes().size(); ++i) {
    tensor.bytes()[i] = static_cast<std::byte>(i * 37 % 256);
  }
  return tensor;
}

OpCase of_bytes(const char* name, const std::vector<TensorType>& in) {
  OpCase c{.op = "matmul_integer", .name = name, .in = in, .tolerance = 0, .gradient = false};
  for (const TensorType& type : in) c.values.push_back(bytes(type.shape, type.dtype));
  return c;
}

}  // namespace

std::vector<OpCase> matmul_integer_cases() {
  return {
      of_bytes("u8 by i8", {{{3, 37}, DType::u8}, {{37, 5}, DType::i8}}),
      of_bytes(
          "zero points of rows and columns",
          {{{2, 3, 4}, DType::u8}, {{4, 5}, DType::i8}, {{2, 3, 1}, DType::u8}, {{5}, DType::i8}}),
      {.op = "matmul_integer",
       .name = "i32, batches broadcast",
       .in = {i32({2, 1, 3, 4}), i32({3, 4, 2})},
       .int_high = 1000,
       .tolerance = 0,
       .gradient = false}};
}

}  // namespace pinnacle::test
