// infer_shapes and eliminate_dead: keeping a graph consistent and minimal.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "passes/passes.hpp"

namespace pinnacle {

void infer_shapes(Graph& graph) {
  for (const Node& node : graph.nodes) {
    OpView op = view(graph, node);
    op.out.clear();
    const std::vector<TensorType> types = node.def->infer(op);
    for (std::size_t i = 0; i < types.size(); ++i) {
      graph.value(node.outputs[i]).type = types[i];
    }
  }
}

int eliminate_dead(Graph& graph) {
  std::vector<bool> needed(graph.values.size(), false);
  const auto need = [&](ValueId id) {
    if (id != kNoValue) needed[static_cast<std::size_t>(id)] = true;
  };
  for (const ValueId id : graph.outputs) need(id);
  for (const Update& update : graph.updates) need(update.source);
  std::vector<bool> keep(graph.nodes.size(), false);
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    keep[i] = std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
      return id != kNoValue && needed[static_cast<std::size_t>(id)];
    });
    if (keep[i]) std::for_each(node.inputs.begin(), node.inputs.end(), need);
  }
  std::vector<Node> nodes;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (keep[i]) nodes.push_back(std::move(graph.nodes[i]));
  }
  const int removed = static_cast<int>(graph.nodes.size() - nodes.size());
  graph.nodes = std::move(nodes);
  return removed;
}

}  // namespace pinnacle
