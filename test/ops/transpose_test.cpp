// Cases of transpose.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> transpose_cases() {
  using Ints = Attributes::Ints;
  std::vector<OpCase> cases;
  const auto add = [&](const Shape& x, Ints perm, bool perf = false) {
    cases.push_back({.op = "transpose",
                     .name = fmt::format("{} by {}", x, Shape(perm)),
                     .in = {f32(x)},
                     .attributes = {{"perm", perm}},
                     .perf = perf});
  };
  add({1}, {0});
  add({1, 1}, {1, 0});
  add({7, 19}, {0, 1});
  add({7, 19}, {1, 0});
  add({16, 16}, {1, 0});
  add({17, 15}, {1, 0});
  add({1, 33}, {1, 0});
  add({17, 512}, {1, 0});
  add({70, 40}, {1, 0});
  add({2, 37, 3, 20}, {0, 3, 2, 1});
  add({2, 3, 4, 5}, {0, 2, 3, 1});
  add({2, 3, 4, 5}, {0, 3, 1, 2});
  add({2, 3, 4, 5}, {0, 2, 1, 3});
  add({2, 3, 4, 5}, {3, 2, 1, 0});
  add({2, 3, 2, 3, 2, 3}, {5, 3, 1, 4, 2, 0});
  add({3, 2, 3, 2, 3, 2}, {2, 0, 4, 1, 3, 5});
  add({1024, 1024}, {1, 0}, true);
  add({32, 64, 28, 28}, {0, 2, 3, 1}, true);
  cases.push_back({.op = "transpose",
                   .name = "integers",
                   .in = {i32({5, 9})},
                   .attributes = {{"perm", Ints{1, 0}}},
                   .int_high = 100000,
                   .gradient = false});
  for (const DType dtype : {DType::i64, DType::f16, DType::boolean}) {
    cases.push_back(value_case("transpose", "other types", {counted(dtype, {3, 5, 7})},
                               {{"perm", Attributes::Ints{2, 0, 1}}}));
  }
  return cases;
}

}  // namespace pinnacle::test
