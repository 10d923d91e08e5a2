// fuse: what is joined, what must not be, and that the values stay the same.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "passes/compare.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {
namespace {

// Fuses, checks that the results are the same, and returns how many nodes are left.
std::size_t fused_size(Graph& graph) {
  checked(fuse, graph, 1e-12);
  return graph.nodes.size();
}

}  // namespace

TEST_CASE("fuse: a product's second operand becomes its residual, with or without a bias") {
  for (const bool with_bias : {false, true}) {
    CAPTURE(with_bias);
    Graph graph;
    Builder b(graph);
    const ValueId x = add_value(graph, "x", {4, 5}, Role::input);
    const ValueId other = add_value(graph, "other", {4, 3}, Role::input);
    const ValueId w = add_value(graph, "w", {5, 3}, Role::parameter);
    ValueId y = b.apply("matmul", {x, w});
    if (with_bias) y = b.apply("add", {y, add_value(graph, "b", {3}, Role::parameter)});
    graph.outputs = {b.apply("relu", {b.apply("sub", {other, y})})};
    CHECK(fused_size(graph) == 1);
    REQUIRE(graph.nodes[0].inputs.size() == 4);
    CHECK((graph.nodes[0].inputs[2] == kNoValue) == !with_bias);
    CHECK(graph.nodes[0].inputs[3] == other);
    CHECK(graph.nodes[0].attributes.text("epilogue") == "relu(sub(x1, x0))");
  }
}

TEST_CASE("fuse: a convolution takes residual and activation, on rows as well") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 4, 3, 3}, Role::input);
  const ValueId w = add_value(graph, "w", {4, 2, 1, 1}, Role::parameter);
  const ValueId y = b.apply("conv2d", {x, w}, {{"group", 2}});
  graph.outputs = {b.apply("relu", {b.apply("add", {x, y})})};
  CHECK(fused_size(graph) == 1);
  REQUIRE(graph.nodes[0].inputs.size() == 4);
  CHECK(graph.nodes[0].inputs[2] == kNoValue);
  CHECK(graph.nodes[0].inputs[3] == x);
  CHECK(graph.nodes[0].attributes.text("epilogue") == "relu(add(x1, x0))");
}

TEST_CASE("fuse: dense layer and activation become one matmul") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {4, 5}, Role::input);
  const ValueId w = add_value(graph, "w", {5, 3}, Role::parameter);
  const ValueId bias = add_value(graph, "b", {3}, Role::parameter);
  graph.outputs = {b.apply("tanh", {b.apply("add", {b.apply("matmul", {x, w}), bias})})};
  CHECK(fused_size(graph) == 1);
  CHECK(graph.nodes[0].op == "matmul");
  CHECK(graph.nodes[0].inputs.size() == 3);
  CHECK(graph.nodes[0].attributes.text("epilogue") == "tanh(x0)");
}

TEST_CASE("fuse: bias in front of the product, as add(bias, product)") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {4, 5}, Role::input);
  const ValueId w = add_value(graph, "w", {5, 3}, Role::parameter);
  const ValueId bias = add_value(graph, "b", {3}, Role::parameter);
  graph.outputs = {b.apply("add", {bias, b.apply("matmul", {x, w})})};
  CHECK(fused_size(graph) == 1);
}

TEST_CASE("fuse: a bias with leading axes of extent 1") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 4, 5}, Role::input);
  const ValueId w = add_value(graph, "w", {5, 3}, Role::parameter);
  const ValueId bias = add_value(graph, "b", {1, 1, 3}, Role::parameter);
  graph.outputs = {b.apply("relu", {b.apply("add", {bias, b.apply("matmul", {x, w})})})};
  CHECK(fused_size(graph) == 2);  // and the bias as [3], which takes no kernel
  CHECK(graph.nodes.back().inputs.size() == 3);
}

TEST_CASE("fuse: a product that something else reads keeps its own result") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {4, 5}, Role::input);
  const ValueId w = add_value(graph, "w", {5, 3}, Role::parameter);
  const ValueId product = b.apply("matmul", {x, w});
  graph.outputs = {b.apply("relu", {product}), product};
  CHECK(fused_size(graph) == 2);
}

TEST_CASE("fuse: an operand that is not a bias stays outside") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {3, 5}, Role::input);
  const ValueId w = add_value(graph, "w", {5, 3}, Role::parameter);
  const ValueId column = add_value(graph, "c", {3, 1}, Role::parameter);
  graph.outputs = {b.apply("add", {b.apply("matmul", {x, w}), column})};
  CHECK(fused_size(graph) == 2);
}

TEST_CASE("fuse: pointwise chains with broadcasting and constants") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3, 4}, Role::input);
  const ValueId s = add_value(graph, "s", {3, 1}, Role::input);
  const ValueId scaled = b.apply("mul", {b.apply("add", {x, s}), b.constant(0.5f)});
  graph.outputs = {b.apply("max", {b.apply("tanh", {scaled}), x})};
  CHECK(fused_size(graph) == 1);
  CHECK(graph.nodes[0].inputs.size() == 2);
  CHECK(graph.nodes[0].attributes.text("expression") == "max(tanh(mul(add(x0, x1), 0.5)), x0)");
}

TEST_CASE("fuse: a producer of another shape is not repeated") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3}, Role::input);
  const ValueId row = add_value(graph, "row", {3}, Role::input);
  graph.outputs = {b.apply("add", {x, b.apply("exp", {row})})};
  CHECK(fused_size(graph) == 2);
}

TEST_CASE("fuse: two users of one value inside one chain") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {7}, Role::input);
  const ValueId t = b.apply("tanh", {x});
  graph.outputs = {b.apply("mul", {b.apply("neg", {t}), b.apply("square", {t})})};
  // neg and square join mul, which is then the only reader of tanh; its code computes it once.
  CHECK(fused_size(graph) == 1);
}

TEST_CASE("fuse: a value that updates a state is kept") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {7}, Role::input);
  const ValueId s = add_value(graph, "s", {7}, Role::state);
  const ValueId sum = b.apply("add", {s, x});
  graph.updates.push_back({s, sum});
  graph.outputs = {b.apply("relu", {sum})};
  CHECK(fused_size(graph) == 2);
}

}  // namespace pinnacle::test
