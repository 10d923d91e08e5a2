// Cases of scatter_nd: slices and elements, updates that meet, each reduction.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> scatter_nd_cases() {
  const auto with = [](const char* reduction) {
    return Attributes{{"reduction", std::string(reduction)}};
  };
  const Tensor tuples = i64_values({4, 1}, {1, -1, 1, 0});
  const auto updates = [] { return counted(DType::f32, {4, 3}); };
  return {
      value_case("scatter_nd", "the last one wins",
                 {counted(DType::f32, {5, 3}), tuples, updates()}, with("none")),
      value_case("scatter_nd", "elements",
                 {counted(DType::u8, {2, 3}), i32_values({2, 2, 2}, {0, 1, 1, -1, 0, 1, 9, 0}),
                  typed(DType::u8, {2, 2}, {200, 201, 202, 203})},
                 with("none")),
      value_case("scatter_nd", "all",
                 {counted(DType::i64, {2, 2}), i64_values({1, 1}, {1}),
                  i64_values({1, 2}, {-1, 7000000000})},
                 with("none")),
      value_case("scatter_nd", "add", {counted(DType::f32, {5, 3}), tuples, updates()},
                 with("add")),
      value_case("scatter_nd", "mul",
                 {counted(DType::i32, {5}), tuples, i32_values({4}, {3, 5, 7, 2})}, with("mul")),
      value_case("scatter_nd", "max", {counted(DType::f32, {5, 3}), tuples, updates()},
                 with("max")),
      value_case("scatter_nd", "min", {counted(DType::f32, {5, 3}), tuples, updates()},
                 with("min")),
  };
}

}  // namespace pinnacle::test
