// Cases of conv_integer.
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

}  // namespace

std::vector<OpCase> conv_integer_cases() {
  using Ints = Attributes::Ints;
  const Shape x{2, 4, 5, 7};
  const Shape w{6, 2, 3, 2};
  return {
      {.op = "conv_integer",
       .name = "u8 by i8, groups, padding",
       .in = {{x, DType::u8}, {w, DType::i8}},
       .attributes = {{"group", std::int64_t{2}}, {"pads", Ints{1, 0, 1, 1}}},
       .tolerance = 0,
       .gradient = false,
       .values = {bytes(x, DType::u8), bytes(w, DType::i8)}},
      {.op = "conv_integer",
       .name = "zero points of channels",
       .in = {{x, DType::u8}, {w, DType::u8}, {{1}, DType::u8}, {{6}, DType::u8}},
       .attributes = {{"group", std::int64_t{2}}, {"strides", Ints{2, 1}}},
       .tolerance = 0,
       .gradient = false,
       .values = {bytes(x, DType::u8), bytes(w, DType::u8), bytes({1}, DType::u8),
                  bytes({6}, DType::u8)}},
      {.op = "conv_integer",
       .name = "a list, the weight's zero point alone",
       .in = {{{1, 2, 9}, DType::i8}, {{3, 2, 3}, DType::i8}, {{}, DType::i8}},
       .attributes = {{"pads", Ints{2, 1}}, {"dilations", Ints{2}}},
       .absent = {2},
       .tolerance = 0,
       .gradient = false,
       .values = {bytes({1, 2, 9}, DType::i8), bytes({3, 2, 3}, DType::i8), bytes({}, DType::i8)}}};
}

}  // namespace pinnacle::test
