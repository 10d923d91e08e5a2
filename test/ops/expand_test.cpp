// Cases of expand.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> expand_cases() {
  using Ints = Attributes::Ints;
  std::vector<OpCase> cases;
  const auto add = [&](const Shape& x, Ints shape, bool perf = false) {
    cases.push_back({.op = "expand",
                     .name = fmt::format("{} to {}", x, Shape(shape)),
                     .in = {f32(x)},
                     .attributes = {{"shape", shape}},
                     .perf = perf});
  };
  add({}, {1});
  add({}, {67});
  add({1}, {3, 1, 5});
  add({4, 5}, {4, 5});
  add({17}, {5, 17});
  add({5, 1}, {5, 33});
  add({3, 1, 1}, {2, 3, 4, 5});
  add({2, 1, 3, 1, 2}, {2, 5, 3, 7, 2});
  add({1, 3, 1, 2, 1, 4}, {3, 3, 5, 2, 3, 4});
  add({1024}, {1024, 1024}, true);
  add({1024, 1}, {1024, 1024}, true);
  for (const DType dtype : {DType::i64, DType::f16, DType::boolean}) {
    cases.push_back(value_case("expand", "other types", {counted(dtype, {3, 1})},
                               {{"shape", Attributes::Ints{2, 3, 5}}}));
  }
  return cases;
}

}  // namespace pinnacle::test
