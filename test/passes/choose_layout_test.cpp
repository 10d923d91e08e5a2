// choose_layout: what runs in blocks, how many conversions that takes, and that the values stay the
// same.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "passes/compare.hpp"
#include "passes/layout_net.hpp"
#include "targets.hpp"

namespace pinnacle::test {
namespace {

// Where arithmetic is slow and the rest free, every convolution is worth a conversion.
Target slow_arithmetic(int vector_width) {
  Target target = wide_target();
  target.vector_width = vector_width;
  target.peak_gflops = 0.01;
  target.launch_us = 0.001;
  return target;
}

// Nodes of that op with their first operand in blocks, and all.
std::pair<int, int> in_blocks(const Graph& graph, std::string_view op) {
  int blocked = 0;
  int all = 0;
  for (const Node& node : graph.nodes) {
    if (node.op != op) continue;
    ++all;
    const bool result = graph.type(node.outputs[0]).shape.rank() == 5;
    if (result || graph.type(node.inputs[0]).shape.rank() == 5) ++blocked;
  }
  return {blocked, all};
}

}  // namespace

TEST_CASE("choose_layout: values stay the same, forward and backward, for each width") {
  for (const int width : {4, 8, 16}) {
    for (const bool training : {false, true}) {
      CAPTURE(width);
      CAPTURE(training);
      Graph graph = layout_net(2, 9, training);
      verify(graph);
      const std::vector<Array> before = run_random(graph);
      const std::string note = choose_layout(graph, slow_arithmetic(width));
      verify(graph);
      CHECK_FALSE(note.empty());
      check_same(before, run_random(graph));
    }
  }
}

TEST_CASE("choose_layout: what moves between convolutions moves in blocks") {
  Graph graph = layout_net(2, 9, true);
  choose_layout(graph, slow_arithmetic(16));
  for (const char* op :
       {"conv2d", "max_pool2d", "max_pool2d_backward", "average_pool2d", "average_pool2d_backward",
        "batch_norm_training", "batch_norm_backward", "relu", "reduce_max", "reduce_mean"}) {
    CAPTURE(op);
    const auto [blocked, all] = in_blocks(graph, op);
    // The loss is a mean over [n, 5].
    const int rows = op == std::string("reduce_mean") ? 1 : 0;
    CHECK(all > rows);
    CHECK(blocked == all - rows);
  }
  CHECK(in_blocks(graph, "conv2d_backward_filter").first > 0);
}

TEST_CASE("choose_layout: a net in blocks converts at its ends alone") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 20, 8, 8}, Role::input);
  const ValueId w1 = add_value(graph, "w1", {33, 20, 3, 3}, Role::parameter);
  const ValueId w2 = add_value(graph, "w2", {32, 33, 3, 3}, Role::parameter);
  const ValueId h = b.apply("relu", {b.apply("conv2d", {x, w1})});
  graph.outputs = {b.apply("conv2d", {h, w2})};
  CHECK(choose_layout(graph, slow_arithmetic(16)).find("2 conversions") != std::string::npos);
  CHECK(count_op(graph, "transpose") == 2);
  CHECK(count_op(graph, "pad") == 1);  // of 20 channels to 32
}

TEST_CASE("choose_layout: channels last are made of blocks, and blocks of channels last") {
  for (const std::int64_t filters : {14, 32}) {
    Graph graph;
    Builder b(graph);
    const ValueId x = add_value(graph, "x", {2, 8, 8, 20}, Role::input);
    const ValueId w = add_value(graph, "w", {filters, 20, 3, 3}, Role::parameter);
    const ValueId first = b.apply("transpose", {x}, {{"perm", Attributes::Ints{0, 3, 1, 2}}});
    const ValueId y = b.apply("conv2d", {first, w});
    const ValueId last = b.apply("transpose", {y}, {{"perm", Attributes::Ints{0, 2, 3, 1}}});
    graph.outputs = {b.apply("reshape", {last}, {{"shape", Attributes::Ints{2, -1, 2}}})};
    const std::vector<Array> before = run_random(graph);
    const std::string note = choose_layout(graph, slow_arithmetic(16));
    verify(graph);
    CAPTURE(note);
    CHECK(note.find(" 0 conversions") != std::string::npos);
    CHECK(count_op(graph, "transpose") == 2);
    check_same(before, run_random(graph));
  }
}

TEST_CASE("choose_layout: a host and devices of many work-items keep rows") {
  Target host = slow_arithmetic(16);
  host.host = true;
  for (const Target& target : {host, simt_target()}) {
    Graph graph = layout_net(2, 9, true);
    const std::size_t nodes = graph.nodes.size();
    CHECK(choose_layout(graph, target).empty());
    CHECK(graph.nodes.size() == nodes);
  }
}

}  // namespace pinnacle::test
