// Cases of the pointwise ops: every row of the table, broadcasting, and fused chains.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> pointwise_cases() {
  std::vector<OpCase> cases;
  for (const char* op : {"abs", "elu", "exp", "gelu", "hard_sigmoid", "hard_swish", "leaky_relu",
                         "neg", "relu", "sigmoid", "silu", "softplus", "square", "tanh"}) {
    cases.push_back({.op = op, .name = "one", .in = {f32({1})}});
    cases.push_back({.op = op, .name = "prime", .in = {f32({7, 19})}, .low = -4, .high = 4});
  }
  for (const char* op : {"log", "sqrt", "reciprocal"}) {
    cases.push_back({.op = op, .name = "one", .in = {f32({1})}, .low = 0.2, .high = 3});
    cases.push_back({.op = op, .name = "33", .in = {f32({33})}, .low = 0.2, .high = 3});
  }
  cases.push_back(
      {.op = "leaky_relu", .name = "alpha", .in = {f32({17})}, .attributes = {{"alpha", 0.3}}});
  cases.push_back({.op = "hard_sigmoid",
                   .name = "sixth",
                   .in = {f32({17})},
                   .attributes = {{"alpha", 1.0 / 6}, {"beta", 0.5}},
                   .low = -5,
                   .high = 5});
  for (const char* op : {"asinh", "atan",  "ceil",     "celu",   "clip",
                         "cos",   "cosh",  "erf",      "floor",  "gelu_tanh",
                         "mish",  "round", "selu",     "shrink", "sign",
                         "sin",   "sinh",  "softsign", "swish",  "thresholded_relu"}) {
    cases.push_back({.op = op, .name = "prime", .in = {f32({7, 19})}, .low = -4, .high = 4});
  }
  for (const char* op : {"acos", "asin", "atanh", "tan"}) {
    cases.push_back({.op = op, .name = "prime", .in = {f32({7, 5})}, .low = -0.9, .high = 0.9});
  }
  cases.push_back({.op = "acosh", .name = "prime", .in = {f32({7, 5})}, .low = 1.1, .high = 9});
  cases.push_back({.op = "sin", .name = "far", .in = {f32({35})}, .low = -1e5, .high = 1e5});
  cases.back().gradient = false;
  cases.push_back({.op = "clip",
                   .name = "both",
                   .in = {f32({5, 17})},
                   .attributes = {{"min", -0.5}, {"max", 0.25}}});
  cases.push_back(
      {.op = "clip", .name = "below", .in = {f32({33})}, .attributes = {{"min", -0.3}}});
  cases.push_back({.op = "shrink",
                   .name = "negative",
                   .in = {f32({33})},
                   .attributes = {{"lambd", -0.25}, {"bias", 0.5}}});
  cases.push_back(
      {.op = "swish", .name = "1.702", .in = {f32({35})}, .attributes = {{"alpha", 1.702}}});
  cases.push_back(
      {.op = "pow", .name = "row", .in = {f32({3, 35}), f32({35})}, .low = 0.3, .high = 3});
  cases.push_back({.op = "prelu", .name = "channels", .in = {f32({2, 3, 4, 5}), f32({3, 1, 1})}});
  for (const char* op : {"add", "sub", "mul", "div", "max", "min"}) {
    cases.push_back(
        {.op = op, .name = "alike", .in = {f32({5, 16}), f32({5, 16})}, .low = 0.5, .high = 2});
    cases.push_back(
        {.op = op, .name = "row", .in = {f32({5, 17}), f32({17})}, .low = 0.5, .high = 2});
    cases.push_back(
        {.op = op, .name = "column", .in = {f32({3, 31}), f32({3, 1})}, .low = 0.5, .high = 2});
    cases.push_back(
        {.op = op, .name = "scalar", .in = {f32({}), f32({33})}, .low = 0.5, .high = 2});
  }
  cases.push_back({.op = "add", .name = "channel", .in = {f32({2, 3, 4, 5}), f32({3, 1, 1})}});
  cases.push_back({.op = "mul", .name = "outer", .in = {f32({4, 1, 3}), f32({1, 5, 1})}});
  cases.push_back(
      {.op = "sub", .name = "holes", .in = {f32({2, 1, 3, 1, 4}), f32({1, 5, 3, 2, 1})}});
  cases.push_back(
      {.op = "add", .name = "1 M", .in = {f32({1 << 20}), f32({1 << 20})}, .perf = true});
  cases.push_back({.op = "tanh", .name = "1 M", .in = {f32({1 << 20})}, .perf = true});
  cases.push_back({.op = "hard_swish", .name = "1 M", .in = {f32({1 << 20})}, .perf = true});
  cases.push_back({.op = "gelu", .name = "1 M", .in = {f32({1 << 20})}, .perf = true});
  cases.push_back({.op = "relu", .name = "1 M", .in = {f32({1 << 20})}, .perf = true});
  // One vector beside channels in blocks: of 4, 8 and 16.
  for (const std::int64_t block : {4, 8, 16}) {
    const Shape x{2, 3, 5, 7, block};
    cases.push_back({.op = "pointwise",
                     .name = fmt::format("vectors of {}", block),
                     .in = {f32(x), f32({3, 1, 1, block}), f32(x), f32({1}), f32({5, 1, block})},
                     .attributes = {{"expression", "add(mul(x0, x1), sub(mul(x2, x3), x4))"}},
                     .gradient = false});
    cases.push_back({.op = "mul",
                     .name = fmt::format("one vector of {}", block),
                     .in = {f32({6, 700, block}), f32({block})}});
  }
  cases.push_back({.op = "pointwise",
                   .name = "infinities",
                   .in = {f32({35})},
                   .attributes = {{"expression", "max(min(x0, inf), add(-inf, x0))"}},
                   .gradient = false});
  cases.push_back({.op = "pointwise",
                   .name = "chain",
                   .in = {f32({6, 35}), f32({35}), f32({6, 1})},
                   .attributes = {{"expression", "tanh(mul(add(x0, x1), max(x2, 0.25)))"}},
                   .gradient = false});
  cases.push_back(
      {.op = "pointwise",
       .name = "derivatives",
       .in = {f32({67}), f32({67})},
       .attributes = {{"expression",
                       "mul(x0, add(gelu.da(x1), mul(sigmoid.dy(x1), div.db(x0, 2.5))))"}},
       .gradient = false});
  return cases;
}

}  // namespace pinnacle::test
