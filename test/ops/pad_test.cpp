// Cases of pad.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> pad_cases() {
  using Ints = Attributes::Ints;
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, const Shape& x, Ints pads, double value,
                       bool perf = false) {
    cases.push_back({.op = "pad",
                     .name = name,
                     .in = {f32(x)},
                     .attributes = {{"pads", pads}, {"value", value}},
                     .perf = perf});
  };
  add("nothing", {3, 5}, {0, 0, 0, 0}, 0);
  add("one element", {1}, {2, 1}, -1.5);
  add("vector", {31}, {1, 5}, 2);
  add("after only", {5, 16}, {0, 0, 0, 1}, 0);
  add("rows", {5, 17}, {2, 0, 1, 0}, 1);
  add("border", {2, 3, 4, 5}, {0, 0, 1, 2, 0, 0, 3, 1}, 0.5);
  add("channels", {2, 3, 4, 4}, {0, 1, 0, 0, 0, 2, 0, 0}, 0);
  add("all axes", {2, 1, 2, 3, 2, 3}, {1, 0, 1, 0, 1, 2, 0, 2, 0, 1, 1, 1}, 7);
  add("images", {32, 32, 28, 28}, {0, 0, 1, 1, 0, 0, 1, 1}, 0, true);
  cases.push_back({.op = "pad",
                   .name = "integers",
                   .in = {i32({3, 7})},
                   .attributes = {{"pads", Ints{1, 2, 0, 1}}, {"value", -9.0}},
                   .int_high = 1000,
                   .gradient = false});
  for (const DType dtype : {DType::i64, DType::f16, DType::i8}) {
    cases.push_back(value_case("pad", "other types", {counted(dtype, {3, 5})},
                               {{"pads", Ints{1, 2, 0, 1}}, {"value", -9.0}}));
  }
  return cases;
}

}  // namespace pinnacle::test
