// fold_constants: nodes of constants become constants, computed by the host reference.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "passes/passes.hpp"

namespace pinnacle {
namespace {

// A folded tensor larger than this would cost more memory than its computation saves, and a reference
// that works longer more time.
constexpr std::int64_t kMostElements = std::int64_t{1} << 22;
constexpr double kMostFlop = 1e8;

bool foldable(const Graph& graph, const Node& node) {
  if (node.def->exchanges) return false;
  const bool constant = std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
    return id == kNoValue || graph.value(id).role == Role::constant;
  });
  const bool small = std::all_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
    return graph.type(id).shape.elements() <= kMostElements;
  });
  if (!constant || !small || node.inputs.empty()) return false;
  return node.def->cost(view(graph, node)).flop <= kMostFlop;
}

}  // namespace

int fold_constants(Graph& graph) {
  std::vector<Node> nodes;
  int folded = 0;
  for (Node& node : graph.nodes) {
    if (!foldable(graph, node)) {
      nodes.push_back(std::move(node));
      continue;
    }
    std::vector<Array> inputs;
    for (const ValueId id : node.inputs) {
      inputs.push_back(id == kNoValue ? Array() : to_array(*graph.value(id).data));
    }
    const std::vector<Array> results = node.def->reference(view(graph, node), inputs);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      GraphValue& value = graph.value(node.outputs[i]);
      value.role = Role::constant;
      value.data = std::make_shared<const Tensor>(to_tensor(results[i], value.type.dtype));
    }
    ++folded;
  }
  graph.nodes = std::move(nodes);
  return folded;
}

}  // namespace pinnacle
