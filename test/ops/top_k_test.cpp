// Cases of top_k: each axis, smallest ones, equal elements, zeros of both signs, integers.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> top_k_cases() {
  const auto with = [](std::int64_t axis, std::int64_t k, std::int64_t largest) {
    return Attributes{{"axis", axis}, {"k", k}, {"largest", largest}};
  };
  std::vector<OpCase> cases = {
      {.op = "top_k", .name = "one", .in = {f32({1})}, .attributes = with(0, 1, 1)},
      {.op = "top_k", .name = "of 37", .in = {f32({3, 37})}, .attributes = with(1, 5, 1)},
      {.op = "top_k", .name = "first axis", .in = {f32({7, 2, 3})}, .attributes = with(0, 3, 0)},
      {.op = "top_k",
       .name = "equal integers",
       .in = {i32({2, 16, 2})},
       .attributes = with(1, 16, 1),
       .int_high = 4},
      value_case("top_k", "zeros", {f32_values({6}, {0.0, -1, -0.0, 1e30, -1e30, 0.0})},
                 with(0, 6, 1)),
      value_case("top_k", "smallest bytes", {typed(DType::i8, {5}, {3, -128, 127, -128, 0})},
                 with(0, 4, 0)),
      value_case("top_k", "large integers",
                 {i64_values({3}, {5000000000, -5000000000, 5000000001})}, with(0, 2, 1)),
  };
  for (OpCase& c : cases) c.gradient = false;
  return cases;
}

}  // namespace pinnacle::test
