// Cases of scatter_elements: each reduction, updates that meet, fewer updates than elements.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> scatter_elements_cases() {
  const auto with = [](std::int64_t axis, const char* reduction) {
    return Attributes{{"axis", axis}, {"reduction", std::string(reduction)}};
  };
  const Tensor indices = i64_values({2, 3}, {1, 1, -1, 0, 2, 0});
  const Tensor updates = f32_values({2, 3}, {5, -6, 7.5, 0.25, 9, -1});
  return {
      value_case("scatter_elements", "first axis", {counted(DType::f32, {3, 4}), indices, updates},
                 with(0, "none")),
      value_case("scatter_elements", "add", {counted(DType::f32, {3, 4}), indices, updates},
                 with(1, "add")),
      value_case("scatter_elements", "mul", {counted(DType::f32, {3, 4}), indices, updates},
                 with(1, "mul")),
      value_case(
          "scatter_elements", "max of integers",
          {counted(DType::i64, {2, 3}), indices, i64_values({2, 3}, {9, -9, 5, 4, 3, 5000000000})},
          with(1, "max")),
      value_case("scatter_elements", "min of bytes",
                 {counted(DType::i8, {2, 2}), i32_values({2, 2}, {0, 1, 0, -1}),
                  typed(DType::i8, {2, 2}, {-5, 7, -6, 1})},
                 with(0, "min")),
      value_case("scatter_elements", "halves, three axes",
                 {counted(DType::f16, {2, 3, 5}), i32_values({1, 2, 2}, {2, 0, 1, 7}),
                  counted(DType::f16, {1, 2, 2})},
                 with(1, "none")),
  };
}

}  // namespace pinnacle::test
