// Cases of slice.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

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
  return cases;
}

}  // namespace pinnacle::test
