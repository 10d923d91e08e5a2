// Initial contents: spread, repeatability, and numbers that every platform must give.
// SPDX-License-Identifier: Apache-2.0
#include "nn/initializers.hpp"

#include <doctest/doctest.h>
#include <pinnacle/error.hpp>

#include <algorithm>
#include <cmath>

#include "base/random.hpp"

namespace pinnacle {
namespace {

using Kind = Initializer::Kind;

struct Moments {
  double mean = 0, deviation = 0, largest = 0;
};

Moments moments(const Tensor& tensor) {
  Moments m;
  for (const float x : tensor.f32()) m.mean += x;
  m.mean /= static_cast<double>(tensor.elements());
  for (const float x : tensor.f32()) {
    m.deviation += (x - m.mean) * (x - m.mean);
    m.largest = std::max(m.largest, std::fabs(static_cast<double>(x)));
  }
  m.deviation = std::sqrt(m.deviation / static_cast<double>(tensor.elements()));
  return m;
}

}  // namespace

TEST_CASE("initializers: spread follows the fans of dense and convolution weights") {
  struct Case {
    Kind kind;
    Shape shape;
    double deviation;
    double limit;  // 0: none
  };
  const double conv_in = 8 * 9, conv_out = 64 * 9;
  const Case cases[] = {
      {Kind::glorot_uniform, {200, 100}, std::sqrt(2.0 / 300), std::sqrt(6.0 / 300)},
      {Kind::glorot_normal, {200, 100}, std::sqrt(2.0 / 300), 0},
      {Kind::he_uniform, {200, 100}, std::sqrt(2.0 / 200), std::sqrt(6.0 / 200)},
      {Kind::he_normal, {64, 8, 3, 3}, std::sqrt(2.0 / conv_in), 0},
      {Kind::glorot_uniform,
       {64, 8, 3, 3},
       std::sqrt(2.0 / (conv_in + conv_out)),
       std::sqrt(6.0 / (conv_in + conv_out))},
      {Kind::normal, {200, 100}, 0.3, 0},
      {Kind::uniform, {200, 100}, 0.3 / std::sqrt(3.0), 0.3},
  };
  for (const Case& c : cases) {
    CAPTURE(static_cast<int>(c.kind));
    const Moments m = moments(initial_tensor({c.kind, 0.3}, c.shape, 1, "dense_1.weight"));
    CHECK(m.deviation == doctest::Approx(c.deviation).epsilon(0.04));
    CHECK(std::fabs(m.mean) < 0.05 * c.deviation);
    if (c.limit > 0) CHECK(m.largest <= c.limit);
    if (c.limit > 0) CHECK(m.largest > 0.97 * c.limit);
  }
}

TEST_CASE("initializers: constants") {
  CHECK(initial_tensor({Kind::zeros}, {3}, 1, "b").f32()[2] == 0.0f);
  CHECK(initial_tensor({Kind::ones}, {3}, 1, "b").f32()[2] == 1.0f);
  CHECK(initial_tensor({Kind::constant, -2}, {3}, 1, "b").f32()[2] == -2.0f);
}

TEST_CASE("initializers: seed and name decide, nothing else") {
  const Tensor a = initial_tensor({}, {5, 4}, 1, "dense_1.weight");
  CHECK(a == initial_tensor({}, {5, 4}, 1, "dense_1.weight"));
  CHECK_FALSE(a == initial_tensor({}, {5, 4}, 2, "dense_1.weight"));
  CHECK_FALSE(a == initial_tensor({}, {5, 4}, 1, "dense_2.weight"));
}

TEST_CASE("initializers: a scale that makes no sense is refused") {
  CHECK_THROWS_WITH_AS(initial_tensor({Kind::normal}, {3}, 1, "own.weight"),
                       doctest::Contains("own.weight: the initializer's scale is 0"),
                       ArgumentError);
  CHECK_THROWS_AS(initial_tensor({Kind::uniform, -1}, {3}, 1, "w"), ArgumentError);
  CHECK_THROWS_AS(initial_tensor({Kind::constant, NAN}, {3}, 1, "w"), ArgumentError);
}

TEST_CASE("random: uniform, normal and bounded numbers") {
  Random random(7);
  double sum = 0, squares = 0;
  bool seen[10] = {};
  for (int i = 0; i < 10000; ++i) {
    const double u = random.uniform(), n = random.normal();
    REQUIRE(u >= 0);
    REQUIRE(u < 1);
    sum += n;
    squares += n * n;
    seen[random.below(10)] = true;
  }
  CHECK(std::fabs(sum / 10000) < 0.04);
  CHECK(squares / 10000 == doctest::Approx(1).epsilon(0.05));
  CHECK(std::all_of(std::begin(seen), std::end(seen), [](bool s) { return s; }));
  CHECK(Random(7, 1).next() != Random(7, 2).next());
  CHECK(Random(7, 1).next() != Random(1, 7).next());
}

}  // namespace pinnacle
