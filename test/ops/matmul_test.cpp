// Cases of matmul: all transposes, batches, shared b, bias, epilogue; edges of every tile.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> matmul_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](std::string name, Shape a, Shape b, Attributes attributes) {
    cases.push_back({.op = "matmul",
                     .name = std::move(name),
                     .in = {f32(std::move(a)), f32(std::move(b))},
                     .attributes = std::move(attributes)});
  };
  const std::int64_t t = 1;
  add("1x1x1", {1, 1}, {1, 1}, {});
  add("prime", {7, 13}, {13, 17}, {});
  add("row", {1, 33}, {33, 65}, {});
  add("column", {31, 40}, {40, 1}, {});
  add("tiles", {64, 32}, {32, 64}, {});
  add("beyond tiles", {65, 17}, {17, 67}, {});
  add("deep", {5, 600}, {600, 7}, {});
  add("ta", {13, 7}, {13, 17}, {{"transpose_a", t}});
  add("tb", {7, 13}, {17, 13}, {{"transpose_b", t}});
  add("ta tb", {13, 37}, {35, 13}, {{"transpose_a", t}, {"transpose_b", t}});
  add("batch", {3, 5, 7}, {3, 7, 9}, {});
  add("batch ta tb", {2, 7, 5}, {2, 9, 7}, {{"transpose_a", t}, {"transpose_b", t}});
  add("shared b", {3, 5, 7}, {7, 9}, {});
  cases.push_back({.op = "matmul", .name = "bias", .in = {f32({9, 21}), f32({21, 34}), f32({34})}});
  cases.push_back({.op = "matmul",
                   .name = "bias tanh",
                   .in = {f32({9, 300}), f32({300, 10}), f32({10})},
                   .attributes = {{"epilogue", "tanh(mul(x0, 0.1))"}},
                   .gradient = false});
  cases.push_back({.op = "matmul",
                   .name = "relu",
                   .in = {f32({13, 11}), f32({11, 47})},
                   .attributes = {{"epilogue", "relu(x0)"}},
                   .gradient = false});
  for (const std::int64_t n : {256, 512, 1024}) {
    cases.push_back({.op = "matmul",
                     .name = fmt::format("{0}x{0}x{0}", n),
                     .in = {f32({n, n}), f32({n, n})},
                     .perf = true});
  }
  cases.push_back({.op = "matmul",
                   .name = "128x128x784",
                   .in = {f32({128, 784}), f32({784, 128})},
                   .perf = true});
  cases.push_back({.op = "matmul",
                   .name = "128x10x128",
                   .in = {f32({128, 128}), f32({128, 10})},
                   .perf = true});
  cases.push_back({.op = "matmul",
                   .name = "784x128x128 ta",
                   .in = {f32({128, 784}), f32({128, 128})},
                   .attributes = {{"transpose_a", t}},
                   .perf = true});
  return cases;
}

}  // namespace pinnacle::test
