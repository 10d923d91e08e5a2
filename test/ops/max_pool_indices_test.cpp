// Cases of max_pool_indices and max_unpool.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> max_pool_indices_cases() {
  using Ints = Attributes::Ints;
  Tensor indices(Shape{1, 1, 2, 2}, DType::i64);
  const std::int64_t positions[] = {0, 3, 9, 15};
  std::copy_n(reinterpret_cast<const std::byte*>(positions), sizeof(positions),
              indices.bytes().data());
  return {{.op = "max_pool_indices",
           .name = "2x2",
           .in = {f32({2, 3, 4, 5})},
           .attributes = {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}},
           .gradient = false},
          {.op = "max_pool_indices",
           .name = "column by column, padded",
           .in = {f32({1, 2, 5, 4})},
           .attributes = {{"kernel_shape", Ints{3, 3}},
                          {"pads", Ints{1, 1, 1, 1}},
                          {"column_major", std::int64_t{1}}},
           .gradient = false},
          {.op = "max_unpool",
           .name = "4x4",
           .in = {f32({1, 1, 2, 2}), {{1, 1, 2, 2}, DType::i64}},
           .attributes = {{"shape", Ints{1, 1, 4, 4}}},
           .gradient = false,
           .values = {Tensor({1, 1, 2, 2}, {1, 2, 3, 4}), indices}}};
}

}  // namespace pinnacle::test
