// plan_memory: liveness, aliases, in-place operation and one arena.
// Values that share storage are joined first; then the storages of the arena are placed, largest
// first, at the lowest offset where they overlap nothing that is alive at the same time.
// Source: Pisarchyk, Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020,
// arXiv:2001.03288 (greedy by size).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "passes/passes.hpp"

namespace pinnacle {
namespace {

class Planner {
 public:
  Planner(const Graph& graph, const std::vector<Choice>& choices, const Target& target, bool share)
      : graph_(graph), choices_(choices), target_(target), share_(share) {}

  MemoryPlan run() {
    find_uses();
    join_storages();
    make_buffers();
    make_scratch();
    finish_outputs_and_updates();
    place_arena();
    return std::move(plan_);
  }

 private:
  struct Storage {
    PlanBuffer::Place place = PlanBuffer::Place::arena;
    int first = 0;
    int last = 0;
    bool pinned = false;  // persistent or external: may not take over another value's memory
  };

  static std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }
  int end() const { return static_cast<int>(graph_.nodes.size()); }

  int root(int value) {
    while (root_[static_cast<std::size_t>(value)] != value) {
      value = root_[static_cast<std::size_t>(value)];
    }
    return value;
  }
  Storage& storage(ValueId id) { return storages_[static_cast<std::size_t>(root(id))]; }

