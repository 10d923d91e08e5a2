// Cases of slice.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> slice_cases() {
  using Ints = Attributes::Ints;
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, const Shape& x, Ints starts, Ints ends, Ints axes,
                       bool perf = false) {
    cases.push_back({.op = "slice",
                     .name = name,
                     .in = {f32(x)},
                     .attributes = {{"starts", starts}, {"ends", ends}, {"axes", axes}},
                     .perf = perf});
  };
  add("everything", {3, 5}, {0}, {3}, {0});
  add("one element", {7, 11}, {3, 5}, {4, 6}, {0, 1});
  add("rows", {7, 11}, {2}, {5}, {0});
  add("columns", {7, 37}, {3}, {36}, {1});
  add("a column", {35, 6}, {4}, {5}, {1});
  add("crop", {2, 3, 6, 7}, {1, 2}, {5, 6}, {2, 3});
  add("channels", {2, 6, 4, 4}, {1}, {4}, {1});
  add("all axes", {3, 3, 3, 3, 3, 3}, {1, 0, 1, 0, 1, 0}, {3, 2, 3, 2, 3, 2}, {0, 1, 2, 3, 4, 5});
  add("1 M", {64, 128, 16, 16}, {32}, {96}, {1}, true);
  const auto steps = [](Ints starts, Ints ends, Ints axes, Ints step) {
    return Attributes{{"starts", starts}, {"ends", ends}, {"axes", axes}, {"steps", step}};
  };
  cases.push_back(value_case("slice", "every second column", {counted(DType::f32, {3, 37})},
                             steps({1}, {36}, {1}, {2})));
  cases.push_back(value_case("slice", "backwards", {counted(DType::i64, {3, 5})},
                             steps({2, 4}, {-1, -1}, {0, 1}, {-1, -1})));
  cases.push_back(value_case("slice", "backwards by three", {counted(DType::u8, {16})},
                             steps({14}, {0}, {0}, {-3})));
  cases.push_back(value_case("slice", "rows of halves", {counted(DType::f16, {7, 2, 3})},
                             steps({0, 0}, {7, 2}, {0, 1}, {4, 1})));
  return cases;
}

}  // namespace pinnacle::test
