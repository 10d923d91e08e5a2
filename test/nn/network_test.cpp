// Names, parameters, states, updates, and values applied to each other.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <pinnacle/error.hpp>
#include <pinnacle/functions.hpp>

#include <string>

namespace pinnacle {
namespace {

Value input(Network& network, Shape shape, DType dtype = DType::f32) {
  Graph& graph = network.graph();
  GraphValue value;
  value.name = graph.fresh_name("input");
  value.type = {std::move(shape), dtype};
  value.role = Role::input;
  const ValueId id = graph.add_value(std::move(value));
  graph.inputs.push_back(id);
  return {network, id};
}

}  // namespace

TEST_CASE("network: layer names count from 1 per stem") {
  Network network(false, 1);
  CHECK(network.layer_name("dense") == "dense_1");
  CHECK(network.layer_name("conv2d") == "conv2d_1");
  CHECK(network.layer_name("dense") == "dense_2");
}

TEST_CASE("network: parameters and states carry name, role and contents") {
  Network network(true, 1);
  const Value w = parameter(network, "own_1", "weight", {2, 3},
                            {.kind = Initializer::Kind::constant, .scale = 0.5});
  const Value s = state(network, "own_1", "count", Tensor::scalar(3));
  const GraphValue& weight = network.graph().value(w.id());
  CHECK(weight.name == "own_1.weight");
  CHECK(weight.role == Role::parameter);
  CHECK(weight.data->f32()[5] == 0.5f);
  CHECK(network.graph().value(s.id()).role == Role::state);
  CHECK_THROWS_WITH_AS(parameter(network, "own_1", "weight", {2}, {}),
                       doctest::Contains("already has a value of that name"), ArgumentError);
  CHECK_THROWS_AS(parameter(network, "own_1", "empty", {2, 0}, {}), ShapeError);
  CHECK_THROWS_AS(state(network, "own_1", "empty", Tensor(Shape{0})), ShapeError);
}

TEST_CASE("network: given weights replace drawn ones, and must fit") {
  const std::map<std::string, Tensor> weights{{"own_1.weight", Tensor({2}, {7, 8})}};
  Network network(false, 1, &weights);
  const Value w = parameter(network, "own_1", "weight", {2}, {});
  CHECK(network.graph().value(w.id()).data->f32()[1] == 8.0f);
  Network other(false, 1, &weights);
  CHECK_THROWS_WITH_AS(parameter(other, "own_1", "weight", {3}, {}),
                       doctest::Contains("f32[3] but the weights given hold f32[2]"), ShapeError);
}

TEST_CASE("network: steps is one state, however often it is asked for") {
  Network network(true, 1);
  const Value first = steps(network), second = steps(network);
  CHECK(first.id() == second.id());
  CHECK(first.shape() == Shape{});
  CHECK(network.graph().value(first.id()).name == "steps");
}

TEST_CASE("network: update takes persistent targets of the same type") {
  Network network(true, 1);
  const Value s = state(network, "own", "mean", Tensor(Shape{2}));
  const Value x = input(network, {2}), longer = input(network, {3});
  update(s, x);
  CHECK(network.graph().updates.size() == 1);
  CHECK_THROWS_AS(update(x, s), ArgumentError);
  CHECK_THROWS_WITH_AS(update(s, longer), doctest::Contains("own.mean"), ShapeError);
}

TEST_CASE("apply: refuses values of two networks, and none") {
  Network one(false, 1), two(false, 1);
  const Value a = input(one, {2}), b = input(two, {2});
  CHECK_THROWS_WITH_AS(a + b, doctest::Contains("different networks"), ArgumentError);
  CHECK_THROWS_AS(pinnacle::apply("add", std::vector<Value>{}), ArgumentError);
  CHECK_THROWS_AS(apply("no_such_op", {a}), UnsupportedError);
}

TEST_CASE("functions: arithmetic broadcasts, numbers become constants") {
  Network network(false, 1);
  const Value x = input(network, {4, 3}), row = input(network, {3});
  CHECK((x + row).shape() == Shape{4, 3});
  CHECK((x * 2.0f).shape() == Shape{4, 3});
  CHECK(maximum(x, row).shape() == Shape{4, 3});
  const Layer chain = relu | tanh | [](Value v) { return v / 2.0f; };
  CHECK(chain(x).shape() == Shape{4, 3});
  verify(network.graph());
}

TEST_CASE("functions: axes count from the back, and mistakes are named") {
  Network network(false, 1);
  const Value x = input(network, {4, 3, 5});
  CHECK(reduce_sum(x, {-1}).shape() == Shape{4, 3});
  CHECK(reduce_mean(x, {0, -1}, true).shape() == Shape{1, 3, 1});
  CHECK(reduce_max(x).shape() == Shape{});
  CHECK(reduce_min(x, {1}).shape() == Shape{4, 5});
  CHECK(softmax(x).shape() == x.shape());
  CHECK(log_softmax(x, 0).shape() == x.shape());
  CHECK_THROWS_WITH_AS(reduce_sum(x, {3}), "reduce_sum: axis 3 is out of range for [4, 3, 5]",
                       ShapeError);
  CHECK_THROWS_WITH_AS(reduce_sum(x, {0, -3}), doctest::Contains("given twice"), ShapeError);
  CHECK_THROWS_AS(softmax(x, -4), ShapeError);
}

TEST_CASE("functions: shapes are rearranged") {
  Network network(false, 1);
  const Value x = input(network, {4, 3, 5});
  CHECK(transpose(x).shape() == Shape{5, 3, 4});
  CHECK(transpose(x, {0, 2, 1}).shape() == Shape{4, 5, 3});
  CHECK_THROWS_AS(transpose(x, {0, 1}), ShapeError);
  CHECK_THROWS_AS(transpose(x, {0, 1, 1}), ShapeError);
  CHECK(reshape(x, {0, -1}).shape() == Shape{4, 15});
  CHECK(flatten(x).shape() == Shape{4, 15});
  CHECK(concat({x, x}, -1).shape() == Shape{4, 3, 10});
  CHECK_THROWS_AS(concat({}, 0), ArgumentError);
  CHECK(slice(x, {1, -2}, {3, 100}, {0, -1}).shape() == Shape{2, 3, 2});
  CHECK_THROWS_WITH_AS(slice(x, {3}, {3}, {0}), doctest::Contains("is empty"), ShapeError);
  CHECK_THROWS_AS(slice(x, {1, 2}, {3}, {0}), ShapeError);
  CHECK(pad(x, {1, 0, 0}, {0, 0, 2}).shape() == Shape{5, 3, 7});
  CHECK_THROWS_AS(pad(x, {1}, {0, 0, 2}), ShapeError);
  CHECK_THROWS_AS(pad(x, {-1, 0, 0}, {0, 0, 2}), ShapeError);
}

TEST_CASE("functions: losses give one number") {
  Network network(true, 1);
  const Value x = input(network, {4, 3}), one_hot = input(network, {4, 3});
  const Value labels = input(network, {4}, DType::i32);
  CHECK(softmax_cross_entropy(x, labels).shape() == Shape{});
  CHECK(softmax_cross_entropy(x, one_hot).shape() == Shape{});
  CHECK(accuracy(x, labels).shape() == Shape{});
  CHECK(mse(x, one_hot).shape() == Shape{});
  CHECK(binary_cross_entropy(x, one_hot).shape() == Shape{});
  CHECK_THROWS_WITH_AS(mse(x, input(network, {4})),
                       doctest::Contains("prediction is [4, 3] but target is [4]"), ShapeError);
  verify(network.graph());
}

}  // namespace pinnacle
