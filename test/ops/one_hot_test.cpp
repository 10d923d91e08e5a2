// Cases of one_hot: each axis, indices from the back and out of range, types of indices and values.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> one_hot_cases() {
  const auto with = [](std::int64_t axis, std::int64_t depth) {
    return Attributes{{"axis", axis}, {"depth", depth}};
  };
  const Tensor values = f32_values({2}, {-0.5, 2});
  return {
      value_case("one_hot", "last axis", {i64_values({3}, {0, 2, -1}), values}, with(1, 3)),
      value_case("one_hot", "first axis", {i32_values({2, 3}, {0, 5, 4, -5, -6, 1}), values},
                 with(0, 5)),
      value_case("one_hot", "middle axis, of bytes",
                 {typed(DType::u8, {2, 2}, {0, 1, 255, 2}), typed(DType::i8, {2}, {1, -1})},
                 with(1, 3)),
      value_case("one_hot", "numbers",
                 {f32_values({4}, {1, -2, 0.5, 9}), i64_values({2}, {0, 5000000000})}, with(1, 2)),
  };
}

}  // namespace pinnacle::test
