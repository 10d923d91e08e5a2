// Values that are ranges of others: what is not copied any more, and that nothing alive is overwritten.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "passes/layout_net.hpp"
#include "passes/simulate.hpp"
#include "targets.hpp"

namespace pinnacle::test {
namespace {

using Ints = Attributes::Ints;

ValueId concat(Builder& b, std::vector<ValueId> xs, std::int64_t axis = 1) {
  return b.apply("concat", std::move(xs), {{"axis", axis}});
}

ValueId slice(Builder& b, ValueId x, std::int64_t start, std::int64_t end) {
  return b.apply("slice", {x}, {{"starts", Ints{start}}, {"ends", Ints{end}}, {"axes", Ints{1}}});
}

// Runs in the plan's memory with every kind of sharing; returns how many calls are left out.
std::size_t check_simulated(const Graph& graph, const Target& target = wide_target()) {
  verify(graph);
  const std::vector<Array> wanted = run_random(graph);
  std::size_t needless = 0;
  for (const Sharing& sharing : {Sharing{}, Sharing{.ranges = false}, Sharing{.places = false}}) {
    Simulation simulation(graph, target, sharing);
    check_same(wanted, simulation.run());
    std::size_t count = 0;
    for (const auto& calls : simulation.plan().needless) count += calls.size();
    if (sharing.places && sharing.ranges) needless = count;
    CHECK((count == 0 || (sharing.places && sharing.ranges)));
  }
  return needless;
}

}  // namespace

TEST_CASE("share_ranges: a dense block has one buffer and no copies") {
  Graph graph;
  Builder b(graph);
  ValueId x = b.apply("exp", {add_value(graph, "x", {1, 32, 4, 4}, Role::input)});
  for (int layer = 0; layer < 4; ++layer) {
    const ValueId w =
        add_value(graph, fmt::format("w{}", layer), {32, b.shape(x)[1], 3, 3}, Role::parameter);
    const ValueId y = b.apply("conv2d", {b.apply("tanh", {x}), w}, {{"pads", Ints{1, 1, 1, 1}}});
    x = concat(b, {x, b.apply("abs", {y})});
  }
  graph.outputs = {b.apply("neg", {x})};
  CHECK(check_simulated(graph) == 8);
  const Simulation with(graph, wide_target(), {});
  const Simulation without(graph, wide_target(), {.ranges = false});
  CHECK(with.plan().arena_bytes < without.plan().arena_bytes);
}

TEST_CASE("share_ranges: what cannot be a range is copied") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {1, 32, 4, 4}, Role::input);
  const ValueId w = add_value(graph, "w", {1, 32, 4, 4}, Role::parameter);
  const ValueId t = b.apply("tanh", {x});
  const ValueId e = b.apply("exp", {x});
  const ValueId output = b.apply("abs", {x});
  // Twice the same, an input, a parameter, an output; and a value that is a range already.
  const ValueId first = concat(b, {t, t, x, w, output});
  const ValueId second = concat(b, {e, t});
  graph.outputs = {b.apply("neg", {first}), b.apply("neg", {second}), output};
  CHECK(check_simulated(graph) == 2);  // t once, e
}

TEST_CASE("share_ranges: starts that no buffer can have, and operands that are not one run") {
  for (const Shape& shape : {Shape{1, 3, 5, 5}, Shape{2, 32, 4, 4}}) {
    Graph graph;
    Builder b(graph);
    const ValueId x = add_value(graph, "x", shape, Role::input);
    graph.outputs = {b.apply("neg", {concat(b, {b.apply("tanh", {x}), b.apply("exp", {x})})})};
    // 3 x 5 x 5 floats are no multiple of 128 bytes: only the first one starts well.
    CHECK(check_simulated(graph) == (shape[0] == 1 ? 1 : 0));
  }
}

TEST_CASE("share_ranges: slices are read where they are, while the whole lives") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {1, 64, 4, 4}, Role::input);
  const ValueId t = b.apply("tanh", {x});
  const ValueId left = slice(b, t, 0, 32);
  const ValueId right = slice(b, t, 32, 64);
  // In place of a range that is read again later nothing may be written.
  const ValueId changed = b.apply("exp", {right});
  const ValueId both = concat(b, {b.apply("neg", {left}), changed});
  graph.outputs = {b.apply("add", {both, t}), b.apply("abs", {slice(b, x, 0, 32)})};
  CHECK(check_simulated(graph) == 4);
}

TEST_CASE("share_ranges: a skip connection around many layers") {
  Graph graph;
  Builder b(graph);
  ValueId x = add_value(graph, "x", {1, 32, 8, 8}, Role::input);
  std::vector<ValueId> skips;
  for (int level = 0; level < 3; ++level) {
    x = b.apply("tanh", {x});
    skips.push_back(x);
    x = b.apply("max_pool2d", {x}, {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}});
  }
  while (!skips.empty()) {
    const Shape shape = b.shape(skips.back());
    const ValueId up = b.apply(
        "expand",
        {b.apply("reduce_mean", {x}, {{"axes", Ints{2, 3}}, {"keepdims", std::int64_t{1}}})},
        {{"shape", Ints{1, b.shape(x)[1], shape[2], shape[3]}}});
    x = b.apply("exp", {concat(b, {skips.back(), b.apply("neg", {up})})});
    skips.pop_back();
  }
  graph.outputs = {x};
  CHECK(check_simulated(graph) >= 4);
}

TEST_CASE("share_ranges: reshaped outputs are written in place") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {8, 8}, Role::input);
  const ValueId t = b.apply("tanh", {x});
  const ValueId flat = b.apply("reshape", {t}, {{"shape", Ints{64}}});
  const ValueId again = b.apply("reshape", {t}, {{"shape", Ints{4, 16}}});
  graph.outputs = {flat, b.apply("exp", {t}), again};
  check_simulated(graph);
  const Plan plan = run_passes(graph, wide_target(), {.variants = {}, .without = {"fuse"}});
  CHECK(plan.steps.size() == 3);  // tanh, exp and the copy of the second
}

TEST_CASE("share_ranges: a net with all kinds of ops, plain and in blocks, forward and backward") {
  for (const bool training : {false, true}) {
    for (const bool blocked : {false, true}) {
      CAPTURE(training);
      CAPTURE(blocked);
      Graph graph = layout_net(1, 9, training);
      Target target = wide_target();
      target.buffer_alignment = 4;
      target.peak_gflops = 0.01;
      target.launch_us = 0.001;
      if (blocked) choose_layout(graph, target);
      check_simulated(graph, target);
    }
  }
}

}  // namespace pinnacle::test
