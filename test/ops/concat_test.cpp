// Cases of concat.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> concat_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, const std::vector<Shape>& xs, std::int64_t axis,
                       bool perf = false) {
    OpCase c{.op = "concat", .name = name, .in = {}, .attributes = {{"axis", axis}}, .perf = perf};
    for (const Shape& x : xs) c.in.push_back(f32(x));
    cases.push_back(std::move(c));
  };
  add("one", {{3, 5}}, 1);
  add("vectors", {{1}, {16}, {17}}, 0);
  add("rows", {{2, 7}, {3, 7}}, 0);
  add("columns", {{5, 1}, {5, 16}, {5, 3}}, 1);
  add("single columns", {{37, 1}, {37, 1}}, 1);
  add("channels", {{2, 3, 4, 4}, {2, 1, 4, 4}, {2, 5, 4, 4}}, 1);
  add("last of four", {{2, 3, 2, 33}, {2, 3, 2, 31}}, 3);
  add("1 M", {{64, 64, 8, 16}, {64, 64, 8, 16}}, 1, true);
  for (const DType dtype : {DType::i64, DType::f16, DType::i8}) {
    cases.push_back(
        value_case("concat", "other types",
                   {counted(dtype, {3, 5}), counted(dtype, {3, 0}), counted(dtype, {3, 2})},
                   {{"axis", std::int64_t{1}}}));
  }
  return cases;
}

}  // namespace pinnacle::test
