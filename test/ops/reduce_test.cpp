// Cases of the reductions: every pattern of kept and reduced axes.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> reduce_cases() {
  using Ints = Attributes::Ints;
  std::vector<OpCase> cases;
  const auto add = [&](const char* op, const Shape& x, Ints axes, bool perf = false,
                       std::int64_t keepdims = 0) {
    // Numbers that differ from each other, so that an extreme has no ties; in the large cases all
    // positive, so that a sum of a million does not cancel to its own rounding error.
    Tensor values(x);
    const std::int64_t count = x.elements();
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t mixed = (i * 7919 + 31) % 1000003;
      values.f32()[static_cast<std::size_t>(i)] =
          static_cast<float>(mixed) * 2e-6f - (perf ? 0.0f : 1.0f);
    }
    cases.push_back({.op = op,
                     .name = fmt::format("{} over {}{}", x, Shape(axes), keepdims ? " kept" : ""),
                     .in = {f32(x)},
                     .attributes = {{"axes", axes}, {"keepdims", keepdims}},
                     .perf = perf,
                     .values = {std::move(values)}});
  };
  for (const char* op : {"reduce_sum", "reduce_mean", "reduce_max", "reduce_min"}) {
    add(op, {1}, {});
    add(op, {1, 7}, {0});
    add(op, {}, {});
    add(op, {257}, {});
    add(op, {6, 31}, {1});
    add(op, {5, 64}, {1}, false, 1);
    add(op, {19, 10}, {0});
    add(op, {33, 65}, {0});
    add(op, {9, 127}, {0}, false, 1);
    add(op, {3, 5, 4, 7}, {0, 2, 3});
    add(op, {2, 3, 4, 4}, {2, 3});
    add(op, {3, 4, 17}, {1});
    add(op, {2, 3, 2, 3, 5}, {0, 2, 4});
    add(op, {2, 3, 5, 7, 16}, {0, 2, 3});
    add(op, {3, 2, 5, 4, 4}, {2, 3});
    add(op, {2, 3, 2, 3, 2, 19}, {0, 2, 4}, false, 1);
    add(op, {3, 2, 3, 2, 3, 5}, {1, 3, 5});
  }
  add("reduce_prod", {6, 31}, {1});
  add("reduce_prod", {33, 5}, {0});
  add("reduce_prod", {2, 3, 2, 3, 5}, {0, 2, 4}, false, 1);
  add("reduce_sum", {3, 9001}, {});
  add("reduce_sum", {40013}, {});
  cases.back().tolerance = 3e-5;  // it cancels, and small groups add long rows
  add("reduce_mean", {2003, 11}, {0});
  add("reduce_max", {2, 3, 5003}, {2, 0});
  add("reduce_sum", {128, 10}, {0}, true);
  add("reduce_sum", {128, 128}, {0}, true);
  add("reduce_sum", {1 << 20}, {}, true);
  add("reduce_sum", {1024, 1024}, {1}, true);
  add("reduce_sum", {1024, 1024}, {0}, true);
  add("reduce_sum", {32, 64, 28, 28}, {0, 2, 3}, true);
  add("reduce_mean", {32, 512, 7, 7}, {2, 3}, true);
  return cases;
}

}  // namespace pinnacle::test
