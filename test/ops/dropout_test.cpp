// Cases of dropout: the mask is the same, bit for bit, on every device.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> dropout_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, Shape x, double rate, std::int64_t seed, float counter,
                       bool perf = false) {
    Tensor values(x);
    float v = 0.5f;
    for (float& element : values.f32()) element = v += 0.25f;
    cases.push_back({.op = "dropout",
                     .name = name,
                     .in = {f32(std::move(x)), f32({})},
                     .attributes = {{"rate", rate}, {"seed", seed}},
                     .no_gradient_for = {1},
                     .perf = perf,
                     .values = {std::move(values), Tensor::scalar(counter)}});
  };
  add("one", {1}, 0.5, 1, 0);
  add("none", {7}, 0, 1, 0);
  add("prime", {3, 43}, 0.3, 123456789012345, 7);
  add("63", {63}, 0.5, -5, 3);
  add("64", {64}, 0.5, 5, 4);
  add("65", {65}, 0.999, 5, 5);
  add("several groups", {2, 1031}, 0.25, 42, 16777215);
  add("1 M", {1 << 20}, 0.5, 42, 1, true);
  return cases;
}

}  // namespace pinnacle::test
