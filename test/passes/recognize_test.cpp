// recognize: layer_norm and softmax from the nodes of their formulas.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "passes/compare.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {
namespace {

using Ints = Attributes::Ints;

ValueId reduced(Builder& b, const char* op, ValueId x, const Ints& axes) {
  return b.apply(op, {x}, {{"axes", axes}, {"keepdims", std::int64_t{1}}});
}

// (x - mean) / sqrt(mean((x - mean)^2) + 0.01), in one of several spellings.
ValueId normalized(Builder& b, ValueId x, const Ints& axes, int spelling) {
  const ValueId d = b.apply("sub", {x, reduced(b, "reduce_mean", x, axes)});
  const ValueId square = spelling == 0 ? b.apply("square", {d}) : b.apply("mul", {d, d});
  const ValueId variance = reduced(b, "reduce_mean", square, axes);
  const ValueId epsilon = b.constant(0.01F);
  const ValueId sum =
      spelling == 0 ? b.apply("add", {variance, epsilon}) : b.apply("add", {epsilon, variance});
  const ValueId root = b.apply("sqrt", {sum});
  if (spelling == 1) return b.apply("mul", {b.apply("reciprocal", {root}), d});
  if (spelling == 2) return b.apply("mul", {d, b.apply("div", {b.constant(1.0F), root})});
  return b.apply("div", {d, root});
}

}  // namespace

TEST_CASE("recognize: layer_norm in several spellings, with scale and bias") {
  for (const int spelling : {0, 1, 2}) {
    CAPTURE(spelling);
    Graph graph;
    Builder b(graph);
    const ValueId x = add_value(graph, "x", {2, 3, 4, 5}, Role::input);
    const ValueId scale = add_value(graph, "scale", {4, 5}, Role::parameter);
    const ValueId bias = add_value(graph, "bias", {1, 1, 4, 5}, Role::parameter);
    const ValueId y = b.apply("mul", {scale, normalized(b, x, {2, 3}, spelling)});
    graph.outputs = {b.apply("add", {y, bias})};
    CHECK(checked(recognize, graph, 1e-6) == 3);
    CHECK(count_op(graph, "layer_norm") == 1);
    CHECK(graph.nodes.size() == 2);  // and the bias as [4, 5]
    CHECK(graph.nodes.back().inputs.size() == 3);
  }
}

TEST_CASE("recognize: layer_norm without scale, and operands that are none") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3, 4}, Role::input);
  const ValueId number = add_value(graph, "number", {1}, Role::parameter);
  graph.outputs = {b.apply("mul", {normalized(b, x, {2}, 0), number})};
  CHECK(checked(recognize, graph, 1e-6) == 1);
  CHECK(graph.nodes.size() == 2);
}

TEST_CASE("recognize: normalisation over other axes or by other values is none") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3, 4}, Role::input);
  const ValueId d = b.apply("sub", {x, reduced(b, "reduce_mean", x, {2})});
  const ValueId variance = reduced(b, "reduce_mean", b.apply("square", {d}), {1, 2});
  graph.outputs = {
      normalized(b, x, {1}, 0),
      b.apply("div", {d, b.apply("sqrt", {b.apply("add", {variance, b.constant(1.0F)})})})};
  CHECK(checked(recognize, graph) == 0);
}

TEST_CASE("recognize: a formula whose parts a gradient reads stays") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3}, Role::parameter);
  const ValueId y = normalized(b, x, {1}, 0);
  const ValueId loss = b.apply("reduce_sum", {b.apply("square", {y})}, {{"axes", Ints{0, 1}}});
  graph.outputs = {loss, differentiate(graph, loss, std::vector<ValueId>{x})[0]};
  CHECK(checked(recognize, graph) == 0);
}

TEST_CASE("recognize: softmax and log_softmax") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3, 4}, Role::input);
  const ValueId e = b.apply("exp", {b.apply("sub", {x, reduced(b, "reduce_max", x, {1})})});
  const ValueId softmax = b.apply("div", {e, reduced(b, "reduce_sum", e, {1})});
  const ValueId plain = b.apply("exp", {x});
  graph.outputs = {b.apply("log", {softmax}),
                   b.apply("div", {plain, reduced(b, "reduce_sum", plain, {2})})};
  CHECK(checked(recognize, graph, 1e-9) == 3);
  REQUIRE(graph.nodes.size() == 2);
  CHECK(graph.nodes[0].op == "log_softmax");
  CHECK(graph.nodes[0].attributes.integer("axis") == 1);
  CHECK(graph.nodes[1].op == "softmax");
}

TEST_CASE("recognize: quotients of other sums are no softmax") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3, 4}, Role::input);
  const ValueId e = b.apply("exp", {x});
  const ValueId f = b.apply("exp", {b.apply("neg", {x})});
  graph.outputs = {b.apply("div", {e, reduced(b, "reduce_sum", e, {1, 2})}),
                   b.apply("div", {f, reduced(b, "reduce_sum", x, {2})})};
  CHECK(checked(recognize, graph) == 0);
}

}  // namespace pinnacle::test
