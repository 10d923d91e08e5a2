// Cases of group_norm.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> group_norm_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, const Shape& x, std::int64_t groups, double epsilon = 1e-2,
                       bool perf = false) {
    const Shape channels{x[1]};
    cases.push_back({.op = "group_norm",
                     .name = name,
                     .in = {f32(x), f32(channels), f32(channels)},
                     .attributes = {{"groups", groups}, {"epsilon", epsilon}},
                     .low = -2,
                     .high = 2,
                     .tolerance = 2e-5,
                     .gradient = !perf,
                     .perf = perf});
  };
  add("one", {1, 1, 1, 1}, 1, 0.1);
  add("one group", {2, 3, 2, 2}, 1);
  add("two groups", {3, 4, 2, 3}, 2);
  add("instances", {2, 3, 4, 5}, 3);
  add("lists", {2, 6, 17}, 3);
  add("no pixels", {3, 8}, 2);
  add("longer than a run", {1, 2, 33, 37}, 1);
  add("[1, 64, 56, 56] in 32 groups", {1, 64, 56, 56}, 32, 1e-5, true);
  // A mean far from zero, which one pass over squares would not survive.
  Tensor far(Shape{1, 2, 7, 11});
  for (std::size_t i = 0; i < far.f32().size(); ++i) {
    far.f32()[i] = 4096.0f + static_cast<float>(i % 13) * 0.25f;
  }
  const Tensor ones(Shape{2}, {1.0f, 1.0f});
  cases.push_back({.op = "group_norm",
                   .name = "far from zero",
                   .in = {f32({1, 2, 7, 11}), f32({2}), f32({2})},
                   .attributes = {{"groups", std::int64_t{1}}},
                   .tolerance = 1e-3,
                   .gradient = false,
                   .values = {far, ones, ones}});
  return cases;
}

}  // namespace pinnacle::test
