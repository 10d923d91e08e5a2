// Cases of softmax and log_softmax: long and short rows, and axes that are not the innermost.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> softmax_cases() {
  std::vector<OpCase> cases;
  for (const char* op : {"softmax", "log_softmax"}) {
    const auto add = [&](const char* name, Shape x, std::int64_t axis, double scale = 3) {
      cases.push_back({.op = op,
                       .name = name,
                       .in = {f32(std::move(x))},
                       .attributes = {{"axis", axis}},
                       .low = -scale,
                       .high = scale});
    };
    add("one", {1, 1}, 1);
    add("ten classes", {7, 10}, 1);
    add("15", {3, 15}, 1);
    add("16", {3, 16}, 1);
    add("17", {3, 17}, 1);
    add("prime", {5, 101}, 1);
    add("large numbers", {4, 33}, 1, 80);
    add("vector", {19}, 0);
    add("first axis", {6, 5}, 0);
    add("middle axis", {2, 7, 16}, 1);
    add("channels", {2, 3, 3, 5}, 1);
  }
  for (const char* op : {"softmax_backward", "log_softmax_backward"}) {
    for (const Shape& x : {Shape{1, 1}, Shape{5, 10}, Shape{3, 37}}) {
      cases.push_back({.op = op,
                       .name = to_string(x),
                       .in = {f32(x), f32(x)},
                       .attributes = {{"axis", std::int64_t{1}}},
                       .low = -0.5,
                       .high = 0.5,
                       .gradient = false});
    }
    cases.push_back({.op = op,
                     .name = "middle axis",
                     .in = {f32({3, 5, 8}), f32({3, 5, 8})},
                     .attributes = {{"axis", std::int64_t{1}}},
                     .low = -0.5,
                     .high = 0.5,
                     .gradient = false});
  }
  for (const Shape& x : {Shape{128, 10}, Shape{128, 1000}, Shape{4096, 128}}) {
    cases.push_back({.op = "softmax",
                     .name = to_string(x) + " perf",
                     .in = {f32(x)},
                     .attributes = {{"axis", std::int64_t{1}}},
                     .perf = true});
  }
  return cases;
}

}  // namespace pinnacle::test
