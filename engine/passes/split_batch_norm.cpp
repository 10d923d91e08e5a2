// split_batch_norm: batch_norm_training in the parts between which devices exchange statistics.
// SPDX-License-Identifier: Apache-2.0
#include "passes/passes.hpp"

namespace pinnacle {

int split_batch_norm(Graph& graph, std::optional<double> share) {
  std::vector<Node> before = std::move(graph.nodes);
  graph.nodes.clear();
  Builder builder(graph);
  int count = 0;
  for (Node& node : before) {
    if (node.op != "batch_norm_training") {
      graph.nodes.push_back(std::move(node));
      continue;
    }
    ++count;
    const std::vector<ValueId> own = builder.apply_all(
        find_op("batch_norm_statistics"), {node.inputs[0]}, {}, node.name + ".statistics");
    if (share) {
      builder.apply_all(find_op("all_reduce_moments"), own, {{"share", *share}},
                        node.name + ".moments");
    }
    // The values that others know are written by the new nodes.
    graph.nodes.back().outputs = {node.outputs[1], node.outputs[2]};
    builder.apply(
        find_op("batch_norm"),
        {node.inputs[0], node.inputs[1], node.inputs[2], node.outputs[1], node.outputs[2]},
        {{"epsilon", node.attributes.number("epsilon")}}, node.name);
    graph.nodes.back().outputs = {node.outputs[0]};
  }
  return count;
}

}  // namespace pinnacle
