// A small training graph whose batch_norm is whole or in parts.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "passes/builders.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {

enum class BatchNorm { whole, parts, exchanged };

inline int split_as(Graph& graph, BatchNorm form) {
  if (form == BatchNorm::whole) return 0;
  return split_batch_norm(graph, form == BatchNorm::exchanged ? std::optional(1.0) : std::nullopt);
}

/// Two times convolution, batch_norm and relu, the second with a shortcut around it. x has this shape.
/// Outputs: the gradient of every parameter, the loss; the statistics go into states.
inline Graph batch_norm_net(const Shape& shape, BatchNorm form) {
  using Ints = Attributes::Ints;
  Graph graph;
  Builder b(graph);
  std::vector<ValueId> wanted;
  const std::int64_t channels = shape[1];
  const auto parameter = [&](Shape of) {
    wanted.push_back(add_value(graph, graph.fresh_name("p"), std::move(of), Role::parameter));
    return wanted.back();
  };
  const auto norm = [&](ValueId x) {
    x = b.apply("conv2d", {x, parameter({channels, channels, 3, 3})}, {{"pads", Ints{1, 1, 1, 1}}});
    const std::vector<ValueId> y =
        b.apply_all(find_op("batch_norm_training"),
                    {x, parameter({channels}), parameter({channels})}, {{"epsilon", 1e-3}});
    for (std::size_t i = 1; i < 3; ++i) {
      const ValueId state = add_value(graph, graph.fresh_name("s"), {channels}, Role::state);
      graph.updates.push_back({.target = state, .source = y[i]});
    }
    return y[0];
  };
  const ValueId x = add_value(graph, "x", shape, Role::input);
  const ValueId first = b.apply("relu", {norm(x)});
  const ValueId second = b.apply("relu", {b.apply("add", {norm(first), first})});
  split_as(graph, form);
  const ValueId loss = b.apply("reduce_mean", {b.apply("mul", {second, second})});
  graph.outputs = differentiate(graph, loss, wanted);
  graph.outputs.push_back(loss);
  return graph;
}

}  // namespace pinnacle::test
