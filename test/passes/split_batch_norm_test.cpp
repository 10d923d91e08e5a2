// split_batch_norm: a participant alone computes what batch_norm_training and its gradient do, and
// reads the images as rarely.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "passes/batch_norm_net.hpp"
#include "passes/compare.hpp"
#include "passes/passes.hpp"
#include "targets.hpp"

namespace pinnacle::test {
namespace {

const Shape kShape{2, 32, 14, 14};

// x -> batch_norm -> a formula -> mean, plus `of_statistics` one of mean and variance, with the gradients
// of x, gamma and beta. The statistics are an output and an update.
Graph training(const Shape& shape, BatchNorm form, bool of_statistics) {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", shape, Role::input);
  const ValueId gamma = add_value(graph, "gamma", {shape[1]}, Role::parameter);
  const ValueId beta = add_value(graph, "beta", {shape[1]}, Role::parameter);
  const ValueId running = add_value(graph, "running", {shape[1]}, Role::state);
  const std::vector<ValueId> y =
      b.apply_all(find_op("batch_norm_training"), {x, gamma, beta}, {{"epsilon", 1e-3}}, "norm");
  CHECK(split_as(graph, form) == (form == BatchNorm::whole ? 0 : 1));
  const ValueId curved = b.apply("mul", {b.apply("mul", {y[0], y[0]}), b.apply("exp", {y[0]})});
  ValueId loss = b.apply("reduce_mean", {curved});
  if (of_statistics) {
    const ValueId more = b.apply("mul", {y[1], b.apply("exp", {y[2]})});
    loss = b.apply("add", {loss, b.apply("reduce_sum", {more})});
  }
  const std::vector<ValueId> wanted = {x, gamma, beta};
  graph.outputs = differentiate(graph, loss, wanted);
  graph.outputs.insert(graph.outputs.end(), {loss, y[0], y[1]});
  graph.updates = {{.target = running, .source = y[2]}};
  verify(graph);
  return graph;
}

// How many whole images nodes other than convolutions write.
int images_written(const Graph& graph) {
  int count = 0;
  for (const Node& node : graph.nodes) {
    if (node.op.starts_with("conv2d")) continue;
    count +=
        static_cast<int>(std::count_if(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
          return graph.type(id).shape.elements() == kShape.elements();
        }));
  }
  return count;
}

}  // namespace

TEST_CASE("split_batch_norm: results, statistics and gradients stay what they were") {
  for (const Shape& shape : {Shape{6, 3}, Shape{2, 3, 4, 5}}) {
    for (const bool of_statistics : {false, true}) {
      CAPTURE(shape.rank());
      CAPTURE(of_statistics);
      const std::vector<Array> whole = run_random(training(shape, BatchNorm::whole, of_statistics));
      check_same(run_random(training(shape, BatchNorm::parts, of_statistics)), whole);
      check_same(run_random(training(shape, BatchNorm::exchanged, of_statistics)), whole);
    }
  }
}

TEST_CASE("split_batch_norm: gradients of x are one formula, activations join the forward one") {
  for (const Target& target : {wide_target(), simt_target()}) {
    CAPTURE(target.name);
    const auto images_of = [&](BatchNorm form) {
      Graph graph = batch_norm_net(kShape, form);
      const std::vector<Array> before = run_random(graph);
      run_passes(graph, target, {});
      check_same(run_random(graph), before);
      return images_written(graph);
    };
    // The whole one and its activation each write an image, twice.
    const int whole = images_of(BatchNorm::whole);
    CHECK(images_of(BatchNorm::parts) == whole - 2);
    CHECK(images_of(BatchNorm::exchanged) == whole - 2);
  }
}

}  // namespace pinnacle::test
