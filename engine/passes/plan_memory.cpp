// plan_memory: liveness, aliases, in-place operation and one arena.
// Values that share storage are joined first, whole or as ranges of larger ones; then the storages of the arena are placed, largest
// first, at the lowest offset where they overlap nothing that is alive at the same time.
// Source: Pisarchyk, Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020,
// arXiv:2001.03288 (greedy by size).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

#include "passes/passes.hpp"

namespace pinnacle {
namespace {

class Planner {
 public:
  Planner(const Graph& graph, const std::vector<Choice>& choices, const Target& target,
          const Sharing& sharing)
      : graph_(graph), choices_(choices), target_(target), sharing_(sharing) {}

  MemoryPlan run() {
    find_uses();
    join_storages();
    make_buffers();
    if (sharing_.ranges && sharing_.places) put_outputs_together();
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
  // Where the value starts in its root. Units: bytes.
  std::size_t offset(int value) {
    std::size_t sum = 0;
    for (; root_[static_cast<std::size_t>(value)] != value;
         value = root_[static_cast<std::size_t>(value)]) {
      sum += offset_[static_cast<std::size_t>(value)];
    }
    return sum;
  }
  std::size_t bytes(int value) const { return graph_.type(static_cast<ValueId>(value)).bytes(); }
  Storage& storage(ValueId id) { return storages_[static_cast<std::size_t>(root(id))]; }

  void find_uses() {
    const std::size_t count = graph_.values.size();
    used_.assign(count, false);
    root_.resize(count);
    std::iota(root_.begin(), root_.end(), 0);
    offset_.assign(count, 0);
    plan_.needless.resize(graph_.nodes.size());
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

  // `value`, the start of its storage, becomes the bytes of `with` from `start` on.
  void join(ValueId value, ValueId with, std::size_t start = 0) {
    const std::size_t at = offset(with) + start;
    Storage& into = storage(with);
    into.first = std::min(into.first, storage(value).first);
    into.last = std::max(into.last, storage(value).last);
    const auto own = static_cast<std::size_t>(root(value));
    root_[own] = root(with);
    offset_[own] = at;
  }

  bool is_aligned(std::size_t start) const {
    return start % std::max<std::size_t>(target_.buffer_alignment, 4) == 0;
  }

  // A value that only nodes read and write, in memory of its own or of such values.
  bool is_free(ValueId id) {
    const Storage& s = storage(id);
    return s.place == PlanBuffer::Place::arena && !s.pinned && updated_by(id) == kNoValue;
  }

  bool is_whole(ValueId id) { return offset(id) == 0 && bytes(root(id)) == bytes(id); }

  // Whether values lie at parts of where `id` does: such memory is one of the arena, as an output's
  // may be the caller's.
  bool has_ranges(ValueId id) {
    const int at = root(id);
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      const int value = static_cast<int>(v);
      if (used_[v] && root(value) == at && (offset(value) != 0 || bytes(value) != bytes(at))) {
        return true;
      }
    }
    return false;
  }

  // Operands that nothing else holds are written right into the result.
  void join_parts(std::size_t i) {
    const Node& node = graph_.nodes[i];
    const ValueId out = node.outputs[0];
    if (root(out) != out || !is_free(out)) return;
    for (const Lowering::Part& part : choices_[i].lowering.parts) {
      const ValueId in = node.inputs[static_cast<std::size_t>(part.input)];
      if (!is_whole(in) || !is_free(in) || root(in) == out || !is_aligned(part.offset)) continue;
      join(in, out, part.offset);
      plan_.needless[i].push_back(part.call);
    }
  }

  void join_range(std::size_t i) {
    const Node& node = graph_.nodes[i];
    const Lowering& lowering = choices_[i].lowering;
    const ValueId in = node.inputs[static_cast<std::size_t>(lowering.range_of->input)];
    const ValueId out = node.outputs[0];
    if (root(out) != out || !is_free(out) || !is_free(in)) return;
    if (!is_aligned(lowering.range_of->offset)) return;
    join(out, in, lowering.range_of->offset);
    for (std::size_t k = 0; k < lowering.calls.size(); ++k) plan_.needless[i].push_back(k);
  }

  void join_storages() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      const Lowering& lowering = choices_[i].lowering;
      if (lowering.alias_of) {
        const ValueId from = node.inputs[static_cast<std::size_t>(*lowering.alias_of)];
        const ValueId out = node.outputs[0];
        // An output of the graph needs memory of its own: the input is written there, or copied.
        if (updated_by(out) != kNoValue) continue;
        if (!is_output_[index(out)]) {
          join(out, from);
        } else if (sharing_.places && is_free(from) && is_whole(from) && !has_ranges(from)) {
          join(from, out);
        }
        continue;
      }
      if (sharing_.ranges && sharing_.places && !choices_[i].once) {
        if (!lowering.parts.empty()) join_parts(i);
        if (lowering.range_of) join_range(i);
      }
      if (!sharing_.places) continue;
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
    std::map<std::tuple<int, std::size_t, std::size_t>, int> ranges;  // root, start, size
    for (std::size_t v = 0; v < graph_.values.size(); ++v) {
      if (!used_[v]) continue;
      const int value = static_cast<int>(v);
      const int whole = plan_.of_value[static_cast<std::size_t>(root(value))];
      plan_.of_value[v] = whole;
      if (offset(value) == 0 && bytes(value) == bytes(root(value))) continue;
      const auto [known, is_new] =
          ranges.emplace(std::tuple(whole, offset(value), bytes(value)), 0);
      if (is_new) known->second = add_range(value, whole);
      plan_.of_value[v] = known->second;
    }
  }

