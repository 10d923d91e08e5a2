// The bench's nets against what is published of them: parameters, and multiplications of a sample.
// SPDX-License-Identifier: Apache-2.0
#include "bench/nets.hpp"

#include <pinnacle/error.hpp>
#include <pinnacle/model.hpp>

#include <doctest/doctest.h>

namespace pinnacle::bench {
namespace {

struct Published {
  const char* net;
  std::int64_t parameters;
  double gflop;  // twice the billions of multiplications
};

// The digit nets follow from their definitions; the others are torchvision's figures.
constexpr Published kPublished[] = {
    {"softmax", 7850, 2 * 7840e-9},    {"mlp", 118282, 2 * 118016e-9},
    {"lenet", 61706, 2 * 416520e-9},   {"mobilenet_v2", 3504872, 2 * 0.301},
    {"resnet18", 11689512, 2 * 1.814}, {"resnet50", 25557032, 2 * 4.089},
    {"vgg16", 138357544, 2 * 15.470}};

TEST_CASE("the nets are those that everybody measures") {
  for (const Published& published : kPublished) {
    CAPTURE(published.net);
    const Net net = find_net(published.net);
    const Model model(net.layer, {net.sample, DType::f32});
    CHECK(model.parameter_count() == published.parameters);
    CHECK(model.result() == Shape({net.classes}));
    const double gflop = 1e-9 * product_flop(model.inference_graph(1));
    CHECK(gflop == doctest::Approx(published.gflop).epsilon(2e-3));
  }
  CHECK(all_nets().size() == std::size(kPublished));
}

TEST_CASE("flop grow with the batch") {
  const Net net = find_net("lenet");
  const Model model(net.layer, {net.sample, DType::f32});
  CHECK(product_flop(model.inference_graph(7)) ==
        doctest::Approx(7 * product_flop(model.inference_graph(1))));
}

TEST_CASE("a misspelt net gets a suggestion, another word the list") {
  try {
    find_net("resnet5O");
    FAIL("there is no such net");
  } catch (const ArgumentError& error) {
    CHECK(error.hint() == "did you mean resnet50?");
  }
  try {
    find_net("xyzzy");
    FAIL("there is no such net");
  } catch (const ArgumentError& error) {
    CHECK(error.hint().find("lenet") != std::string::npos);
  }
}

}  // namespace
}  // namespace pinnacle::bench