  void find_uses() {
    const std::size_t count = graph_.values.size();
    used_.assign(count, false);
    root_.resize(count);
    std::iota(root_.begin(), root_.end(), 0);
    storages_.resize(count);
    is_output_.assign(count, false);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      for (const ValueId id : graph_.nodes[i].inputs) {
        if (id == kNoValue) continue;
        used_[index(id)] = true;
        storages_[index(id)].last = static_cast<int>(i);
      }
      for (const ValueId id : graph_.nodes[i].outputs) {
        used_[index(id)] = true;
        storages_[index(id)].first = static_cast<int>(i);
        storages_[index(id)].last = std::max(storages_[index(id)].last, static_cast<int>(i));
      }
    }
    for (const ValueId id : graph_.outputs) {
      used_[index(id)] = true;
      is_output_[index(id)] = true;
      storages_[index(id)].last = end();
    }
    for (const Update& update : graph_.updates) {
      used_[index(update.target)] = used_[index(update.source)] = true;
      storages_[index(update.source)].last = end();
    }
    for (const ValueId id : graph_.inputs) used_[index(id)] = true;
    for (std::size_t v = 0; v < count; ++v) {
      const GraphValue& value = graph_.values[v];
      Storage& s = storages_[v];
      switch (value.role) {
        case Role::input:
          s.place = PlanBuffer::Place::external;
          break;
        case Role::parameter:
        case Role::state:
          s.place = PlanBuffer::Place::persistent;
          break;
        case Role::constant:
          s.place = PlanBuffer::Place::constant;
          break;
        case Role::local:
          if (is_output_[v]) s.place = PlanBuffer::Place::external;
          break;
      }
      s.pinned = s.place != PlanBuffer::Place::arena;
    }
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!choices_[i].once) continue;
      for (const ValueId id : graph_.nodes[i].outputs) {
        storages_[index(id)].place = PlanBuffer::Place::kept;
        storages_[index(id)].pinned = true;
      }
    }
  }

  // The state that this value will become, or kNoValue.
  ValueId updated_by(ValueId source) const {
    const auto it = std::find_if(graph_.updates.begin(), graph_.updates.end(),
                                 [&](const Update& u) { return u.source == source; });
    return it == graph_.updates.end() ? kNoValue : it->target;
  }

  void join(ValueId value, ValueId with) {
    Storage& into = storage(with);
    into.last = std::max(into.last, storage(value).last);
    root_[static_cast<std::size_t>(root(value))] = root(with);
  }

  void join_storages() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      const Lowering& lowering = choices_[i].lowering;
      if (lowering.alias_of) {
        const ValueId from = node.inputs[static_cast<std::size_t>(*lowering.alias_of)];
        // An output of the graph needs memory of its own; it is copied (see emit).
        if (!is_output_[index(node.outputs[0])] && updated_by(node.outputs[0]) == kNoValue) {
          join(node.outputs[0], from);
        }
        continue;
      }
      if (!share_) continue;
      for (const auto& [o, k] : lowering.may_share) {
        const ValueId out = node.outputs[static_cast<std::size_t>(o)];
        const ValueId in = node.inputs[static_cast<std::size_t>(k)];
        if (in == kNoValue || root(out) != out || shared_here(node, out, in)) continue;
        Storage& s = storage(in);
        if (s.last != static_cast<int>(i) || graph_.type(in).bytes() != graph_.type(out).bytes()) {
          continue;
        }
        const bool becomes_state = updated_by(out) == in && !is_output_[index(out)];
        if (becomes_state || (s.place == PlanBuffer::Place::arena && !storage(out).pinned)) {
          join(out, in);
        }
      }
    }
  }

  // Whether another operand or result of the node already lives where `in` does.
  bool shared_here(const Node& node, ValueId out, ValueId in) {
    const int at = root(in);
    const auto same = [&](ValueId id) { return id != kNoValue && root(id) == at; };
    return std::any_of(node.outputs.begin(), node.outputs.end(),
                       [&](ValueId id) { return id != out && same(id); }) ||
           std::any_of(node.inputs.begin(), node.inputs.end(),
                       [&](ValueId id) { return id != in && same(id); });
  }

  int add_buffer(PlanBuffer buffer) {
    plan_.buffers.push_back(std::move(buffer));
    return static_cast<int>(plan_.buffers.size()) - 1;
  }

  void make_buffers() {
    plan_.of_value.assign(graph_.values.size(), -1);
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      if (!used_[v] || root_[v] != static_cast<int>(v)) continue;
      const GraphValue& value = graph_.values[v];
      const Storage& s = storages_[v];
      plan_.of_value[v] = add_buffer({.name = value.name,
                                      .type = value.type,
                                      .bytes = std::max<std::size_t>(value.type.bytes(), 4),
                                      .place = s.place,
                                      .offset = 0,
                                      .first = s.first,
                                      .last = s.last,
                                      .data = value.data});
    }
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      if (used_[v]) {
        plan_.of_value[v] = plan_.of_value[static_cast<std::size_t>(root(static_cast<int>(v)))];
      }
    }
  }

  void make_scratch() {
    plan_.scratch.resize(graph_.nodes.size());
    plan_.kept.resize(graph_.nodes.size());
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Choice& choice = choices_[i];
      const auto scratch = choice.once ? PlanBuffer::Place::kept : PlanBuffer::Place::arena;
      add_unnamed(i, "scratch", choice.lowering.scratch_bytes, scratch, plan_.scratch[i]);
      add_unnamed(i, "kept", choice.lowering.kept_bytes, PlanBuffer::Place::kept, plan_.kept[i]);
    }
  }

  void add_unnamed(std::size_t node, const char* kind, const std::vector<std::size_t>& sizes,
                   PlanBuffer::Place place, std::vector<int>& buffers) {
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      buffers.push_back(
          add_buffer({.name = fmt::format("{}.{}{}", graph_.nodes[node].name, kind, k),
                      .type = {Shape({static_cast<std::int64_t>(sizes[k])}), DType::u8},
                      .bytes = std::max<std::size_t>(sizes[k], 4),
                      .place = place,
                      .offset = 0,
                      .first = static_cast<int>(node),
                      .last = static_cast<int>(node),
                      .data = nullptr}));
    }
  }

  void finish_outputs_and_updates() {
    // Outputs that are inputs, parameters or constants themselves get a copy of their own, taken
    // before any update.
    output_copies();
    // Sources that live in persistent memory are saved first: another update may overwrite them.
    std::vector<std::pair<int, int>> updates;
    for (const Update& update : graph_.updates) {
      int from = plan_.of_value[index(update.source)];
      const int to = plan_.of_value[index(update.target)];
      if (from == to) continue;
      if (plan_.buffers[static_cast<std::size_t>(from)].place == PlanBuffer::Place::persistent) {
        PlanBuffer saved = plan_.buffers[static_cast<std::size_t>(from)];
        saved.name += ".saved";
        saved.place = PlanBuffer::Place::arena;
        saved.first = saved.last = end();
        saved.data = nullptr;
        const int temporary = add_buffer(std::move(saved));
        plan_.final_copies.emplace_back(from, temporary);
        from = temporary;
      }
      updates.emplace_back(from, to);
    }
    plan_.final_copies.insert(plan_.final_copies.end(), updates.begin(), updates.end());
  }

  void output_copies() {
    for (const ValueId id : graph_.outputs) {
      const int from = plan_.of_value[index(id)];
      const PlanBuffer& buffer = plan_.buffers[static_cast<std::size_t>(from)];
      if (graph_.value(id).role == Role::local && buffer.place == PlanBuffer::Place::external) {
        continue;
      }
      PlanBuffer copy = buffer;
      copy.name += ".out";
      copy.place = PlanBuffer::Place::external;
      copy.data = nullptr;
      const int to = add_buffer(std::move(copy));
      plan_.final_copies.emplace_back(from, to);
      plan_.output_copy[id] = to;
    }
  }

  void place_arena() {
    std::vector<int> order;
    for (std::size_t i = 0; i < plan_.buffers.size(); ++i) {
      if (plan_.buffers[i].place == PlanBuffer::Place::arena) order.push_back(static_cast<int>(i));
    }
    const auto buffer = [&](int i) -> PlanBuffer& {
      return plan_.buffers[static_cast<std::size_t>(i)];
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](int a, int b) { return buffer(a).bytes > buffer(b).bytes; });
    const std::size_t alignment = std::max<std::size_t>(target_.buffer_alignment, 4);
    const auto aligned = [&](std::size_t bytes) {
      return (bytes + alignment - 1) / alignment * alignment;
    };
    std::vector<int> placed;  // by offset
    for (const int i : order) {
      PlanBuffer& b = buffer(i);
      plan_.unshared_bytes += aligned(b.bytes);
      std::size_t offset = 0;
      for (const int j : placed) {
        const PlanBuffer& other = buffer(j);
        const bool together = !share_ || (other.first <= b.last && b.first <= other.last);
        if (!together) continue;
        if (offset + b.bytes <= other.offset) break;
        offset = std::max(offset, aligned(other.offset + other.bytes));
      }
      b.offset = offset;
      plan_.arena_bytes = std::max(plan_.arena_bytes, aligned(offset + b.bytes));
      placed.insert(
          std::upper_bound(placed.begin(), placed.end(), i,
                           [&](int x, int y) { return buffer(x).offset < buffer(y).offset; }),
          i);
    }
  }

  const Graph& graph_;
  const std::vector<Choice>& choices_;
  const Target& target_;
  bool share_;
  MemoryPlan plan_;
  std::vector<int> root_;
  std::vector<bool> used_;
  std::vector<bool> is_output_;
  std::vector<Storage> storages_;
};

}  // namespace

MemoryPlan plan_memory(const Graph& graph, const std::vector<Choice>& choices, const Target& target,
                       bool share) {
  return Planner(graph, choices, target, share).run();
}

}  // namespace pinnacle
