// Cases of resample: each axis, with one tap and several, fewer and more elements than before.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> resample_cases() {
  const auto axis = [](std::int64_t at) { return Attributes{{"axis", at}}; };
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, const Shape& x, std::int64_t at, std::int64_t elements,
                       std::int64_t taps, bool perf = false) {
    const auto extent = x[static_cast<std::size_t>(at)];
    cases.push_back({.op = "resample",
                     .name = name,
                     .in = {f32(x), i32({elements, taps}), f32({elements, taps})},
                     .attributes = axis(at),
                     .int_high = extent,
                     .gradient = false,
                     .perf = perf});
  };
  add("one", {1}, 0, 1, 1);
  add("last axis", {3, 5, 7}, 2, 13, 2);
  add("first axis", {7, 37}, 0, 4, 4);
  add("middle axis", {2, 5, 3}, 1, 8, 3);
  add("rows of 16", {2, 3, 16}, 1, 6, 2);
  add("up from 56 rows", {1, 64, 56, 112}, 2, 112, 2, true);
  return cases;
}

}  // namespace pinnacle::test
