// Layers: parameter names and shapes, training against inference graphs, messages.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <pinnacle/error.hpp>
#include <pinnacle/layers.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "ops/host.hpp"

namespace pinnacle {
namespace {

struct Built {
  Network network;
  Shape shape;

  Built(const Layer& layer, Shape x, bool training = false) : network(training, 1) {
    Graph& graph = network.graph();
    GraphValue value;
    value.name = "x";
    value.type = {std::move(x), DType::f32};
    value.role = Role::input;
    const Value y = layer(Value(network, graph.add_value(std::move(value))));
    graph.outputs.push_back(y.id());
    shape = y.shape();
    verify(graph);
  }

  std::string type_of(const std::string& name) {
    const ValueId id = network.graph().find(name);
    return id == kNoValue ? "none" : to_string(network.graph().type(id));
  }
  const Node* node(const std::string& op) {
    const auto& nodes = network.graph().nodes;
    const auto it =
        std::find_if(nodes.begin(), nodes.end(), [&](const Node& node) { return node.op == op; });
    return it == nodes.end() ? nullptr : &*it;
  }
};

}  // namespace

TEST_CASE("dense: names, shapes, bias") {
  Built two(dense(7) | relu | dense(3, {.bias = false}), {4, 5});
  CHECK(two.shape == Shape{4, 3});
  CHECK(two.type_of("dense_1.weight") == "f32[5, 7]");
  CHECK(two.type_of("dense_1.bias") == "f32[7]");
  CHECK(two.type_of("dense_2.weight") == "f32[7, 3]");
  CHECK(two.type_of("dense_2.bias") == "none");
  CHECK(two.node("matmul")->name == "dense_1");
}

TEST_CASE("dense: an image in front asks for flatten") {
  CHECK_THROWS_WITH_AS(Built(dense(120), {1, 16, 5, 5}),
                       "dense \"dense_1\": x is [1, 16, 5, 5]; expected [N, K]; put flatten in "
                       "front: ... | flatten | dense(120)",
                       ShapeError);
  CHECK_THROWS_AS(dense(0), ArgumentError);
}

TEST_CASE("conv2d: names, shapes, groups") {
  Built net(conv2d({.filters = 6, .kernel = 5, .padding = 2}) |
                conv2d({.filters = 4, .kernel = {3, 1}, .stride = 2, .groups = 2}),
            {2, 1, 28, 28});
  CHECK(net.shape == Shape{2, 4, 13, 14});
  CHECK(net.type_of("conv2d_1.weight") == "f32[6, 1, 5, 5]");
  CHECK(net.type_of("conv2d_1.bias") == "f32[6]");
  CHECK(net.type_of("conv2d_2.weight") == "f32[4, 3, 3, 1]");
  CHECK(net.node("conv2d")->attributes.ints("pads") == Attributes::Ints{2, 2, 2, 2});
}

TEST_CASE("conv2d: options and inputs that do not fit") {
  CHECK_THROWS_WITH_AS(Built(conv2d({.filters = 4, .kernel = 3, .groups = 2}), {1, 3, 8, 8}),
                       doctest::Contains("conv2d \"conv2d_1\": 3 channels and 4 filters"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(Built(conv2d({.filters = 4, .kernel = 3}), {1, 784}),
                       doctest::Contains("expected [N, C, H, W]"), ShapeError);
  CHECK_THROWS_WITH_AS(conv2d({.filters = 0, .kernel = 3}),
                       "conv2d: filters is 0; it must be at least 1", ArgumentError);
  CHECK_THROWS_AS(conv2d({.filters = 1, .kernel = {3, 0}}), ArgumentError);
  CHECK_THROWS_AS(conv2d({.filters = 1, .kernel = 3, .stride = 0}), ArgumentError);
  CHECK_THROWS_AS(conv2d({.filters = 1, .kernel = 3, .padding = -1}), ArgumentError);
}

TEST_CASE("conv_transpose2d: names, shapes, values") {
  Built net(
      conv_transpose2d(
          {.filters = 6, .kernel = 3, .stride = 2, .padding = 1, .output_padding = 1, .groups = 2}),
      {2, 4, 7, 5});
  CHECK(net.shape == Shape{2, 6, 14, 10});
  CHECK(net.type_of("conv_transpose2d_1.weight") == "f32[4, 3, 3, 3]");
  CHECK(net.type_of("conv_transpose2d_1.bias") == "f32[6, 1, 1]");
  // Each input pixel spreads over its own 2 x 2 outputs, times the weights, plus the bias.
  Built spread(conv_transpose2d({.filters = 1, .kernel = 2, .stride = 2}), {1, 1, 2, 2});
  std::map<ValueId, Array> values;
  Graph& graph = spread.network.graph();
  const auto give = [&](const char* name, Shape shape, std::vector<double> numbers) {
    Array array(std::move(shape));
    array.data = std::move(numbers);
    values[graph.find(name)] = std::move(array);
  };
  give("x", {1, 1, 2, 2}, {1, 2, 3, 4});
  give("conv_transpose2d_1.weight", {1, 1, 2, 2}, {1, 10, 100, 1000});
  give("conv_transpose2d_1.bias", {1, 1, 1}, {0.5});
  run_on_host(graph, values);
  const Array& y = values.at(graph.outputs.front());
  REQUIRE(y.shape == Shape{1, 1, 4, 4});
  CHECK(y.data[0] == 1.5);
  CHECK(y.data[3] == 20.5);
  CHECK(y.data[4] == 100.5);
  CHECK(y.data[15] == 4000.5);
}

TEST_CASE("conv_transpose2d: options and inputs that do not fit") {
  CHECK_THROWS_WITH_AS(
      Built(conv_transpose2d({.filters = 4, .kernel = 3, .groups = 2}), {1, 3, 8, 8}),
      doctest::Contains("3 channels and 4 filters"), ShapeError);
  CHECK_THROWS_WITH_AS(
      Built(conv_transpose2d({.filters = 4, .kernel = 1, .padding = 2}), {1, 3, 2, 2}),
      doctest::Contains("nothing is left"), ShapeError);
  CHECK_THROWS_WITH_AS(conv_transpose2d({.filters = 1, .kernel = 3, .output_padding = 1}),
                       doctest::Contains("output_padding is 1"), ArgumentError);
  CHECK_THROWS_AS(conv_transpose2d({.filters = 1, .kernel = 0}), ArgumentError);
}

TEST_CASE("pooling: the stride is the kernel unless given") {
  CHECK(Built(max_pool2d({.kernel = 2}), {1, 3, 8, 6}).shape == Shape{1, 3, 4, 3});
  CHECK(Built(average_pool2d({.kernel = 3, .stride = 1}), {1, 3, 8, 6}).shape == Shape{1, 3, 6, 4});
  CHECK(Built(Layer(global_average_pool), {2, 3, 8, 6}).shape == Shape{2, 3});
  CHECK_THROWS_AS(Built(max_pool2d({.kernel = 2}), {1, 9}), ShapeError);
  CHECK_THROWS_AS(Built(Layer(global_average_pool), {1, 9}), ShapeError);
  CHECK_THROWS_AS(max_pool2d({.kernel = 0}), ArgumentError);
}

TEST_CASE("batch_norm: batch statistics in training, running ones in inference") {
  const Layer layer = batch_norm({.momentum = 0.75});
  Built inference(layer, {4, 3, 2, 2});
  CHECK(inference.node("batch_norm") != nullptr);
  CHECK(inference.network.graph().updates.empty());
  Built training(layer, {4, 3, 2, 2}, true);
  CHECK(training.shape == Shape{4, 3, 2, 2});
  CHECK(training.node("batch_norm_training") != nullptr);
  CHECK(training.network.graph().updates.size() == 2);
  for (Built* built : {&inference, &training}) {
    CHECK(built->type_of("batch_norm_1.gamma") == "f32[3]");
    CHECK(built->type_of("batch_norm_1.beta") == "f32[3]");
    CHECK(built->type_of("batch_norm_1.running_mean") == "f32[3]");
    CHECK(built->type_of("batch_norm_1.running_variance") == "f32[3]");
  }
  CHECK_THROWS_AS(Built(layer, {4}), ShapeError);
  CHECK_THROWS_AS(batch_norm({.momentum = 1.5}), ArgumentError);
  CHECK_THROWS_AS(batch_norm({.epsilon = 0}), ArgumentError);
}

TEST_CASE("layer_norm: parameters like the axes that it normalises") {
  Built last(layer_norm(), {4, 3, 7});
  CHECK(last.shape == Shape{4, 3, 7});
  CHECK(last.type_of("layer_norm_1.gamma") == "f32[7]");
  CHECK(last.type_of("layer_norm_1.beta") == "f32[7]");
  Built two(layer_norm({.axis = 1}), {4, 3, 7});
  CHECK(two.type_of("layer_norm_1.gamma") == "f32[3, 7]");
  CHECK_THROWS_AS(Built(layer_norm({.axis = 3}), {4, 3, 7}), ShapeError);
  CHECK_THROWS_AS(layer_norm({.epsilon = 0}), ArgumentError);
}

TEST_CASE("dropout: a node in training, the identity in inference") {
  const Layer layer = dropout(0.5) | dropout(0.5);
  Built inference(layer | relu, {4, 3});
  CHECK(inference.node("dropout") == nullptr);
  CHECK(inference.type_of("steps") == "none");
  Built training(layer, {4, 3}, true);
  CHECK(training.type_of("steps") == "f32[]");
  const auto& nodes = training.network.graph().nodes;
  REQUIRE(nodes.size() == 2);
  CHECK(nodes[0].attributes.integer("seed") != nodes[1].attributes.integer("seed"));
  CHECK_THROWS_AS(dropout(1), ArgumentError);
  CHECK_THROWS_AS(dropout(-0.1), ArgumentError);
}

}  // namespace pinnacle
