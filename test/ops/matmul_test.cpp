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
  add("four rows", {4, 70}, {70, 131}, {});
  add("rows tb", {3, 37}, {41, 37}, {{"transpose_b", t}});
  add("row ta tb", {50, 1}, {19, 50}, {{"transpose_a", t}, {"transpose_b", t}});
  add("column ta", {40, 31}, {40, 1}, {{"transpose_a", t}});
  add("column tb", {31, 33}, {1, 33}, {{"transpose_b", t}});
  add("column batch", {2, 9, 20}, {2, 20, 1}, {});
  add("row batch", {3, 1, 20}, {3, 20, 18}, {});
  add("outer", {19, 1}, {1, 37}, {});
  add("outer ta tb", {1, 19}, {37, 1}, {{"transpose_a", t}, {"transpose_b", t}});
  add("long ta", {1100, 14}, {1100, 6}, {{"transpose_a", t}});
  add("long tb", {6, 1030}, {35, 1030}, {{"transpose_b", t}});
  add("long batch", {2, 6, 200}, {2, 200, 9}, {});
  add("shared b ta", {2, 33, 14}, {33, 20}, {{"transpose_a", t}});
  cases.back().gradient = false;  // it has none, and says so
  add("page rows", {13, 1024}, {1024, 70}, {});
  add("page rows ta", {20, 1024}, {20, 66}, {{"transpose_a", t}});
  add("edges", {25, 49}, {49, 95}, {});
  cases.push_back({.op = "matmul",
                   .name = "column bias tanh",
                   .in = {f32({9, 30}), f32({30, 1}), f32({1})},
                   .attributes = {{"epilogue", "tanh(mul(x0, 0.1))"}},
                   .gradient = false});
  cases.push_back({.op = "matmul",
                   .name = "row tb bias",
                   .in = {f32({1, 30}), f32({21, 30}), f32({21})},
                   .attributes = {{"transpose_b", t}}});
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
  const auto with_residual = [&](std::string name, Shape a, Shape b, Shape c, bool bias,
                                 Attributes attributes = {}) {
    attributes.set("epilogue", "mul(relu(x0), x1)");
    OpCase residual{.op = "matmul",
                    .name = "residual " + std::move(name),
                    .in = {f32(std::move(a)), f32(std::move(b))},
                    .attributes = std::move(attributes),
                    .gradient = false};
    if (bias) {
      residual.in.push_back(f32({c.back()}));
    } else {
      residual.absent = {2};
    }
    residual.in.push_back(f32(std::move(c)));
    cases.push_back(std::move(residual));
  };
  with_residual("tiles", {65, 17}, {17, 67}, {65, 67}, true);
  with_residual("whole tiles", {24, 40}, {40, 64}, {24, 64}, false);
  with_residual("row", {1, 33}, {33, 37}, {1, 37}, true);
  with_residual("rows tb", {3, 37}, {41, 37}, {3, 41}, true, {{"transpose_b", t}});
  with_residual("column", {31, 40}, {40, 1}, {31, 1}, true);
  with_residual("batch", {3, 5, 7}, {3, 7, 9}, {3, 5, 9}, false);
  with_residual("deep", {5, 600}, {600, 7}, {5, 7}, true);
  for (const std::int64_t n : {256, 512, 1024}) {
    cases.push_back({.op = "matmul",
                     .name = fmt::format("{0}x{0}x{0}", n),
                     .in = {f32({n, n}), f32({n, n})},
                     .perf = true});
  }
  const auto perf = [&](std::int64_t m, std::int64_t n, std::int64_t k, bool ta, bool tb) {
    cases.push_back(
        {.op = "matmul",
         .name = fmt::format("{}x{}x{}{}{}", m, n, k, ta ? " ta" : "", tb ? " tb" : ""),
         .in = {f32(ta ? Shape{k, m} : Shape{m, k}), f32(tb ? Shape{n, k} : Shape{k, n})},
         .attributes = {{"transpose_a", std::int64_t{ta}}, {"transpose_b", std::int64_t{tb}}},
         .perf = true});
  };
  perf(1, 1000, 2048, false, false);
  perf(1, 1000, 2048, false, true);
  perf(16, 1000, 2048, false, false);
  perf(64, 1000, 2048, false, false);
  perf(3136, 64, 576, false, false);
  perf(196, 256, 2304, false, false);
  perf(49, 512, 4608, false, false);
  perf(128, 128, 784, false, false);
  perf(128, 784, 128, false, true);
  perf(784, 128, 128, true, false);
  perf(576, 64, 3136, true, false);
  perf(128, 10, 128, false, false);
  perf(32, 32, 32, false, false);
  perf(32, 32, 8192, true, false);
  return cases;
}

}  // namespace pinnacle::test
