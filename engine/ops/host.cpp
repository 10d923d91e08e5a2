// SPDX-License-Identifier: Apache-2.0
#include "ops/host.hpp"

namespace pinnacle {

void run_on_host(const Graph& graph, std::map<ValueId, Array>& values) {
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    const GraphValue& value = graph.values[i];
    const auto id = static_cast<ValueId>(i);
    if (value.role == Role::constant && values.count(id) == 0) values[id] = to_array(*value.data);
  }
  for (const Node& node : graph.nodes) {
    std::vector<Array> inputs;
    for (const ValueId id : node.inputs) {
      if (id == kNoValue) {
        inputs.emplace_back();
        continue;
      }
      const auto it = values.find(id);
      if (it == values.end()) {
        throw Error(fmt::format("%{} has no contents", graph.value(id).name), node.name);
      }
      inputs.push_back(it->second);
    }
    std::vector<Array> results = node.def->reference(view(graph, node), inputs);
    for (std::size_t k = 0; k < node.outputs.size(); ++k) {
      values[node.outputs[k]] = std::move(results[k]);
    }
  }
}

}  // namespace pinnacle
