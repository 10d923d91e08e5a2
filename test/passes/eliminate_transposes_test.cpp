// eliminate_transposes: how far they sink, where they vanish, and what keeps them.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "passes/compare.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {
namespace {

using Ints = Attributes::Ints;

const Ints kToLast = {0, 2, 3, 1};
const Ints kToFirst = {0, 3, 1, 2};

ValueId transposed(Builder& b, ValueId x, const Ints& perm) {
  return b.apply("transpose", {x}, {{"perm", perm}});
}

}  // namespace

TEST_CASE("eliminate_transposes: a net for channels last keeps none but those at its ends") {
  Graph graph;
  Builder b(graph);
  const ValueId input = add_value(graph, "x", {2, 6, 5, 3}, Role::input);
  const auto conv = [&](ValueId x, const std::string& name) {
    const ValueId w = add_value(graph, name, {4, b.shape(x)[3], 3, 3}, Role::parameter);
    const ValueId y =
        b.apply("conv2d", {transposed(b, x, kToFirst), w}, {{"pads", Ints{1, 1, 1, 1}}});
    const ValueId bias = add_value(graph, name + "_bias", {4}, Role::parameter);
    return b.apply("relu", {b.apply("add", {transposed(b, y, kToLast), bias})});
  };
  ValueId x = conv(input, "w0");
  x = b.apply("add", {x, conv(conv(x, "w1"), "w2")});
  x = b.apply("pad", {x}, {{"pads", Ints{0, 1, 0, 0, 0, 0, 2, 0}}});
  x = b.apply("slice", {x}, {{"starts", Ints{1, 0}}, {"ends", Ints{4, 3}}, {"axes", Ints{2, 3}}});
  x = b.apply("concat", {x, b.apply("tanh", {conv(x, "w3")})}, {{"axis", std::int64_t{3}}});
  graph.outputs = {conv(x, "w4")};
  CHECK(count_op(graph, "transpose") == 10);
  checked(eliminate_transposes, graph);
  CHECK(count_op(graph, "transpose") == 2);
  CHECK(graph.nodes.front().op == "transpose");
  CHECK(graph.nodes.back().op == "transpose");
}

TEST_CASE("eliminate_transposes: paths that part and meet again") {
  for (const bool meet : {true, false}) {
    Graph graph;
    Builder b(graph);
    const ValueId x = add_value(graph, "x", {2, 3, 4, 5}, Role::input);
    const ValueId t = transposed(b, x, kToLast);
    const ValueId gate = b.apply("sigmoid", {t});
    const ValueId y = b.apply("mul", {t, gate});
    graph.outputs = {transposed(b, y, kToFirst)};
    if (!meet) graph.outputs = {b.apply("exp", {t}), gate};
    checked(eliminate_transposes, graph);
    CHECK(count_op(graph, "transpose") == (meet ? 0 : 1));
  }
}

TEST_CASE("eliminate_transposes: two become one, or none") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3, 4}, Role::input);
  const ValueId back = transposed(b, transposed(b, x, {2, 0, 1}), {1, 2, 0});
  const ValueId other = transposed(b, transposed(b, x, {2, 0, 1}), {0, 2, 1});
  graph.outputs = {b.apply("exp", {back}),
                   b.apply("softmax", {other}, {{"axis", std::int64_t{0}}})};
  checked(eliminate_transposes, graph);
  CHECK(count_op(graph, "transpose") == 1);
}

TEST_CASE("eliminate_transposes: what moves nothing is a reshape") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {1, 1, 4, 1, 5}, Role::input);
  graph.outputs = {transposed(b, b.apply("exp", {x}), {2, 0, 4, 1, 3})};
  CHECK(checked(eliminate_transposes, graph) == 1);
  CHECK(count_op(graph, "transpose") == 0);
  CHECK(count_op(graph, "reshape") == 1);
}

TEST_CASE("eliminate_transposes: reductions take their axes along") {
  for (const bool keep : {false, true}) {
    for (const Ints& axes : {Ints{0}, Ints{1, 2}, Ints{3}, Ints{0, 2}, Ints{}}) {
      CAPTURE(keep);
      Graph graph;
      Builder b(graph);
      const ValueId x = add_value(graph, "x", {2, 3, 4, 5}, Role::input);
      const ValueId y = transposed(b, x, {3, 1, 0, 2});
      graph.outputs = {
          b.apply("reduce_mean", {y}, {{"axes", axes}, {"keepdims", std::int64_t{keep}}})};
      CHECK(checked(eliminate_transposes, graph) >= 1);
      CHECK(graph.nodes.front().op == "reduce_mean");
    }
  }
}

TEST_CASE("eliminate_transposes: operands that do not allow it") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3, 4}, Role::input);
  const ValueId y = add_value(graph, "y", {4, 2, 3}, Role::input);
  const ValueId plane = add_value(graph, "plane", {4, 1, 3}, Role::input);
  const ValueId t = transposed(b, x, {2, 0, 1});
  // Another operand would have to be moved; and one that is read twice stays anyway.
  graph.outputs = {b.apply("add", {transposed(b, b.apply("exp", {x}), {2, 0, 1}), y}),
                   b.apply("mul", {transposed(b, b.apply("neg", {x}), {2, 0, 1}), plane}),
                   b.apply("tanh", {t}), b.apply("abs", {t})};
  CHECK(checked(eliminate_transposes, graph) == 0);
}

TEST_CASE("eliminate_transposes: fixed operands are moved, vectors reshaped") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3, 4}, Role::input);
  const ValueId plane = add_value(graph, "plane", {2, 3}, Role::parameter);
  const ValueId vector = add_value(graph, "vector", {3}, Role::input);
  const ValueId sum = b.apply("add", {plane, transposed(b, x, {2, 0, 1})});
  graph.outputs = {b.apply("mul", {b.apply("div", {b.constant(2.0F), sum}), vector})};
  CHECK(checked(eliminate_transposes, graph, 1e-9) == 3);
  CHECK(graph.nodes.back().op == "transpose");
}

TEST_CASE("eliminate_transposes: products take operands transposed") {
  Graph graph;
  Builder b(graph);
  const ValueId q = add_value(graph, "q", {2, 3, 5}, Role::input);
  const ValueId k = add_value(graph, "k", {2, 4, 5}, Role::input);
  const ValueId v = add_value(graph, "v", {6, 4}, Role::input);
  const ValueId moved = add_value(graph, "moved", {5, 2, 4}, Role::input);
  const ValueId scores = b.apply("matmul", {q, transposed(b, k, {0, 2, 1})});
  // Of the last the leading axis moves, too.
  graph.outputs = {b.apply("matmul", {scores, transposed(b, v, {1, 0})}),
                   b.apply("matmul", {q, transposed(b, moved, {1, 0, 2})})};
  CHECK(checked(eliminate_transposes, graph) == 2);
  CHECK(count_op(graph, "transpose") == 1);
}

}  // namespace pinnacle::test
