// Cases of lrn.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> lrn_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, const Shape& x, std::int64_t size, double beta = 0.75,
                       bool perf = false) {
    cases.push_back({.op = "lrn",
                     .name = name,
                     .in = {f32(x)},
                     .attributes = {{"size", size}, {"alpha", 0.5}, {"beta", beta}, {"bias", 1.5}},
                     .low = -2,
                     .high = 2,
                     .gradient = !perf,
                     .perf = perf});
  };
  add("one", {1, 1, 1, 1}, 1);
  add("size 5", {2, 7, 3, 5}, 5);
  add("even size", {1, 8, 17}, 4);
  add("beta 0.5", {1, 3, 4, 4}, 3, 0.5);
  add("beta 1", {1, 3, 16}, 3, 1);
  add("any beta", {2, 5, 3, 11}, 3, 0.6);
  add("larger than the channels", {1, 3, 33}, 9);
  add("AlexNet 1", {1, 64, 55, 55}, 5, 0.75, true);
  return cases;
}

}  // namespace pinnacle::test
