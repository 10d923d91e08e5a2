// Cases of gather: rows and other slices of each size of element, and indices from the back and out of
// range, which count as the nearest.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> gather_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, TensorType x, std::int64_t count, bool perf = false) {
    const std::int64_t rows = x.shape[0];
    cases.push_back({.op = "gather",
                     .name = name,
                     .in = {std::move(x), i32({count})},
                     .attributes = {{"axis", std::int64_t{0}}},
                     .int_high = rows,
                     .gradient = false,
                     .perf = perf});
  };
  add("one", f32({1, 1}), 1);
  add("labels", i32({37}), 19);
  add("images", f32({11, 1, 5, 7}), 17);
  add("64 columns", f32({5, 64}), 3);
  add("a batch of digits", f32({6000, 1, 28, 28}), 128, true);
  const std::vector<std::int32_t> indices = {-1, 2, 3, 2147483647, -2147483647 - 1};
  cases.push_back({.op = "gather",
                   .name = "out of range",
                   .in = {f32({3, 2}), i32({5})},
                   .attributes = {{"axis", std::int64_t{0}}},
                   .gradient = false,
                   .values = {Tensor({3, 2}, {1, 2, 3, 4, 5, 6}),
                              Tensor({5}, std::span<const std::int32_t>(indices))}});
  cases.push_back(value_case("gather", "last axis, from the back",
                             {counted(DType::i8, {2, 3, 4}), i64_values({3}, {-1, 0, -4})},
                             {{"axis", std::int64_t{2}}}));
  cases.push_back(value_case("gather", "middle axis by a matrix",
                             {counted(DType::f16, {2, 3, 17}), i64_values({2, 2}, {2, -3, 1, 7})},
                             {{"axis", std::int64_t{1}}}));
  cases.push_back(value_case("gather", "by one index",
                             {counted(DType::i64, {3, 5}), i32_values({}, {1})},
                             {{"axis", std::int64_t{0}}}));
  return cases;
}

}  // namespace pinnacle::test
