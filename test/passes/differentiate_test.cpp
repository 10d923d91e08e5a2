// differentiate: sums of paths, what has no gradient, and clear refusals.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "ops/host.hpp"
#include "passes/builders.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {

TEST_CASE("differentiate: gradients of two paths are added") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {1}, Role::parameter);
  const ValueId y = b.apply("add", {b.apply("mul", {x, x}), b.apply("mul", {x, b.constant(3.0f)})});
  const std::vector<ValueId> wanted = {x};
  const std::vector<ValueId> dx = differentiate(graph, y, wanted);
  verify(graph);
  std::map<ValueId, Array> values;
  values[x] = Array({1}, 5.0);
  run_on_host(graph, values);
  CHECK(values[dx[0]].data[0] == doctest::Approx(13.0));  // 2 x + 3
}

TEST_CASE("differentiate: a value the loss does not depend on has no gradient") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {1}, Role::parameter);
  const ValueId z = add_value(graph, "z", {1}, Role::parameter);
  const std::vector<ValueId> wanted = {x, z};
  const std::vector<ValueId> dx = differentiate(graph, b.apply("tanh", {x}), wanted);
  CHECK(dx[0] != kNoValue);
  CHECK(dx[1] == kNoValue);
}

TEST_CASE("differentiate: the loss must be one number") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {3}, Role::parameter);
  const ValueId y = b.apply("tanh", {x});
  const std::vector<ValueId> wanted = {x};
  CHECK_THROWS_WITH_AS(differentiate(graph, y, wanted), doctest::Contains("reduce_mean"),
                       ShapeError);
}

TEST_CASE("differentiate: every op without a gradient is listed") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {1}, Role::parameter);
  const Attributes chain{{"expression", "neg(x0)"}};
  const ValueId y =
      b.apply("add", {b.apply("pointwise", {x}, chain), b.apply("pointwise", {x}, chain)});
  const std::vector<ValueId> wanted = {x};
  try {
    differentiate(graph, y, wanted);
    FAIL("no error");
  } catch (const UnsupportedError& error) {
    CHECK(error.items().size() == 2);
  }
}

TEST_CASE("fold_constants and eliminate_dead leave only what depends on inputs") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2}, Role::input);
  const ValueId four = b.apply("mul", {b.constant(2.0f), b.constant(2.0f)});
  b.apply("exp", {x});  // dead
  graph.outputs = {b.apply("mul", {x, four})};
  CHECK(fold_constants(graph) == 1);
  CHECK(graph.value(four).data->f32()[0] == 4.0f);
  CHECK(eliminate_dead(graph) == 1);
  CHECK(graph.nodes.size() == 1);
  verify(graph);
}

}  // namespace pinnacle::test
