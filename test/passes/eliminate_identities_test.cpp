// eliminate_identities: what goes, and what only looks like it.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "passes/compare.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {
namespace {

using Ints = Attributes::Ints;

ValueId reshape(Builder& b, ValueId x, Ints shape) {
  return b.apply("reshape", {x}, {{"shape", std::move(shape)}});
}

}  // namespace

TEST_CASE("eliminate_identities: nodes that change nothing go") {
  Graph graph;
  Builder b(graph);
  ValueId x = add_value(graph, "x", {2, 3}, Role::input);
  x = b.apply("expand", {x}, {{"shape", Ints{2, 3}}});
  x = b.apply("slice", {x}, {{"starts", Ints{0}}, {"ends", Ints{3}}, {"axes", Ints{1}}});
  x = b.apply("concat", {x}, {{"axis", std::int64_t{0}}});
  x = b.apply("pad", {x}, {{"pads", Ints{0, 0, 0, 0}}});
  x = b.apply("transpose", {x}, {{"perm", Ints{0, 1}}});
  x = reshape(b, x, {2, 3});
  graph.outputs = {b.apply("exp", {x})};
  CHECK(checked(eliminate_identities, graph) == 6);
  CHECK(graph.nodes.size() == 1);
}

TEST_CASE("eliminate_identities: an output is written, even if it is an input") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3}, Role::input);
  graph.outputs = {reshape(b, x, {2, 3})};
  CHECK(checked(eliminate_identities, graph) == 0);
  CHECK(graph.nodes.size() == 1);
}

TEST_CASE("eliminate_identities: of reshapes that follow each other the last one stays") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3, 4}, Role::input);
  const ValueId flat = reshape(b, x, {24});
  const ValueId rows = reshape(b, flat, {6, 4});
  const ValueId back = reshape(b, reshape(b, rows, {4, 6}), {2, 3, 4});
  graph.outputs = {b.apply("exp", {rows}), b.apply("tanh", {back})};
  checked(eliminate_identities, graph);
  CHECK(count_op(graph, "reshape") == 1);
}

TEST_CASE("eliminate_identities: pointwise nodes broadcast what was expanded") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3, 4, 4}, Role::input);
  const auto expanded = [&](const char* name, Shape shape) {
    return b.apply("expand", {add_value(graph, name, std::move(shape), Role::input)},
                   {{"shape", Ints{2, 3, 4, 4}}});
  };
  // Without another operand of the result's shape one stays, and a number for each image as well.
  graph.outputs = {b.apply("add", {expanded("channels", {3, 1, 1}), x}),
                   b.apply("mul", {x, expanded("one", {1})}),
                   b.apply("mul", {x, expanded("images", {2, 3, 1, 1})}),
                   b.apply("sub", {expanded("a", {3, 1, 1}), expanded("b", {1, 4, 4})})};
  checked(eliminate_identities, graph);
  CHECK(count_op(graph, "expand") == 2);
}

TEST_CASE("eliminate_identities: an activation passes a reshape and joins the convolution") {
  for (const bool read_twice : {false, true}) {
    Graph graph;
    Builder b(graph);
    const ValueId x = add_value(graph, "x", {1, 2, 5, 5}, Role::input);
    const ValueId w = add_value(graph, "w", {4, 2, 3, 3}, Role::parameter);
    const ValueId flat = reshape(b, b.apply("conv2d", {x, w}), {4, 9});
    graph.outputs = {b.apply("neg", {b.apply("relu", {flat})})};
    if (read_twice) graph.outputs.push_back(b.apply("square", {flat}));
    checked(eliminate_identities, graph);
    checked(fuse, graph);
    CHECK(count_op(graph, "conv2d") == 1);
    CHECK(graph.nodes.size() == (read_twice ? 4 : 3));
  }
}

}  // namespace pinnacle::test
