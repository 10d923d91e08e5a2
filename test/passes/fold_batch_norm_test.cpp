// fold_batch_norm: what becomes part of weights and bias, and what must not.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "passes/compare.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {
namespace {

struct Net {
  Graph graph;
  Builder b{graph};

  ValueId parameter(const std::string& name, Shape shape) {
    return add_value(graph, graph.fresh_name(name), std::move(shape), Role::parameter);
  }
  ValueId norm(ValueId x) {
    const Shape channels{b.shape(x)[1]};
    return b.apply("batch_norm",
                   {x, parameter("gamma", channels), parameter("beta", channels),
                    parameter("mean", channels), parameter("variance", channels)},
                   {{"epsilon", 1e-3}});
  }
  ValueId conv(ValueId x, std::int64_t filters, bool bias) {
    std::vector<ValueId> inputs = {x, parameter("w", {filters, b.shape(x)[1], 3, 3})};
    if (bias) inputs.push_back(parameter("b", {filters}));
    return b.apply("conv2d", inputs);
  }
};

// Nodes that a plan runs for each run: those that depend on an input.
int nodes_per_run(const Graph& graph) {
  int count = 0;
  for (const NodeView& node : node_views(graph)) count += node.once ? 0 : 1;
  return count;
}

}  // namespace

TEST_CASE("fold_batch_norm: batch_norm, scale and shift after a convolution") {
  for (const bool bias : {false, true}) {
    CAPTURE(bias);
    Net net;
    Builder& b = net.b;
    const ValueId x = add_value(net.graph, "x", {2, 3, 6, 5}, Role::input);
    ValueId y = b.apply("mul", {net.norm(net.conv(x, 4, bias)), net.parameter("s", {4, 1, 1})});
    y = b.apply("add", {net.parameter("t", {1, 4, 1, 1}), y});
    y = b.apply("div",
                {b.apply("sub", {y, b.constant(0.5F)}), net.parameter("variance", {4, 1, 1})});
    net.graph.outputs = {b.apply("sub", {net.parameter("u", {4, 1, 1}), y})};
    CHECK(checked(fold_batch_norm, net.graph) == 6);
    CHECK(nodes_per_run(net.graph) == 1);
    CHECK(count_op(net.graph, "conv2d") == 1);
  }
}

TEST_CASE(
    "fold_batch_norm: a shift alone is a bias; a shift or scale for all is not worth weights") {
  Net net;
  Builder& b = net.b;
  const ValueId x = add_value(net.graph, "x", {2, 3, 6, 5}, Role::input);
  net.graph.outputs = {b.apply("add", {net.conv(x, 4, false), net.parameter("t", {4, 1, 1})}),
                       b.apply("sub", {net.conv(x, 4, false), net.parameter("t", {4, 1, 1})}),
                       b.apply("mul", {net.conv(x, 4, true), b.constant(2.0F)})};
  CHECK(checked(fold_batch_norm, net.graph) == 2);
  CHECK(nodes_per_run(net.graph) == 4);
}

TEST_CASE("fold_batch_norm: products, with either order of the weight's axes") {
  for (const bool transposed : {false, true}) {
    CAPTURE(transposed);
    Net net;
    Builder& b = net.b;
    const ValueId x = add_value(net.graph, "x", {4, 3}, Role::input);
    const Shape shape = transposed ? Shape{5, 3} : Shape{3, 5};
    const ValueId product =
        b.apply("matmul", {x, net.parameter("w", shape), net.parameter("b", {5})},
                {{"transpose_b", std::int64_t{transposed}}});
    net.graph.outputs = {b.apply("mul", {net.norm(product), net.parameter("s", {5})})};
    CHECK(checked(fold_batch_norm, net.graph) == 2);
    CHECK(nodes_per_run(net.graph) == 1);
  }
}

TEST_CASE("fold_batch_norm: after a concat it is one pointwise node with scale, shift and relu") {
  Net net;
  Builder& b = net.b;
  const ValueId x = add_value(net.graph, "x", {2, 3, 6, 5}, Role::input);
  const ValueId both = b.apply("concat", {b.apply("tanh", {x}), x}, {{"axis", std::int64_t{1}}});
  ValueId y = b.apply("mul", {net.norm(both), net.parameter("s", {6, 1, 1})});
  y = b.apply("relu", {b.apply("add", {y, net.parameter("t", {6, 1, 1})})});
  net.graph.outputs = {net.conv(y, 4, false), b.apply("neg", {both})};
  CHECK(checked(fold_batch_norm, net.graph) == 3);
  checked(fuse, net.graph);
  CHECK(nodes_per_run(net.graph) == 5);  // tanh, concat, pointwise, conv2d, neg
}

TEST_CASE("fold_batch_norm: with statistics of the run it is one pointwise node with a relu") {
  for (const Shape& shape : {Shape{5, 3}, Shape{2, 3, 6, 5}}) {
    CAPTURE(shape.rank());
    Net net;
    Builder& b = net.b;
    const ValueId x = add_value(net.graph, "x", shape, Role::input);
    const std::vector<ValueId> own = b.apply_all(find_op("batch_norm_statistics"), {x});
    const ValueId gamma = net.parameter("gamma", {3});
    const ValueId beta = net.parameter("beta", {3});
    const ValueId y = b.apply("batch_norm", {x, gamma, beta, own[0], own[1]}, {{"epsilon", 1e-3}});
    net.graph.outputs = {b.apply("relu", {y})};
    CHECK(checked(fold_batch_norm, net.graph) == 1);
    checked(fuse, net.graph);
    CHECK(count_op(net.graph, "batch_norm") == 0);
    CHECK(count_op(net.graph, "relu") == 0);
    CHECK(count_op(net.graph, "pointwise") == 2);  // the factor, everything else
  }
}

TEST_CASE("fold_batch_norm: what changes, is read elsewhere, or is no number for each channel") {
  Net net;
  Graph& graph = net.graph;
  Builder& b = net.b;
  const ValueId x = add_value(graph, "x", {2, 3, 6, 5}, Role::input);
  const ValueId vector = add_value(graph, "vector", {4, 1, 1}, Role::input);
  const ValueId shared = net.conv(x, 4, false);
  const ValueId trained = net.parameter("trained", {4, 1, 1});
  graph.updates.push_back({trained, b.apply("neg", {trained})});
  graph.outputs = {b.apply("mul", {shared, net.parameter("s", {4, 1, 1})}),
                   shared,
                   b.apply("mul", {net.conv(x, 4, false), vector}),
                   b.apply("mul", {net.conv(x, 4, false), net.parameter("row", {3})}),
                   b.apply("div", {net.parameter("s", {4, 1, 1}), net.conv(x, 4, false)}),
                   b.apply("mul", {net.conv(x, 4, false), trained})};
  CHECK(checked(fold_batch_norm, graph) == 0);
}

}  // namespace pinnacle::test
