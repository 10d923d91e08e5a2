// SPDX-License-Identifier: Apache-2.0
#include "passes/match.hpp"

#include <algorithm>

namespace pinnacle {

Readers::Readers(const Graph& graph)
    : count_(graph.values.size(), 0),
      output_(graph.values.size(), false),
      fixed_(graph.values.size(), false) {
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.inputs) {
      if (id != kNoValue) ++count_[index(id)];
    }
  }
  for (const ValueId id : graph.outputs) {
    ++count_[index(id)];
    output_[index(id)] = true;
  }
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    const Role role = graph.values[v].role;
    fixed_[v] = role == Role::constant || role == Role::parameter || role == Role::state;
  }
  for (const Update& update : graph.updates) {
    ++count_[index(update.source)];
    fixed_[index(update.target)] = false;
  }
  for (const Node& node : graph.nodes) {
    const bool fixed = !node.inputs.empty() && !node.def->exchanges &&
                       std::all_of(node.inputs.begin(), node.inputs.end(),
                                   [&](ValueId id) { return id == kNoValue || fixed_[index(id)]; });
    for (const ValueId id : node.outputs) {
      if (fixed && id != kNoValue) fixed_[index(id)] = true;
    }
  }
}

bool Readers::only_in(const Node& node, ValueId id) const {
  return count(id) == std::count(node.inputs.begin(), node.inputs.end(), id);
}

void Readers::add(const std::vector<ValueId>& inputs, int change) {
  for (const ValueId id : inputs) {
    if (id == kNoValue) continue;
    if (index(id) >= count_.size()) count_.resize(index(id) + 1, 0);
    count_[index(id)] += change;
  }
}

void Readers::move(ValueId from, ValueId to) {
  add({to}, count(from));
  add({from}, -count(from));
}

Rewriting::Rewriting(Graph& graph) : graph_(graph), builder_(graph), readers_(graph) {}

ValueId Rewriting::now(ValueId id) const {
  while (id != kNoValue && index(id) < now_.size() && now_[index(id)] != kNoValue) {
    id = now_[index(id)];
  }
  return id;
}

const Node* Rewriting::writer(ValueId id) {
  if (id == kNoValue) return nullptr;
  writer_.resize(graph_.values.size(), -1);
  for (; scanned_ < graph_.nodes.size(); ++scanned_) {
    for (const ValueId output : graph_.nodes[scanned_].outputs) {
      if (output != kNoValue) writer_[index(output)] = static_cast<int>(scanned_);
    }
  }
  const int at = writer_[index(id)];
  return at < 0 ? nullptr : &graph_.nodes[static_cast<std::size_t>(at)];
}

const Node* Rewriting::writer(ValueId id, std::string_view op) {
  const Node* node = writer(id);
  return node != nullptr && node->op == op ? node : nullptr;
}

void Rewriting::writes(ValueId result) {
  graph_.nodes.back().outputs[0] = result;
  scanned_ = std::min(scanned_, graph_.nodes.size() - 1);
}

bool Rewriting::stands_for(ValueId value, ValueId result) {
  if (readers_.is_output(result) || type(value) != type(result)) return false;
  now_.resize(graph_.values.size(), kNoValue);
  now_[index(result)] = value;
  readers_.move(result, value);
  return true;
}

int Rewriting::run(const std::function<bool(Node&)>& visit) {
  std::vector<Node> nodes = std::move(graph_.nodes);
  graph_.nodes.clear();
  int count = 0;
  for (Node& node : nodes) {
    for (ValueId& id : node.inputs) id = now(id);
    const std::vector<ValueId> read = node.inputs;
    const std::size_t first = graph_.nodes.size();
    if (visit(node)) {
      ++count;
    } else {
      graph_.nodes.push_back(std::move(node));
    }
    for (std::size_t i = first; i < graph_.nodes.size(); ++i) {
      readers_.add(graph_.nodes[i].inputs, 1);
    }
    readers_.add(read, -1);
  }
  for (Update& update : graph_.updates) update.source = now(update.source);
  return count;
}

std::optional<double> uniform(const Graph& graph, ValueId id) {
  if (id == kNoValue) return std::nullopt;
  const GraphValue& value = graph.value(id);
  constexpr std::int64_t kMost = 4096;  // what is worth looking at
  const std::int64_t count = value.type.shape.elements();
  if (value.role != Role::constant || count < 1 || count > kMost) return std::nullopt;
  const std::vector<double> data = to_array(*value.data).data;
  const bool same = std::all_of(data.begin(), data.end(), [&](double x) { return x == data[0]; });
  return same ? std::optional(data[0]) : std::nullopt;
}

Shape with_rank(const Shape& shape, std::size_t rank) {
  std::vector<std::int64_t> dims(rank - std::min(rank, shape.rank()), 1);
  dims.insert(dims.end(), shape.begin(), shape.end());
  return Shape(std::move(dims));
}

}  // namespace pinnacle
