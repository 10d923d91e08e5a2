// Cases of the optimizers' updates.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> optimizer_cases() {
  std::vector<OpCase> cases;
  const Attributes plain{{"learning_rate", 0.1}};
  const Attributes decay{{"learning_rate", 0.5}, {"decay", 0.2}, {"weight_decay", 0.05}};
  const auto momentum = [](bool nesterov) {
    return Attributes{{"learning_rate", 0.1},
                      {"momentum", 0.9},
                      {"nesterov", std::int64_t{nesterov}},
                      {"decay", 0.01},
                      {"weight_decay", 0.001}};
  };
  const auto sgd = [&](const char* name, std::int64_t n, const Attributes& attributes,
                       bool perf = false) {
    const bool velocity = attributes.has("momentum");
    // Without a velocity there is no input 2: a graph leaves it out, a case cannot. Cases without
    // momentum keep it, with a momentum of 0.
    Attributes all = attributes;
    if (!velocity) all.set("momentum", 0.0);
    cases.push_back({.op = "sgd_update",
                     .name = name,
                     .in = {f32({n}), f32({n}), f32({n}), f32({})},
                     .attributes = all,
                     .low = 0,
                     .high = 2,
                     .gradient = false,
                     .perf = perf});
  };
  for (const std::int64_t n : {1, 17, 64, 127}) {
    sgd(fmt::format("plain {}", n).c_str(), n, plain);
    sgd(fmt::format("decay {}", n).c_str(), n, decay);
    sgd(fmt::format("momentum {}", n).c_str(), n, momentum(false));
    sgd(fmt::format("nesterov {}", n).c_str(), n, momentum(true));
  }
  sgd("1 M", 1 << 20, plain, true);
  const auto adam = [&](std::string name, std::int64_t n, float steps, double weight_decay,
                        bool perf = false, double decay = 0) {
    Tensor gradient(Shape{n});
    Tensor moment(Shape{n});
    Tensor square(Shape{n});
    for (std::int64_t i = 0; i < n; ++i) {
      const auto e = static_cast<std::size_t>(i);
      gradient.f32()[e] = static_cast<float>(i % 23) * 0.1f - 1.1f;
      moment.f32()[e] = static_cast<float>(i % 17) * 0.05f - 0.4f;
      square.f32()[e] = static_cast<float>(i % 13) * 0.01f;
    }
    const Tensor parameter = gradient;
    cases.push_back({.op = "adam_update",
                     .name = std::move(name),
                     .in = {f32({n}), f32({n}), f32({n}), f32({n}), f32({})},
                     .attributes = {{"learning_rate", 0.001},
                                    {"beta1", 0.9},
                                    {"beta2", 0.999},
                                    {"epsilon", 1e-7},
                                    {"decay", decay},
                                    {"weight_decay", weight_decay}},
                     .gradient = false,
                     .perf = perf,
                     .values = {parameter, gradient, moment, square, Tensor::scalar(steps)}});
  };
  adam("one", 1, 0, 0);
  adam("first step", 65, 0, 0);
  adam("63", 63, 4, 0.01);
  adam("late", 101, 100000, 0);
  adam("decay", 37, 500, 0.01, false, 1e-3);
  adam("1 M", 1 << 20, 10, 0, true);
  // Several parameters of one node.
  const Shape sizes[] = {{3, 5}, {1}, {64}, {2, 3, 7}, {4000}};
  OpCase several{.op = "sgd_update", .name = "five parameters", .in = {}};
  several.attributes = momentum(true);
  several.low = 0, several.high = 2, several.gradient = false;
  for (const Shape& size : sizes) several.in.insert(several.in.end(), 3, f32(size));
  several.in.push_back(f32({}));
  cases.push_back(several);
  several.op = "adam_update";
  several.in.clear();
  several.attributes = {{"learning_rate", 0.001}, {"weight_decay", 0.01}};
  for (const Shape& size : sizes) several.in.insert(several.in.end(), 4, f32(size));
  several.in.push_back(f32({}));
  cases.push_back(several);
  return cases;
}

}  // namespace pinnacle::test
