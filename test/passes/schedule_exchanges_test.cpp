// schedule_exchanges: exchanges as soon as they can be, what persists behind the last.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "ops/host.hpp"
#include "passes/builders.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {

TEST_CASE("schedule_exchanges: an exchange follows its operands, updates follow the last one") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {3}, Role::input);
  const ValueId mean = add_value(graph, "mean", {3}, Role::state);
  const ValueId p = add_value(graph, "p", {3}, Role::parameter);
  const ValueId h = b.apply("relu", {x}, {}, "h");
  const ValueId running =
      b.apply("add", {mean, h}, {}, "running");  // an update of the forward part
  const ValueId g1 = b.apply("mul", {h, p}, {}, "g1");
  const ValueId g2 = b.apply("add", {g1, p}, {}, "g2");
  const ValueId s1 = b.apply("all_reduce", {g1}, {}, "s1");
  const ValueId s2 = b.apply("all_reduce", {g2}, {}, "s2");
  const ValueId next = b.apply("sub", {p, b.apply("add", {s1, s2}, {}, "sum")}, {}, "next");
  graph.updates = {{mean, running}, {p, next}};
  graph.outputs = {s1};
  schedule_exchanges(graph);
  verify(graph);
  std::string order;
  for (const Node& node : graph.nodes) order += node.name + " ";
  CHECK(order == "h g1 s1 g2 s2 running sum next ");
  // Nothing of it is known before it runs, not even with all operands fixed.
  Graph constant;
  Builder c(constant);
  constant.outputs = {c.apply("all_reduce", {c.constant(2.0f)})};
  CHECK(fold_constants(constant) == 0);
}

}  // namespace pinnacle::test
