// Graph: attributes, printing, and what verify() refuses.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <pinnacle/op.hpp>

#include "passes/builders.hpp"

namespace pinnacle::test {

TEST_CASE("attributes: typed access with clear errors") {
  const Attributes a{{"axis", std::int64_t{2}}, {"alpha", 0.5}, {"mode", std::string("edge")}};
  CHECK(a.integer("axis") == 2);
  CHECK(a.number("alpha") == 0.5);
  CHECK(a.text("mode") == "edge");
  CHECK(a.integer("absent", 7) == 7);
  CHECK_THROWS_WITH_AS(a.integer("absent"), doctest::Contains("attribute absent: is missing"),
                       ArgumentError);
  CHECK_THROWS_WITH_AS(a.integer("alpha"), doctest::Contains("another type"), ArgumentError);
}

TEST_CASE("graph: text is stable and complete") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3}, Role::input);
  const ValueId w = add_value(graph, "w", {3, 4}, Role::parameter);
  const ValueId y = b.apply("leaky_relu", {b.apply("matmul", {x, w})}, {{"alpha", 0.1}});
  graph.outputs = {y};
  CHECK(to_text(graph) ==
        "input %x: f32[2, 3]\n"
        "parameter %w: f32[3, 4]\n"
        "%matmul_1 = matmul(%x, %w) -> f32[2, 4]\n"
        "%leaky_relu_1 = leaky_relu(%matmul_1) {alpha=0.1} -> f32[2, 4]\n"
        "return %leaky_relu_1\n");
}

TEST_CASE("graph: verify names the node at fault") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2}, Role::input);
  const ValueId y = b.apply("tanh", {x});
  const ValueId z = b.apply("exp", {y});
  graph.outputs = {z};
  verify(graph);

  Graph swapped = graph;
  std::swap(swapped.nodes[0], swapped.nodes[1]);
  CHECK_THROWS_WITH_AS(verify(swapped), doctest::Contains("exp_1: reads %tanh_1 before"), Error);

  Graph twice = graph;
  twice.nodes[1].outputs = {y};
  CHECK_THROWS_WITH_AS(verify(twice), doctest::Contains("a second time"), Error);

  Graph lost = graph;
  lost.nodes.pop_back();
  CHECK_THROWS_WITH_AS(verify(lost), doctest::Contains("never written"), Error);

  Graph update = graph;
  update.updates.push_back({x, z});
  CHECK_THROWS_WITH_AS(verify(update), doctest::Contains("only parameters and states"), Error);

  Graph outside = graph;
  outside.nodes[0].inputs = {99};
  CHECK_THROWS_WITH_AS(verify(outside), doctest::Contains("does not exist"), Error);
}

TEST_CASE("ops: an unknown name gets the nearest") {
  CHECK_THROWS_WITH_AS(find_op("matmull"), doctest::Contains("did you mean matmul?"),
                       UnsupportedError);
}

TEST_CASE("ops: shapes that do not fit say what, where and what was expected") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3}, Role::input);
  const ValueId w = add_value(graph, "w", {4, 5}, Role::parameter);
  CHECK_THROWS_WITH_AS(b.apply("matmul", {x, w}),
                       "matmul \"matmul_1\": a is [2, 3] and b is [4, 5]: 3 columns against 4 rows",
                       ShapeError);
  CHECK_THROWS_WITH_AS(b.apply("add", {x, w}), doctest::Contains("do not broadcast"), ShapeError);
}

}  // namespace pinnacle::test
