// Cases of batch normalisation: images and vectors, training, backward and inference.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> batch_norm_cases() {
  const Attributes epsilon{{"epsilon", 1e-3}};
  std::vector<OpCase> cases;
  const auto add = [&](const Shape& x, bool perf = false, std::int64_t in_blocks = 0) {
    const bool blocks = in_blocks > 0;
    const TensorType channels = f32({blocks ? in_blocks : x[1]});
    const std::string name = to_string(x);
    cases.push_back({.op = "batch_norm_training",
                     .name = name,
                     .in = {f32(x), channels, channels},
                     .attributes = epsilon,
                     .low = 0.5,
                     .high = 3,
                     .gradient = !blocks,
                     .perf = perf});
    cases.push_back({.op = "batch_norm_backward",
                     .name = name,
                     .in = {f32(x), f32(x), channels, channels, channels},
                     .attributes = epsilon,
                     .low = 0.5,
                     .high = 2,
                     .gradient = false,
                     .perf = perf});
    Attributes in_blocks_of;
    if (blocks) in_blocks_of.set("channels", in_blocks);
    cases.push_back({.op = "batch_norm_statistics",
                     .name = name,
                     .in = {f32(x)},
                     .attributes = in_blocks_of,
                     .low = 0.5,
                     .high = 3,
                     .gradient = !blocks,
                     .perf = perf});
    cases.push_back({.op = "batch_norm_sums",
                     .name = name,
                     .in = {f32(x), f32(x), channels, channels},
                     .attributes = epsilon,
                     .low = 0.5,
                     .high = 2,
                     .gradient = false,
                     .perf = perf});
    if (blocks) return;  // the pass replaces it
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
  add({2, 1, 30, 150, 4}, false, 3);  // several parts
  add({2, 3, 7, 5});
  add({3, 2, 5, 13});
  add({128, 512}, true);
  add({32, 64, 28, 28}, true);
  add({2, 1, 3, 3, 4}, false, 4);
  add({3, 2, 4, 4, 4}, false, 7);
  add({2, 3, 7, 5, 8}, false, 20);
  add({3, 2, 13, 11, 16}, false, 32);
  add({40, 1, 9, 7, 16}, false, 3);
  add({5, 3, 1, 1, 16}, false, 33);
  add({32, 4, 28, 28, 16}, true, 64);
  add({8, 4, 56, 56, 16}, true, 64);
  return cases;
}

}  // namespace pinnacle::test
