// emit: graph, choices and memory as a Plan.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>

#include "passes/passes.hpp"
#include "plan/call_buffers.hpp"

namespace pinnacle {
namespace {

class Emitter {
 public:
  Emitter(const Graph& graph, const MemoryPlan& memory, const Target& target)
      : graph_(graph), memory_(memory), target_(target) {}

  Plan run(std::vector<Choice> choices) {
    plan_.device = target_.name;
    plan_.buffers = memory_.buffers;
    plan_.arena_bytes = memory_.arena_bytes;
    plan_.updates = !graph_.updates.empty();
    std::vector<int> step_of(graph_.nodes.size() + 1, 0);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      step_of[i] = static_cast<int>(plan_.steps.size());
      add_step(i, choices[i]);
    }
    step_of.back() = static_cast<int>(plan_.steps.size());
    for (const auto& [from, to] : memory_.final_copies) {
      Step step;
      step.node = plan_.buffers[static_cast<std::size_t>(to)].name;
      step.op = step.variant = "copy";
      step.bytes = 2.0 * static_cast<double>(plan_.buffers[static_cast<std::size_t>(to)].bytes);
      step.calls.emplace_back(CopyCall{buffer(from), buffer(to)});
      plan_.steps.push_back(std::move(step));
    }
    for (PlanBuffer& b : plan_.buffers) {
      b.first = step_of[static_cast<std::size_t>(b.first)];
      b.last = b.last >= static_cast<int>(graph_.nodes.size())
                   ? static_cast<int>(plan_.steps.size()) - 1
                   : std::max(b.first, step_of[static_cast<std::size_t>(b.last)]);
    }
    for (const ValueId id : graph_.inputs) {
      plan_.inputs.push_back(
          {graph_.value(id).name, memory_.of_value[static_cast<std::size_t>(id)]});
    }
    for (const ValueId id : graph_.outputs) {
      const auto copy = memory_.output_copy.find(id);
      plan_.outputs.push_back(
          {graph_.value(id).name, copy != memory_.output_copy.end()
                                      ? copy->second
                                      : memory_.of_value[static_cast<std::size_t>(id)]});
    }
    return std::move(plan_);
  }

 private:
  static BufferRef buffer(int index) { return {BufferRef::Space::buffer, index}; }

  BufferRef resolve(const BufferRef& ref, const Node& node, std::size_t i) const {
    const auto at = static_cast<std::size_t>(ref.index);
    switch (ref.space) {
      case BufferRef::Space::input:
        return buffer(memory_.of_value[static_cast<std::size_t>(node.inputs.at(at))]);
      case BufferRef::Space::output:
        return buffer(memory_.of_value[static_cast<std::size_t>(node.outputs.at(at))]);
      case BufferRef::Space::scratch:
        return buffer(memory_.scratch[i].at(at));
      case BufferRef::Space::kept:
        return buffer(memory_.kept[i].at(at));
      case BufferRef::Space::buffer:
        break;
    }
    return ref;
  }

  void resolve_call(Call& call, const Node& node, std::size_t i) const {
    for_buffers(call, [&](BufferRef& ref) { ref = resolve(ref, node, i); });
    const auto* kernel = std::get_if<KernelCall>(&call);
    if (kernel != nullptr && target_.loop_limit > 0 &&
        kernel->loop_iterations > target_.loop_limit) {
      throw Error(fmt::format("a work-item of {} loops {} times; this device stops after {}",
                              kernel->file, kernel->loop_iterations, target_.loop_limit),
                  node.name, "the variant must decline: see Target::loop_limit");
    }
  }

  // Removes these calls. Returns the share that is left; 0: nothing is to be done.
  static double leave_out(std::vector<Call>& calls, const std::vector<std::size_t>& needless) {
    if (needless.empty()) return 1;
    const auto all = static_cast<double>(calls.size());
    std::vector<Call> left;
    for (std::size_t k = 0; k < calls.size(); ++k) {
      if (std::find(needless.begin(), needless.end(), k) == needless.end()) {
        left.push_back(std::move(calls[k]));
      }
    }
    calls = std::move(left);
    return static_cast<double>(calls.size()) / all;
  }

  void add_step(std::size_t i, Choice& choice) {
    const Node& node = graph_.nodes[i];
    const OpView op = view(graph_, node);
    Step step;
    step.node = node.name;
    step.op = node.op;
    step.variant = choice.variant->name;
    step.reason = choice.reason;
    if (choice.lowering.alias_of) {
      const int from = memory_.of_value[static_cast<std::size_t>(
          node.inputs[static_cast<std::size_t>(*choice.lowering.alias_of)])];
      const int to = memory_.of_value[static_cast<std::size_t>(node.outputs[0])];
      if (from == to) return;
      step.variant = "copy";
      step.bytes = op.operand_bytes();
      (choice.once ? step.prepare : step.calls).emplace_back(CopyCall{buffer(from), buffer(to)});
    } else {
      const double share = leave_out(choice.lowering.calls, memory_.needless[i]);
      if (share == 0) return;
      const Cost cost = node.def->cost(op);
      step.flop = choice.once ? 0 : cost.flop;
      step.bytes = choice.once ? 0 : cost.bytes * share;
      step.prepare = std::move(choice.lowering.prepare);
      auto& calls = choice.once ? step.prepare : step.calls;
      std::move(choice.lowering.calls.begin(), choice.lowering.calls.end(),
                std::back_inserter(calls));
      if (choice.once) step.reason += step.reason.empty() ? "once" : "; once";
      for (Call& call : step.prepare) resolve_call(call, node, i);
      for (Call& call : step.calls) resolve_call(call, node, i);
    }
    plan_.steps.push_back(std::move(step));
  }

  const Graph& graph_;
  const MemoryPlan& memory_;
  const Target& target_;
  Plan plan_;
};

}  // namespace

Plan emit(const Graph& graph, std::vector<Choice> choices, const MemoryPlan& memory,
          const Target& target) {
  return Emitter(graph, memory, target).run(std::move(choices));
}

}  // namespace pinnacle
