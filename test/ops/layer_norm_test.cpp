// Cases of layer_norm: long and short rows, one and several axes, without a bias, far from zero.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> layer_norm_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* name, Shape x, std::int64_t axis, bool bias = true,
                       double epsilon = 1e-5, bool perf = false) {
    std::vector<std::int64_t> normal;
    for (auto i = static_cast<std::size_t>(axis); i < x.rank(); ++i) normal.push_back(x[i]);
    const Shape scale(std::move(normal));
    std::vector<TensorType> in = {f32(std::move(x)), f32(scale)};
    if (bias) in.push_back(f32(scale));
    cases.push_back({.op = "layer_norm",
                     .name = name,
                     .in = std::move(in),
                     .attributes = {{"axis", axis}, {"epsilon", epsilon}},
                     .low = -2,
                     .high = 3,
                     .perf = perf});
    if (!bias) return;
    const TensorType& type = cases.back().in[0];
    cases.push_back(
        {.op = "layer_norm_backward",
         .name = name,
         .in = {type, type, f32(scale)},
         .attributes = {{"axis", axis}, {"epsilon", epsilon}},
         .low = -2,
         .high = 3,
         .tolerance = 5e-5,  // a row of one: nothing but roundings, times 1 / sqrt(epsilon)
         .gradient = false,
         .perf = perf});
  };
  add("one", {1, 1}, 1);
  add("pair", {3, 2}, 1, true, 0.1);
  add("15", {3, 15}, 1);
  add("16", {2, 16}, 1);
  add("17", {5, 17}, 1);
  add("prime", {7, 101}, 1);
  add("no bias", {5, 33}, 1, false);
  add("large epsilon", {4, 20}, 1, true, 0.5);
  add("two axes", {3, 5, 7}, 1);
  add("all axes", {4, 9}, 0);
  add("last of four", {2, 3, 4, 8}, 3);
  add("several groups", {90, 131}, 1);
  add("[1024, 768]", {1024, 768}, 1, true, 1e-5, true);
  add("[128, 64]", {128, 64}, 1, true, 1e-5, true);
  // A mean far from zero, which one pass over squares would not survive.
  Tensor far(Shape{3, 64});
  for (std::size_t i = 0; i < 3 * 64; ++i) {
    far.f32()[i] = 4096.0f + static_cast<float>(i % 13) * 0.25f;
  }
  Tensor ones(Shape{64});
  for (float& one : ones.f32()) one = 1;
  cases.push_back({.op = "layer_norm",
                   .name = "far from zero",
                   .in = {f32({3, 64}), f32({64}), f32({64})},
                   .attributes = {{"axis", std::int64_t{1}}},
                   .tolerance = 1e-3,
                   .gradient = false,
                   .values = {far, ones, ones}});
  return cases;
}

}  // namespace pinnacle::test
