// Cases of batch normalisation: images and vectors, training, backward and inference.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> batch_norm_cases() {
  const Attributes epsilon{{"epsilon", 1e-3}};
  std::vector<OpCase> cases;
  const auto add = [&](const Shape& x, bool perf = false) {
    const TensorType channels = f32({x[1]});
    const std::string name = to_string(x);
    cases.push_back({.op = "batch_norm_training",
                     .name = name,
                     .in = {f32(x), channels, channels},
                     .attributes = epsilon,
                     .low = 0.5,
                     .high = 3,
                     .perf = perf});
    cases.push_back({.op = "batch_norm_backward",
                     .name = name,
                     .in = {f32(x), f32(x), channels, channels, channels},
                     .attributes = epsilon,
                     .low = 0.5,
                     .high = 2,
                     .gradient = false,
                     .perf = perf});
    cases.push_back({.op = "batch_norm",
                     .name = name,
                     .in = {f32(x), channels, channels, channels, channels},
                     .attributes = epsilon,
                     .low = 0.2,
                     .high = 2,
                     .perf = perf});
  };
  add({5, 1});
  add({7, 10});
  add({16, 16});
  add({33, 17});
  add({2, 1, 3, 3});
  add({3, 5, 4, 4});
  add({2, 3, 7, 5});
  add({3, 2, 5, 13});
  add({128, 512}, true);
  add({32, 64, 28, 28}, true);
  return cases;
}

}  // namespace pinnacle::test
