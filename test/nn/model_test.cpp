// Model: weights, graphs for any batch, the summary.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <pinnacle/error.hpp>
#include <pinnacle/model.hpp>

namespace pinnacle {
namespace {

Layer mlp() { return flatten | dense(128) | relu | dense(128) | relu | dense(10); }

Layer residual(int channels) {
  const Layer body = conv2d({.filters = channels, .kernel = 3, .padding = 1}) | batch_norm() | relu;
  return [=](Value x) { return relu(x + body(x)); };
}

}  // namespace

TEST_CASE("model: counts parameters and sums them up in the summary") {
  const Model model(mlp(), {{1, 28, 28}});
  CHECK(model.parameter_count() == 118282);
  CHECK(model.result() == Shape{10});
  const std::string summary = model.summary();
  CAPTURE(summary);
  CHECK(summary.find("118,282") != std::string::npos);
  CHECK(summary.find("100,480") != std::string::npos);
  CHECK(summary.find("[N, 128]") != std::string::npos);
  CHECK(summary.find("dense_3") != std::string::npos);
  CHECK(summary.find("flatten_1") != std::string::npos);
}

TEST_CASE("model: states are kept but not counted as parameters") {
  const Model model(residual(4) | dropout(0.5) | flatten | dense(2), {{4, 5, 5}});
  const std::int64_t conv = 4 * 4 * 9 + 4, norm = 2 * 4, last = 100 * 2 + 2;
  CHECK(model.parameter_count() == conv + norm + last);
  CHECK(model.weights().contains("batch_norm_1.running_mean"));
  CHECK(model.weights().contains("steps"));
  const std::string summary = model.summary();
  CAPTURE(summary);
  CHECK(summary.find("dropout_1") != std::string::npos);
  CHECK(summary.find("running") == std::string::npos);
}

TEST_CASE("model: graphs of every batch size share names and weights") {
  Model model(mlp(), {{1, 28, 28}}, 3);
  model.weights().at("dense_3.bias").f32()[0] = 42;
  const Graph one = model.inference_graph(1), many = model.inference_graph(64);
  verify(many);
  CHECK(many.value(many.inputs[0]).name == "x");
  CHECK(many.type(many.inputs[0]).shape == Shape{64, 1, 28, 28});
  CHECK(many.value(many.outputs[0]).name == "y");
  CHECK(many.type(many.outputs[0]).shape == Shape{64, 10});
  for (const auto& [name, weight] : model.weights()) {
    REQUIRE(one.find(name) != kNoValue);
    CHECK(*one.value(one.find(name)).data == weight);
    CHECK(*many.value(many.find(name)).data == weight);
  }
  CHECK_THROWS_AS(model.inference_graph(0), ShapeError);
}

TEST_CASE("model: the seed decides the weights") {
  const TensorType sample{{1, 28, 28}};
  CHECK(Model(mlp(), sample, 1).weights() == Model(mlp(), sample, 1).weights());
  CHECK_FALSE(Model(mlp(), sample, 1).weights() == Model(mlp(), sample, 2).weights());
}

TEST_CASE("model: layers that do not fit the sample or the batch") {
  CHECK_THROWS_WITH_AS(Model(dense(3), {{1, 28, 28}}), doctest::Contains("flatten"), ShapeError);
  CHECK_THROWS_AS(Model(dense(3), {Shape{0}}), ShapeError);
  CHECK_THROWS_AS(Model(dropout(0.5), {Shape{3}}), ArgumentError);
  CHECK_THROWS_WITH_AS(Model(Layer([](Value x) { return reduce_mean(x); }), {Shape{3}}),
                       doctest::Contains("first axis must be the batch"), ShapeError);
}

TEST_CASE("set_weights: by name, checked") {
  const Model model(dense(3), {Shape{2}});
  Graph graph = model.inference_graph(1);
  set_weights(graph, {{"dense_1.bias", Tensor({3}, {1, 2, 3})}, {"elsewhere", Tensor({1}, {0})}});
  CHECK(graph.value(graph.find("dense_1.bias")).data->f32()[2] == 3.0f);
  CHECK_THROWS_WITH_AS(set_weights(graph, {{"dense_1.bias", Tensor({2}, {1, 2})}}),
                       doctest::Contains("dense_1.bias: is f32[3]"), ShapeError);
}

}  // namespace pinnacle