  void put_outputs_together() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!choices_[i].lowering.outputs_together || choices_[i].once) continue;
      std::vector<int> parts;
      for (const ValueId id : graph_.nodes[i].outputs) {
        const int buffer = plan_.of_value[index(id)];
        const bool own = is_free(id) && is_whole(id) && !has_ranges(id) &&
                         plan_.buffers[static_cast<std::size_t>(buffer)].part_of < 0;
        if (own && std::find(parts.begin(), parts.end(), buffer) == parts.end()) {
          parts.push_back(buffer);
        }
      }
      if (parts.size() > 1) make_parts(graph_.nodes[i].name, parts);
    }
  }

  // Buffers become ranges of a new one.
  void make_parts(const std::string& name, const std::vector<int>& parts) {
    const std::size_t alignment = std::max<std::size_t>(target_.buffer_alignment, 4);
    PlanBuffer whole{.name = name + ".together", .type = {}, .first = end(), .last = 0, .data = {}};
    const int at = static_cast<int>(plan_.buffers.size());
    for (const int part : parts) {
      PlanBuffer& buffer = plan_.buffers[static_cast<std::size_t>(part)];
      buffer.part_of = at;
      buffer.offset = whole.bytes;
      whole.bytes += (buffer.bytes + alignment - 1) / alignment * alignment;
      whole.first = std::min(whole.first, buffer.first);
      whole.last = std::max(whole.last, buffer.last);
    }
    whole.type = {Shape({static_cast<std::int64_t>(whole.bytes)}), DType::u8};
    add_buffer(std::move(whole));
  }

  int add_range(int value, int whole) {
    PlanBuffer range = plan_.buffers[static_cast<std::size_t>(whole)];
    range.name = graph_.value(static_cast<ValueId>(value)).name;
    range.type = graph_.type(static_cast<ValueId>(value));
    range.bytes = std::max<std::size_t>(bytes(value), 4);
    range.offset = offset(value);
    range.part_of = whole;
    return add_buffer(std::move(range));
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

  PlanBuffer& buffer(int i) { return plan_.buffers[static_cast<std::size_t>(i)]; }
  std::size_t aligned(std::size_t bytes) const {
    const std::size_t alignment = std::max<std::size_t>(target_.buffer_alignment, 4);
    return (bytes + alignment - 1) / alignment * alignment;
  }

  // Each in turn at the lowest offset where it overlaps nothing that is alive with it. Returns the size.
  std::size_t place(const std::vector<int>& order) {
    std::vector<int> placed;  // by offset
    std::size_t size = 0;
    for (const int i : order) {
      PlanBuffer& b = buffer(i);
      std::size_t offset = 0;
      for (const int j : placed) {
        const PlanBuffer& other = buffer(j);
        const bool together = !sharing_.places || (other.first <= b.last && b.first <= other.last);
        if (!together) continue;
        if (offset + b.bytes <= other.offset) break;
        offset = std::max(offset, aligned(other.offset + other.bytes));
      }
      b.offset = offset;
      size = std::max(size, aligned(offset + b.bytes));
      placed.insert(
          std::upper_bound(placed.begin(), placed.end(), i,
                           [&](int x, int y) { return buffer(x).offset < buffer(y).offset; }),
          i);
    }
    return size;
  }

  void place_arena() {
    std::vector<int> order;
    for (std::size_t i = 0; i < plan_.buffers.size(); ++i) {
      const PlanBuffer& b = plan_.buffers[i];
      if (b.place == PlanBuffer::Place::arena && b.part_of < 0)
        order.push_back(static_cast<int>(i));
    }
    const auto larger = [&](int a, int b) { return buffer(a).bytes > buffer(b).bytes; };
    const auto longer = [&](int a, int b) {
      const int length_a = buffer(a).last - buffer(a).first;
      const int length_b = buffer(b).last - buffer(b).first;
      return length_a != length_b ? length_a > length_b : larger(a, b);
    };
    const auto earlier = [&](int a, int b) {
      return buffer(a).first != buffer(b).first ? buffer(a).first < buffer(b).first : larger(a, b);
    };
    for (const int i : order) plan_.unshared_bytes += aligned(buffer(i).bytes);
    std::stable_sort(order.begin(), order.end(), larger);
    plan_.arena_bytes = place(order);
    const std::size_t first = plan_.arena_bytes;
    std::vector<int> best = order;
    for (int way = 0; way < 2; ++way) {
      if (way == 0) std::stable_sort(order.begin(), order.end(), longer);
      if (way == 1) std::stable_sort(order.begin(), order.end(), earlier);
      const std::size_t bytes = place(order);
      // Not for a little: plans are easier to compare when they keep their order.
      if (static_cast<double>(bytes) < 0.97 * static_cast<double>(first) &&
          bytes < plan_.arena_bytes) {
        plan_.arena_bytes = bytes;
        best = order;
      }
    }
    place(best);
    for (PlanBuffer& b : plan_.buffers) {
      if (b.part_of >= 0) b.offset += buffer(b.part_of).offset;
    }
  }

  const Graph& graph_;
  const std::vector<Choice>& choices_;
  const Target& target_;
  Sharing sharing_;
  MemoryPlan plan_;
  std::vector<int> root_;
  std::vector<std::size_t> offset_;  // of a value that is no root: in the one it was joined to
  std::vector<bool> used_;
  std::vector<bool> is_output_;
  std::vector<Storage> storages_;
};

}  // namespace

MemoryPlan plan_memory(const Graph& graph, const std::vector<Choice>& choices, const Target& target,
                       const Sharing& sharing) {
  MemoryPlan plan = Planner(graph, choices, target, sharing).run();
  const bool has_ranges = std::any_of(plan.buffers.begin(), plan.buffers.end(),
                                      [](const PlanBuffer& b) { return b.part_of >= 0; });
  if (!has_ranges) return plan;
  // A range keeps all of its whole alive, which may take more memory than copies.
  MemoryPlan copies =
      Planner(graph, choices, target, {.places = sharing.places, .ranges = false}).run();
  const bool too_large = plan.arena_bytes > target.max_allocation ||
                         plan.arena_bytes > copies.arena_bytes + copies.arena_bytes / 2;
  return too_large ? copies : plan;
}

}  // namespace pinnacle
