// SPDX-License-Identifier: Apache-2.0
#include "ops/host.hpp"

namespace pinnacle {
namespace {

// The node's operands with the other participants'. A float is what travels.
std::vector<Array> exchanged(const Node& node, std::span<const Array> own, Exchange& exchange) {
  std::vector<std::vector<float>> numbers;
  std::vector<std::span<float>> parts;
  for (const Array& array : own) {
    numbers.emplace_back(array.data.begin(), array.data.end());
    parts.emplace_back(numbers.back());
  }
  if (node.op == "all_reduce_moments") {
    exchange.moments(node.name, parts[0], parts[1], node.attributes.number("share"));
  } else {
    exchange.sum(node.name, parts);
  }
  std::vector<Array> results;
  for (std::size_t i = 0; i < own.size(); ++i) {
    results.emplace_back(own[i].shape);
    results.back().data.assign(numbers[i].begin(), numbers[i].end());
  }
  return results;
}

}  // namespace

void run_on_host(const Graph& graph, std::map<ValueId, Array>& values, Exchange* exchange) {
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
    std::vector<Array> results = node.def->exchanges && exchange != nullptr
                                     ? exchanged(node, inputs, *exchange)
                                     : node.def->reference(view(graph, node), inputs);
    for (std::size_t k = 0; k < node.outputs.size(); ++k) {
      values[node.outputs[k]] = std::move(results[k]);
    }
  }
}

Lowering lower_to_host(const OpView& op) {
  HostCall call{.op = op.node->op,
                .inputs = {},
                .input_types = {},
                .outputs = {},
                .output_types = op.out,
                .run = {}};
  std::vector<bool> present;
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    present.push_back(op.has_input(i));
    if (!present.back()) continue;
    call.inputs.push_back(in(static_cast<int>(i)));
    call.input_types.push_back(*op.in[i]);
  }
  for (std::size_t i = 0; i < op.out.size(); ++i) call.outputs.push_back(out(static_cast<int>(i)));
  // The plan outlives the graph: the call owns its node.
  call.run = [node = *op.node, view = op, present](std::span<const Tensor> given) {
    OpView own = view;
    own.node = &node;
    std::vector<Array> inputs;
    std::size_t next = 0;
    for (const bool there : present) {
      inputs.push_back(there ? to_array(given[next++]) : Array());
    }
    std::vector<Tensor> results;
    const std::vector<Array> arrays = node.def->reference(own, inputs);
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      results.push_back(to_tensor(arrays[i], own.out[i].dtype));
    }
    return results;
  };
  Lowering lowering;
  lowering.calls.emplace_back(std::move(call));
  return lowering;
}

}  // namespace pinnacle
