// Cases of gather_elements: each axis, types of 1, 2 and 8 bytes, indices from the back and out of range.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> gather_elements_cases() {
  const auto axis = [](std::int64_t at) { return Attributes{{"axis", at}}; };
  return {
      value_case("gather_elements", "one", {counted(DType::f32, {1}), i32_values({1}, {0})},
                 axis(0)),
      value_case("gather_elements", "first axis",
                 {counted(DType::f32, {3, 3}), i64_values({2, 3}, {1, 2, 0, 2, 0, -3})}, axis(0)),
      value_case("gather_elements", "last axis of bytes",
                 {counted(DType::u8, {2, 2}), i32_values({2, 3}, {0, -1, 0, 1, 0, 1})}, axis(1)),
      value_case(
          "gather_elements", "middle axis of halves",
          {counted(DType::f16, {2, 5, 3}), i64_values({2, 2, 2}, {0, 4, -1, 2, 3, 1, -5, 2})},
          axis(1)),
      value_case("gather_elements", "out of range",
                 {counted(DType::i64, {3}), i64_values({4}, {9, -9, 4e18, -4e18})}, axis(0)),
  };
}

}  // namespace pinnacle::test
