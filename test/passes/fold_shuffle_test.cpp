// fold_shuffle: which shuffles of channels convolutions take over, and which must stay.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "passes/compare.hpp"
#include "passes/passes.hpp"
#include "targets.hpp"

namespace pinnacle::test {
namespace {

using Ints = Attributes::Ints;

// A net of one grouped 1 x 1 convolution to 12 channels, and what may follow.
struct Net {
  Graph graph;
  Builder b{graph};
  ValueId x = add_value(graph, "x", {2, 4, 3, 5}, Role::input);
  ValueId w = add_value(graph, "w", {12, 2, 1, 1}, Role::parameter);
  ValueId bias = add_value(graph, "bias", {12}, Role::parameter);
  ValueId apart = kNoValue, moved = kNoValue;

  ValueId conv(Attributes options = {}) {
    options.set("group", std::int64_t{2});
    options.set("epilogue", "relu(x0)");
    return b.apply("conv2d", {x, w, bias}, options);
  }
  ValueId reshape(ValueId id, const Ints& shape) {
    return b.apply("reshape", {id}, {{"shape", shape}});
  }
  ValueId shuffle(ValueId id, std::int64_t rows, const Ints& perm = {0, 2, 1, 3, 4}) {
    apart = reshape(id, {2, rows, 12 / rows, 3, 5});
    moved = b.apply("transpose", {apart}, {{"perm", perm}});
    return reshape(moved, {2, 12, 3, 5});
  }
};

}  // namespace

TEST_CASE("fold_shuffle: a convolution stores channels shuffled, for any count of groups") {
  for (const std::int64_t rows : {2, 3, 4}) {
    CAPTURE(rows);
    Net net;
    net.graph.outputs = {net.shuffle(net.conv(), rows)};
    CHECK(checked(fold_shuffle, net.graph) == 1);
    REQUIRE(net.graph.nodes.size() == 1);
    CHECK(net.graph.nodes[0].op == "conv2d");
    CHECK(net.graph.nodes[0].attributes.integer("shuffle") == rows);
  }
}

TEST_CASE("fold_shuffle: pixels as one axis, and another shuffle behind the first") {
  Net net;
  ValueId y = net.reshape(net.conv(), {2, 2, 6, 15});
  y = net.b.apply("transpose", {y}, {{"perm", Ints{0, 2, 1, 3}}});
  y = net.reshape(y, {2, 12, 3, 5});
  net.graph.outputs = {net.shuffle(y, 3)};
  CHECK(checked(fold_shuffle, net.graph) == 1);
  CHECK(count_op(net.graph, "transpose") == 1);
}

TEST_CASE("fold_shuffle: what something else reads stays as it is") {
  for (int reader = 0; reader < 4; ++reader) {
    CAPTURE(reader);
    Net net;
    const ValueId conv = net.conv();
    const ValueId y = net.shuffle(conv, 2);
    const ValueId read = reader == 0 ? conv : reader == 1 ? net.apart : net.moved;
    net.graph.outputs = {y, reader == 3 ? net.b.apply("exp", {read}) : read};
    CHECK(checked(fold_shuffle, net.graph) == 0);
    CHECK(count_op(net.graph, "transpose") == 1);
  }
}

TEST_CASE("fold_shuffle: other permutations, other results, other shapes between") {
  Net net;
  const ValueId other_shape = net.reshape(net.conv(), {2, 2, 6, 3, 5});
  const ValueId batch = net.reshape(net.conv(), {4, 3, 2, 3, 5});
  const ValueId turned = net.b.apply("transpose", {batch}, {{"perm", Ints{0, 2, 1, 3, 4}}});
  net.graph.outputs = {
      net.shuffle(net.conv(), 2, {0, 2, 1, 4, 3}),
      net.shuffle(net.conv(), 2, {1, 0, 2, 3, 4}),
      net.reshape(net.b.apply("transpose", {other_shape}, {{"perm", Ints{0, 2, 1, 3, 4}}}),
                  {2, 4, 9, 5}),
      net.reshape(turned, {2, 12, 3, 5}),
      net.shuffle(net.b.apply("exp", {net.conv()}), 2),
  };
  CHECK(checked(fold_shuffle, net.graph) == 0);
}

TEST_CASE("fold_shuffle: a residual or another shuffle keeps it out") {
  Net net;
  const ValueId residual = add_value(net.graph, "r", {2, 12, 3, 5}, Role::input);
  const ValueId sum = net.b.apply("conv2d", {net.x, net.w, net.bias, residual},
                                  {{"group", std::int64_t{2}}, {"epilogue", "add(x0, x1)"}});
  net.graph.outputs = {net.shuffle(sum, 2),
                       net.shuffle(net.conv({{"shuffle", std::int64_t{3}}}), 2)};
  CHECK(checked(fold_shuffle, net.graph) == 0);
}

TEST_CASE("fold_shuffle: a convolution that runs in blocks keeps them") {
  for (const bool blocks : {false, true}) {
    CAPTURE(blocks);
    Graph graph;
    Builder b(graph);
    const std::int64_t channels = blocks ? 32 : 24;  // groups of 16 fill blocks; of 12 do not
    ValueId y = add_value(graph, "x", {1, channels, 8, 8}, Role::input);
    const ValueId w = add_value(graph, "w", {channels, channels / 2, 1, 1}, Role::parameter);
    const auto conv = [&] { y = b.apply("conv2d", {y, w}, {{"group", std::int64_t{2}}}); };
    conv();
    y = b.apply("reshape", {y}, {{"shape", Ints{1, 2, channels / 2, 8, 8}}});
    y = b.apply("transpose", {y}, {{"perm", Ints{0, 2, 1, 3, 4}}});
    y = b.apply("reshape", {y}, {{"shape", Ints{1, channels, 8, 8}}});
    conv();
    graph.outputs = {y};
    const std::vector<Array> wanted = run_random(graph);
    Target target = wide_target();
    target.peak_gflops = 0.1;  // so that small nets run in blocks, too
    target.launch_us = 0.001;
    run_passes(graph, target, {});
    check_same(wanted, run_random(graph), 1e-5);
    int shuffling = 0;
    for (const Node& node : graph.nodes) shuffling += node.attributes.has("shuffle") ? 1 : 0;
    CHECK(shuffling == (blocks ? 0 : 1));
  }
}

}  // namespace pinnacle::test
