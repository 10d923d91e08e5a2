// SPDX-License-Identifier: Apache-2.0
#include "nn/initializers.hpp"

#include <algorithm>
#include <cmath>

#include "base/random.hpp"
#include "base/text.hpp"

namespace pinnacle {
namespace {

struct Fans {
  double in;
  double out;
};

// Dense weights are [K, units], convolution weights [F, C / groups, kh, kw].
Fans fans(const Shape& shape) {
  if (shape.rank() == 0) return {1, 1};
  if (shape.rank() == 1) return {static_cast<double>(shape[0]), static_cast<double>(shape[0])};
  if (shape.rank() == 2) return {static_cast<double>(shape[0]), static_cast<double>(shape[1])};
  const auto window = static_cast<double>(shape.elements(2, shape.rank()));
  return {static_cast<double>(shape[1]) * window, static_cast<double>(shape[0]) * window};
}

void check_scale(const Initializer& initializer, const std::string& name) {
  const bool needed = initializer.kind == Initializer::Kind::normal ||
                      initializer.kind == Initializer::Kind::uniform;
  if (!std::isfinite(initializer.scale) || (needed && initializer.scale <= 0)) {
    throw ArgumentError(fmt::format("the initializer's scale is {}", initializer.scale), name,
                        "normal and uniform need a positive scale, as in {.kind = "
                        "Initializer::Kind::normal, .scale = 0.05}");
  }
}

}  // namespace

Tensor initial_tensor(const Initializer& initializer, const Shape& shape, std::uint64_t seed,
                      const std::string& name) {
  using Kind = Initializer::Kind;
  check_scale(initializer, name);
  Tensor tensor(shape);
  const std::span<float> data = tensor.f32();
  Random random(seed, hash64(name));
  const auto uniform = [&](double limit) {
    for (float& x : data) x = static_cast<float>((2 * random.uniform() - 1) * limit);
  };
  const auto normal = [&](double deviation) {
    for (float& x : data) x = static_cast<float>(random.normal() * deviation);
  };
  const Fans fan = fans(shape);
  switch (initializer.kind) {
    case Kind::zeros:
      break;
    case Kind::ones:
      std::fill(data.begin(), data.end(), 1.0f);
      break;
    case Kind::constant:
      std::fill(data.begin(), data.end(), static_cast<float>(initializer.scale));
      break;
    case Kind::normal:
      normal(initializer.scale);
      break;
    case Kind::uniform:
      uniform(initializer.scale);
      break;
    case Kind::glorot_uniform:
      uniform(std::sqrt(6 / (fan.in + fan.out)));
      break;
    case Kind::glorot_normal:
      normal(std::sqrt(2 / (fan.in + fan.out)));
      break;
    case Kind::he_uniform:
      uniform(std::sqrt(6 / fan.in));
      break;
    case Kind::he_normal:
      normal(std::sqrt(2 / fan.in));
      break;
  }
  return tensor;
}

}  // namespace pinnacle
