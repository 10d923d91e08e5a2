// A memory plan at work, on the host: values are written and read where the plan puts them, and copies
// that it leaves out are left out. What overwrites something alive shows as a wrong result.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/random.hpp"
#include "passes/compare.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {

/// Runs the graph in the memory of its plan; the same inputs and results as run_random. f32 alone.
class Simulation {
 public:
  Simulation(const Graph& graph, const Target& target, const Sharing& sharing)
      : graph_(graph),
        choices_(choose_variants(graph, target, {})),
        plan_(plan_memory(graph, choices_, target, sharing)),
        arena_(plan_.arena_bytes / 4, NAN) {
    for (const PlanBuffer& buffer : plan_.buffers) own_.emplace_back(buffer.bytes / 4, NAN);
  }

  const MemoryPlan& plan() const { return plan_; }

  std::vector<Array> run() {
    Random random(5);
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      const GraphValue& value = graph_.values[v];
      if (value.role == Role::local) continue;
      const Array array =
          value.role == Role::constant ? to_array(*value.data) : random_contents(value, random);
      if (plan_.of_value[v] >= 0) write(plan_.of_value[v], array, {});
    }
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) run_node(i);
    for (const auto& [from, to] : plan_.final_copies) write(to, read(from), {});
    std::vector<Array> results;
    for (const ValueId id : graph_.outputs) {
      const auto copy = plan_.output_copy.find(id);
      results.push_back(read(copy == plan_.output_copy.end() ? buffer_of(id) : copy->second));
    }
    for (const Update& update : graph_.updates) results.push_back(read(buffer_of(update.target)));
    for (std::size_t i = 0; i < results.size(); ++i) {
      const std::size_t outputs = graph_.outputs.size();
      results[i].shape =
          graph_.type(i < outputs ? graph_.outputs[i] : graph_.updates[i - outputs].source).shape;
    }
    return results;
  }

 private:
  int buffer_of(ValueId id) const { return plan_.of_value[static_cast<std::size_t>(id)]; }

  double* memory(int index) {
    const PlanBuffer& buffer = plan_.buffers[static_cast<std::size_t>(index)];
    if (buffer.place == PlanBuffer::Place::arena) return arena_.data() + buffer.offset / 4;
    return own_[static_cast<std::size_t>(index)].data();
  }
  Array read(int index) {
    Array array(plan_.buffers[static_cast<std::size_t>(index)].type.shape);
    std::copy_n(memory(index), array.data.size(), array.data.begin());
    return array;
  }
  // But for these ranges of elements.
  void write(int index, const Array& array,
             const std::vector<std::pair<std::size_t, std::size_t>>& but) {
    for (std::size_t k = 0; k < array.data.size(); ++k) {
      const bool skipped = std::any_of(but.begin(), but.end(), [&](const auto& range) {
        return range.first <= k && k < range.second;
      });
      if (!skipped) memory(index)[k] = array.data[k];
    }
  }

  void run_node(std::size_t i) {
    const Node& node = graph_.nodes[i];
    const Lowering& lowering = choices_[i].lowering;
    const std::vector<std::size_t>& needless = plan_.needless[i];
    std::vector<Array> inputs;
    for (const ValueId id : node.inputs) {
      inputs.push_back(id == kNoValue ? Array() : read(buffer_of(id)));
      if (id != kNoValue) inputs.back().shape = graph_.type(id).shape;
    }
    std::vector<std::pair<std::size_t, std::size_t>> but;
    for (const Lowering::Part& part : lowering.parts) {
      if (std::find(needless.begin(), needless.end(), part.call) == needless.end()) continue;
      const std::size_t start = part.offset / 4;
      but.emplace_back(start, start + inputs[static_cast<std::size_t>(part.input)].data.size());
    }
    if (lowering.range_of && !needless.empty()) return;
    const std::vector<Array> results = node.def->reference(view(graph_, node), inputs);
    for (std::size_t k = 0; k < results.size(); ++k) {
      if (node.outputs[k] != kNoValue) write(buffer_of(node.outputs[k]), results[k], but);
    }
  }

  const Graph& graph_;
  std::vector<Choice> choices_;
  MemoryPlan plan_;
  std::vector<double> arena_;
  std::vector<std::vector<double>> own_;
};

}  // namespace pinnacle::test
