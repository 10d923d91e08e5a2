// common_subexpressions: what becomes one node, and what must stay two.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "passes/compare.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {

TEST_CASE("common_subexpressions: equal nodes become one, and so do their readers") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {4, 5}, Role::input);
  const ValueId left = b.apply("exp", {b.apply("add", {x, b.constant(2.0F)})});
  const ValueId right = b.apply("exp", {b.apply("add", {x, b.constant(2.0F)})});
  graph.outputs = {b.apply("mul", {left, right})};
  CHECK(checked(common_subexpressions, graph) == 2);
  CHECK(graph.nodes.size() == 3);
}

TEST_CASE("common_subexpressions: other options, inputs, types or constants are other nodes") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {4, 5}, Role::input);
  const auto summed = [&](std::int64_t axis) {
    return b.apply("reduce_sum", {x}, {{"axes", Attributes::Ints{axis}}});
  };
  const Tensor two = Tensor::scalar(2.0F);
  graph.outputs = {
      b.apply("exp", {summed(0)}),
      b.apply("exp", {summed(1)}),
      b.apply("exp", {b.apply("sub", {x, b.constant(two)})}),
      b.apply("exp", {b.apply("sub", {b.constant(two), x})}),
      b.apply("exp", {b.apply("sub", {x, b.constant(Tensor({1}, {2.0F}))})}),
      b.apply("exp", {b.apply("leaky_relu", {x}, {{"alpha", 0.1}})}),
      b.apply("exp", {b.apply("leaky_relu", {x}, {{"alpha", 0.1 + 1e-12}})}),
  };
  CHECK(checked(common_subexpressions, graph) == 0);
  CHECK(graph.nodes.size() == 14);
}

TEST_CASE("common_subexpressions: outputs keep nodes and names of their own") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {4}, Role::input);
  graph.outputs = {b.apply("exp", {x}), b.apply("exp", {x})};
  CHECK(checked(common_subexpressions, graph) == 0);
  CHECK(graph.outputs[0] != graph.outputs[1]);
}

TEST_CASE("common_subexpressions: states that become the same value") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {4}, Role::input);
  for (const char* name : {"s", "t"}) {
    graph.updates.push_back({add_value(graph, name, {4}, Role::state), b.apply("exp", {x})});
  }
  CHECK(checked(common_subexpressions, graph) == 1);
  CHECK(graph.updates[0].source == graph.updates[1].source);
}

TEST_CASE("common_subexpressions: large constants are compared by identity") {
  const auto data = std::make_shared<const Tensor>(Shape({2000}));
  for (const bool shared : {true, false}) {
    Graph graph;
    Builder b(graph);
    const ValueId x = add_value(graph, "x", {2000}, Role::input);
    const auto sum = [&] {
      const ValueId constant = b.constant(*data);
      if (shared) graph.value(constant).data = data;
      return b.apply("add", {x, constant});
    };
    graph.outputs = {b.apply("mul", {sum(), sum()})};
    CHECK(checked(common_subexpressions, graph) == (shared ? 1 : 0));
  }
}

}  // namespace pinnacle::test
