// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/evaluator.hpp"

#include <algorithm>

namespace pinnacle::onnx {
namespace {

// Nodes of constants that take more work stay: the device runs them once. Elements and flop.
constexpr std::int64_t kMostFolded = std::int64_t{1} << 20;
// Results that a shape depends on; beyond this something is wrong. Elements.
constexpr std::int64_t kMostComputed = std::int64_t{1} << 26;

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

// Floating-point work plus elements touched.
double work_of(const Node& node, const OpView& op) {
  double work = node.def->cost(op).flop;
  for (const auto& type : op.in) {
    if (type) work += static_cast<double>(type->shape.elements());
  }
  for (const TensorType& type : op.out) work += static_cast<double>(type.shape.elements());
  return work;
}

}  // namespace

void Evaluator::make_constant(ValueId id, std::shared_ptr<const Tensor> data) {
  GraphValue& value = graph_.value(id);
  value.role = Role::constant;
  value.data = std::move(data);
}

void Evaluator::index_nodes() {
  producer_.resize(graph_.values.size(), -1);
  for (; indexed_nodes_ < graph_.nodes.size(); ++indexed_nodes_) {
    for (const ValueId id : graph_.nodes[indexed_nodes_].outputs) {
      producer_[index(id)] = static_cast<std::int64_t>(indexed_nodes_);
    }
  }
}

// REQUIRES: its inputs are constants or known.
void Evaluator::compute(const Node& node) {
  const OpView op = view(graph_, node);
  for (const TensorType& type : op.out) {
    if (type.shape.elements() > kMostComputed) {
      throw UnsupportedError("is too large to be computed while importing", {to_string(type)});
    }
  }
  flop_left_ -= work_of(node, op);
  if (flop_left_ < 0) {
    throw UnsupportedError("the model computes too much of constants",
                           {"see OnnxLimits::fold_flop"});
  }
  std::vector<Array> inputs;
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) {
      inputs.emplace_back();
      continue;
    }
    const auto known = known_.find(id);
    inputs.push_back(to_array(known != known_.end() ? *known->second : *graph_.value(id).data));
  }
  const std::vector<Array> results = node.def->reference(op, inputs);
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    known_[node.outputs[i]] =
        std::make_shared<const Tensor>(to_tensor(results[i], op.out[i].dtype));
  }
}

void Evaluator::fold(std::size_t first) {
  std::vector<Node>& nodes = graph_.nodes;
  std::size_t kept = first;
  for (std::size_t i = first; i < nodes.size(); ++i) {
    const bool constant =
        !nodes[i].inputs.empty() &&
        std::all_of(nodes[i].inputs.begin(), nodes[i].inputs.end(), [&](ValueId id) {
          return id == kNoValue || graph_.value(id).role == Role::constant;
        });
    const double work = constant ? work_of(nodes[i], view(graph_, nodes[i])) : 0;
    if (!constant || work > static_cast<double>(kMostFolded) || work > flop_left_) {
      if (kept != i) nodes[kept] = std::move(nodes[i]);
      ++kept;
      continue;
    }
    compute(nodes[i]);
    for (const ValueId id : nodes[i].outputs) {
      make_constant(id, known_.at(id));
      known_.erase(id);
    }
  }
  nodes.resize(kept);
  rewind(first);  // those after it have moved
}

std::shared_ptr<const Tensor> Evaluator::contents(ValueId id) {
  index_nodes();
  // Depth first without recursion: chains of thousands of nodes are usual.
  std::vector<ValueId> stack = {id};
  while (!stack.empty()) {
    const ValueId at = stack.back();
    const GraphValue& value = graph_.value(at);
    if (value.role == Role::constant || known_.contains(at)) {
      stack.pop_back();
      continue;
    }
    if (unknown_.contains(at)) {
      throw UnsupportedError("depends on a node that cannot be imported", {value.name});
    }
    const std::int64_t producer = producer_[index(at)];
    if (producer < 0) {
      const auto given = binding_.contents.find(value.name);
      if (given == binding_.contents.end()) {
        throw UnsupportedError(
            fmt::format("depends on the contents of input \"{}\"", value.name),
            {"a shape or a condition must be known when the model is compiled"}, {},
            fmt::format("give its contents: OnnxBinding::contents[\"{}\"]", value.name));
      }
      make_constant(at, std::make_shared<const Tensor>(given->second));
      stack.pop_back();
      continue;
    }
    const Node& node = graph_.nodes[static_cast<std::size_t>(producer)];
    bool ready = true;
    for (const ValueId input : node.inputs) {
      if (input == kNoValue || graph_.value(input).role == Role::constant ||
          known_.contains(input)) {
        continue;
      }
      stack.push_back(input);
      ready = false;
    }
    if (!ready) continue;
    compute(node);
    stack.pop_back();
  }
  const GraphValue& value = graph_.value(id);
  return value.role == Role::constant ? value.data : known_.at(id);
}

}  // namespace pinnacle::onnx
