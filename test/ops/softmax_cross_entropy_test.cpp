// Cases of softmax_cross_entropy: labels as classes, one-hot rows and weights.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

namespace {

// Rows that sum to one, or to about one half with `soft`.
Tensor weights(std::int64_t rows, std::int64_t cols, bool soft) {
  Tensor tensor(Shape{rows, cols});
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < cols; ++c) {
      const bool hit = (r * 7 + 3) % cols == c;
      tensor.f32()[static_cast<std::size_t>(r * cols + c)] =
          soft ? static_cast<float>(c % 3) / static_cast<float>(2 * cols) : (hit ? 1.0f : 0.0f);
    }
  }
  return tensor;
}

Tensor ramp(Shape shape, float low, float step, std::int64_t period) {
  Tensor tensor(std::move(shape));
  std::int64_t i = 0;
  for (float& v : tensor.f32()) v = low + step * static_cast<float>(i++ * 37 % period);
  return tensor;
}

}  // namespace

std::vector<OpCase> softmax_cross_entropy_cases() {
  const char* op = "softmax_cross_entropy";
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, std::int64_t rows, std::int64_t cols, double scale) {
    cases.push_back({.op = op,
                     .name = name,
                     .in = {f32({rows, cols}), i32({rows})},
                     .low = -scale,
                     .high = scale,
                     .int_high = cols});
  };
  add("one", 1, 1, 1);
  add("ten classes", 13, 10, 4);
  add("prime", 7, 37, 2);
  add("16 by 16", 16, 16, 1);
  add("17 by 17", 17, 17, 1);
  add("large logits", 5, 11, 90);
  for (const bool soft : {false, true}) {
    for (const std::int64_t cols : {1, 10, 33}) {
      cases.push_back({.op = op,
                       .name = fmt::format("{} {}", soft ? "weights" : "one-hot", cols),
                       .in = {f32({9, cols}), f32({9, cols})},
                       .no_gradient_for = {1},
                       .values = {ramp({9, cols}, -2, 0.04f, 101), weights(9, cols, soft)}});
    }
  }
  cases.push_back({.op = "softmax_cross_entropy_backward",
                   .name = "classes",
                   .in = {f32({11, 10}), i32({11}), f32({})},
                   .low = 0,
                   .high = 1,
                   .int_high = 10,
                   .gradient = false});
  cases.push_back({.op = "softmax_cross_entropy_backward",
                   .name = "weights",
                   .in = {f32({5, 37}), f32({5, 37}), f32({})},
                   .low = 0,
                   .high = 1,
                   .gradient = false});
  cases.push_back({.op = op,
                   .name = "batch of 128",
                   .in = {f32({128, 10}), i32({128})},
                   .int_high = 10,
                   .perf = true});
  cases.push_back({.op = op,
                   .name = "1000 classes",
                   .in = {f32({256, 1000}), i32({256})},
                   .int_high = 1000,
                   .perf = true});
  cases.push_back({.op = "softmax_cross_entropy_backward",
                   .name = "batch of 128",
                   .in = {f32({128, 10}), i32({128}), f32({})},
                   .low = 0,
                   .int_high = 10,
                   .gradient = false,
                   .perf = true});
  return cases;
}

}  // namespace pinnacle::test
