// plan_memory and emit: nothing alive is overwritten, memory is shared, updates are in order.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "passes/builders.hpp"
#include "passes/passes.hpp"
#include "targets.hpp"

namespace pinnacle::test {
namespace {

// Buffers of the arena that are alive together must not overlap, unless they are the same.
void check_no_overlap(const Plan& plan) {
  for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
    const PlanBuffer& a = plan.buffers[i];
    if (a.place != PlanBuffer::Place::arena) continue;
    CHECK(a.offset % 128 == 0);
    CHECK(a.offset + a.bytes <= plan.arena_bytes);
    for (std::size_t j = i + 1; j < plan.buffers.size(); ++j) {
      const PlanBuffer& b = plan.buffers[j];
      if (b.place != PlanBuffer::Place::arena) continue;
      const bool together = a.first <= b.last && b.first <= a.last;
      const bool overlap = a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
      CAPTURE(a.name);
      CAPTURE(b.name);
      CHECK_FALSE((together && overlap));
    }
  }
}

Plan plan_of(Graph graph, std::vector<std::string> without = {"fuse"}) {
  return run_passes(graph, wide_target(), {.variants = {}, .without = std::move(without)});
}

const PlanBuffer& buffer_named(const Plan& plan, std::string_view name) {
  for (const PlanBuffer& buffer : plan.buffers) {
    if (buffer.name == name) return buffer;
  }
  FAIL("no buffer " << name);
  return plan.buffers.front();
}

}  // namespace

TEST_CASE("plan_memory: a chain of equal shapes runs in place") {
  Graph graph;
  Builder b(graph);
  ValueId x = add_value(graph, "x", {1024}, Role::input);
  for (int i = 0; i < 6; ++i) x = b.apply(i % 2 == 0 ? "tanh" : "exp", {x});
  graph.outputs = {b.apply("neg", {x})};
  const Plan plan = plan_of(graph);
  CHECK(plan.arena_bytes == 4096);
  CHECK(plan.kernel_count() == 7);
  check_no_overlap(plan);
}

TEST_CASE("plan_memory: an operand that is read later is not overwritten") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {1024}, Role::input);
  const ValueId t = b.apply("tanh", {x});
  const ValueId e = b.apply("exp", {t});
  graph.outputs = {b.apply("add", {b.apply("square", {e}), t})};
  const Plan plan = plan_of(graph);
  CHECK(plan.arena_bytes == 2 * 4096);
  check_no_overlap(plan);
}

TEST_CASE("plan_memory: inputs are never written") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {64}, Role::input);
  graph.outputs = {b.apply("neg", {b.apply("exp", {x})})};
  const Plan plan = plan_of(graph);
  CHECK(plan.inputs[0].buffer != plan.outputs[0].buffer);
  CHECK(plan.buffers[static_cast<std::size_t>(plan.inputs[0].buffer)].place ==
        PlanBuffer::Place::external);
  CHECK(plan.buffers.size() == 3);
}

TEST_CASE("plan_memory: without sharing every value has its own place") {
  Graph graph;
  Builder b(graph);
  ValueId x = add_value(graph, "x", {1024}, Role::input);
  for (int i = 0; i < 5; ++i) x = b.apply("tanh", {x});
  graph.outputs = {x};
  CHECK(plan_of(graph, {"fuse", "plan_memory"}).arena_bytes == 4 * 4096);
}

TEST_CASE("plan_memory: a state is updated in place after its last reader") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {64}, Role::input);
  const ValueId s = add_value(graph, "s", {64}, Role::state);
  graph.updates.push_back({s, b.apply("add", {s, x})});
  const Plan plan = plan_of(graph);
  CHECK(plan.steps.size() == 1);
  CHECK(plan.arena_bytes == 0);
}

TEST_CASE("plan_memory: a state that is read after its update is copied at the end") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {64}, Role::input);
  const ValueId s = add_value(graph, "s", {64}, Role::state);
  graph.updates.push_back({s, b.apply("add", {s, x})});
  graph.outputs = {b.apply("mul", {s, x})};
  const Plan plan = plan_of(graph);
  REQUIRE(plan.steps.size() == 3);
  CHECK(std::holds_alternative<CopyCall>(plan.steps[2].calls[0]));
  check_no_overlap(plan);
}

TEST_CASE("plan_memory: two states can swap") {
  Graph graph;
  const ValueId a = add_value(graph, "a", {64}, Role::state);
  const ValueId b = add_value(graph, "b", {64}, Role::state);
  graph.updates = {{a, b}, {b, a}};
  const Plan plan = plan_of(graph, {});
  REQUIRE(plan.steps.size() == 4);  // both saved, then both written
  const auto copy = [&](std::size_t i) { return std::get<CopyCall>(plan.steps[i].calls[0]); };
  CHECK(copy(2).source.index == copy(0).target.index);
  CHECK(copy(3).source.index == copy(1).target.index);
  CHECK(copy(0).target.index != copy(1).target.index);
  check_no_overlap(plan);
}

TEST_CASE("plan_memory: an output that is a parameter is copied before the update") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {64}, Role::input);
  const ValueId w = add_value(graph, "w", {64}, Role::parameter);
  graph.updates.push_back({w, b.apply("sub", {w, x})});
  graph.outputs = {w};
  const Plan plan = plan_of(graph);
  REQUIRE(plan.steps.size() == 3);
  const auto saved = std::get<CopyCall>(plan.steps[1].calls[0]);
  CHECK(saved.target.index == plan.outputs[0].buffer);
  CHECK(buffer_named(plan, "w").place == PlanBuffer::Place::persistent);
}

TEST_CASE("plan_memory: reshape takes no memory; a reshaped output is a copy") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {8, 8}, Role::input);
  const ValueId flat =
      b.apply("reshape", {b.apply("tanh", {x})}, {{"shape", Attributes::Ints{-1}}});
  graph.outputs = {b.apply("exp", {flat}),
                   b.apply("reshape", {x}, {{"shape", Attributes::Ints{64}}})};
  const Plan plan = plan_of(graph);
  CHECK(plan.kernel_count() == 2);
  CHECK(plan.steps.size() == 3);
  check_no_overlap(plan);
}

TEST_CASE("passes: unknown names get a suggestion") {
  Graph graph;
  Builder b(graph);
  graph.outputs = {b.apply("tanh", {add_value(graph, "x", {4}, Role::input)})};
  CHECK_THROWS_WITH_AS(plan_of(graph, {"fusse"}), doctest::Contains("did you mean fuse?"),
                       ArgumentError);
  Graph again = graph;
  CHECK_THROWS_WITH_AS(
      run_passes(again, wide_target(), {.variants = {{"tanh", "wid"}}, .without = {}}),
      doctest::Contains("did you mean wide?"), ArgumentError);
}

TEST_CASE("choose_variants: a forced variant that declines is an error with the reason") {
  Graph graph;
  Builder b(graph);
  graph.outputs = {b.apply("tanh", {add_value(graph, "x", {4}, Role::input)})};
  CHECK_THROWS_WITH_AS(
      run_passes(graph, simt_target(), {.variants = {{"tanh", "wide"}}, .without = {}}),
      doctest::Contains("one work-item per group"), UnsupportedError);
}

}  // namespace pinnacle::test
