// Cases of accuracy.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> accuracy_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, std::int64_t rows, std::int64_t cols, bool perf = false) {
    cases.push_back({.op = "accuracy",
                     .name = name,
                     .in = {f32({rows, cols}), i32({rows})},
                     .int_high = cols,
                     .gradient = false,
                     .perf = perf});
    cases.push_back({.op = "accuracy",
                     .name = std::string(name) + ", rows as labels",
                     .in = {f32({rows, cols}), f32({rows, cols})},
                     .gradient = false,
                     .perf = perf});
  };
  add("one", 1, 1);
  add("two classes", 31, 2);
  add("ten classes", 67, 10);
  add("16 classes", 16, 16);
  add("17 classes", 5, 17);
  add("37 classes", 11, 37);
  add("batch of 128", 128, 10, true);
  add("1000 classes", 256, 1000, true);
  // The first of equal scores counts: hit, miss, hit.
  const std::vector<std::int32_t> labels = {1, 3, 0};
  cases.push_back({.op = "accuracy",
                   .name = "ties",
                   .in = {f32({3, 4}), i32({3})},
                   .gradient = false,
                   .values = {Tensor({3, 4}, {0, 2, 2, 1, 1, 0, 5, 5, 3, 3, 3, 3}),
                              Tensor({3}, std::span<const std::int32_t>(labels))}});
  return cases;
}

}  // namespace pinnacle::test
