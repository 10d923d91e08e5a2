// choose_layout: which nodes run on blocked channels (ops/blocked.hpp), so that a whole net stays in
// the layout in which its kernels are fast. The values between them become 5-D tensors; transposes
// are inserted where a value crosses the border.
// Source: the trade of layouts against conversions as in Liu et al., "Optimizing CNN Model Inference
// on CPUs", 2019, arXiv:1809.02697; the search (flips from both uniform choices) is our own.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <optional>

#include "ops/blocked.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

// What a choice costs, in seconds that it takes longer than plain kernels without conversions.
class Choices {
 public:
  Choices(const Graph& graph, const Target& target, std::int64_t block, const PassOptions& options)
      : graph_(graph), free_ports_(options.free_ports) {
    const double rate = 1e9 * std::max(target.bandwidth_gbs, 1.0);
    overhead_ = 1e-6 * target.launch_us;
    seconds_per_byte_ = 1 / rate;
    for (const Node& node : graph.nodes) {
      const OpView op = view(graph, node);
      forms.push_back(node.def->blocked ? node.def->blocked(op, block, target) : std::nullopt);
      const auto forced = options.variants.find(node.op);
      if (forms.back() && forced != options.variants.end()) {
        obey(op, forced->second, target, forms.back());
      }
    }
    users_.resize(graph.values.size());
    writer_.assign(graph.values.size(), -1);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      const Node& node = graph.nodes[i];
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        if (node.inputs[k] != kNoValue) users_[index(node.inputs[k])].push_back({i, k});
      }
      for (std::size_t k = 0; k < node.outputs.size(); ++k) {
        writer_[index(node.outputs[k])] = static_cast<int>(i);
        writer_output_[node.outputs[k]] = k;
      }
    }
    read_.assign(graph.values.size(), false);
    if (!free_ports_) {
      for (const ValueId id : graph.outputs) read_[index(id)] = true;
    }
    for (const Update& update : graph.updates) read_[index(update.source)] = true;
  }

  // The best of two local searches; empty: nothing is worth it.
  std::vector<bool> run() {
    std::vector<bool> best(graph_.nodes.size(), false);
    double best_cost = -1e-9;
    for (const bool start : {true, false}) {
      chosen_.assign(graph_.nodes.size(), false);
      for (std::size_t i = 0; i < chosen_.size(); ++i) chosen_[i] = start && forms[i].has_value();
      improve();
      const double cost = total();
      if (cost < best_cost) {
        best = chosen_;
        best_cost = cost;
      }
    }
    saved = -best_cost;
    return best;
  }

  std::vector<std::optional<BlockedForm>> forms;
  double saved = 0;  // seconds, about

 private:
  struct Use {
    std::size_t node, input;
  };

  // A forced variant decides: on rows if it runs there, else in blocks at any price.
  static void obey(const OpView& op, const std::string& forced, const Target& target,
                   std::optional<BlockedForm>& form) {
    for (const Variant& variant : op.node->def->variants) {
      if (variant.name != forced) continue;
      if (variant.accepts(op, target)) {
        form->seconds_saved = 1e9;
      } else {
        form.reset();
        return;
      }
    }
  }

  bool reads_blocked(const Use& use) const {
    return chosen_[use.node] && forms[use.node]->inputs[use.input];
  }
  bool written_blocked(ValueId id) const {
    const int node = writer_[index(id)];
    return node >= 0 && chosen_[static_cast<std::size_t>(node)] &&
           forms[static_cast<std::size_t>(node)]->outputs[writer_output_.at(id)];
  }

  // Converting once serves all users.
  double conversion(ValueId id) const {
    const GraphValue& value = graph_.value(id);
    bool blocked = false;
    bool plain = read_[index(id)];
    for (const Use& use : users_[index(id)]) (reads_blocked(use) ? blocked : plain) = true;
    const bool is_blocked = written_blocked(id);
    if (writer_[index(id)] < 0 && free_ports_ && value.role == Role::input && !plain) return 0;
    if (is_blocked ? !plain : !blocked) return 0;
    return overhead_ + 2 * static_cast<double>(value.type.bytes()) * seconds_per_byte_;
  }

  double around(std::size_t i) const {
    double cost = chosen_[i] ? -forms[i]->seconds_saved : 0;
    for (const ValueId id : graph_.nodes[i].inputs) {
      if (id != kNoValue) cost += conversion(id);
    }
    for (const ValueId id : graph_.nodes[i].outputs) cost += conversion(id);
    return cost;
  }

  void improve() {
    for (int round = 0; round < 8; ++round) {
      bool changed = false;
      for (std::size_t i = 0; i < chosen_.size(); ++i) {
        if (!forms[i]) continue;
        const double before = around(i);
        chosen_[i] = !chosen_[i];
        if (around(i) < before - 1e-12) {
          changed = true;
        } else {
          chosen_[i] = !chosen_[i];
        }
      }
      if (!changed) return;
    }
  }

  double total() const {
    double cost = 0;
    for (std::size_t i = 0; i < chosen_.size(); ++i) {
      if (chosen_[i]) cost -= forms[i]->seconds_saved;
    }
    for (std::size_t v = 0; v < users_.size(); ++v) cost += conversion(static_cast<ValueId>(v));
    return cost;
  }

  const Graph& graph_;
  bool free_ports_;
  double overhead_ = 0;
  double seconds_per_byte_ = 0;
  std::vector<std::vector<Use>> users_;
  std::vector<int> writer_;
  std::map<ValueId, std::size_t> writer_output_;
  std::vector<bool> read_;
  std::vector<bool> chosen_;
};

// The graph again, node by node, with values in one form or in both.
class Rewriter {
 public:
  Rewriter(Graph& graph, std::int64_t block, bool free_ports)
      : graph_(graph), builder_(graph), block_(block), free_ports_(free_ports) {}

  int run(const std::vector<bool>& chosen, const std::vector<std::optional<BlockedForm>>& forms) {
    std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    count_plain_users(nodes, chosen, forms);
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (chosen[i]) {
        add_blocked(nodes[i], *forms[i]);
      } else {
        for (const ValueId id : nodes[i].inputs) need_plain(id);
        graph_.nodes.push_back(std::move(nodes[i]));
      }
    }
    for (ValueId& id : graph_.outputs) {
      const auto blocked = blocked_.find(id);
      if (free_ports_ && blocked != blocked_.end() && missing_.count(id) != 0) {
        std::swap(graph_.value(id).name, graph_.value(blocked->second).name);
        id = blocked->second;
      } else {
        need_plain(id);
      }
    }
    for (const Update& update : graph_.updates) need_plain(update.source);
    return conversions_;
  }

 private:
  void count_plain_users(const std::vector<Node>& nodes, const std::vector<bool>& chosen,
                         const std::vector<std::optional<BlockedForm>>& forms) {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      for (std::size_t k = 0; k < nodes[i].inputs.size(); ++k) {
        const ValueId id = nodes[i].inputs[k];
        if (id != kNoValue && !(chosen[i] && forms[i]->inputs[k])) ++plain_users_[id];
      }
    }
  }

  // A value that so far exists in blocks only, as rows.
  void need_plain(ValueId id) {
    const auto channels = id == kNoValue ? missing_.end() : missing_.find(id);
    if (channels == missing_.end()) return;
    unblock_channels(builder_, blocked_.at(id), graph_.type(id).shape[1]);
    // The last node writes the value itself, under its own name.
    graph_.nodes.back().outputs[0] = id;
    missing_.erase(channels);
    ++conversions_;
  }

  ValueId blocked(ValueId id) {
    const auto known = blocked_.find(id);
    if (known != blocked_.end()) return known->second;
    GraphValue& value = graph_.value(id);
    if (free_ports_ && value.role == Role::input && plain_users_[id] == 0) {
      value.type.shape = blocked_shape(value.type.shape, block_);
      return blocked_[id] = id;
    }
    ++conversions_;
    return blocked_[id] = block_channels(builder_, id, block_);
  }

  void add_blocked(const Node& node, const BlockedForm& form) {
    std::vector<ValueId> inputs;
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      const ValueId id = node.inputs[k];
      if (id == kNoValue || !form.inputs[k]) {
        need_plain(id);
        inputs.push_back(id);
      } else {
        inputs.push_back(blocked(id));
      }
    }
    const std::vector<ValueId> outputs = form.build(builder_, inputs, node.name);
    for (std::size_t k = 0; k < node.outputs.size(); ++k) {
      if (form.outputs[k]) {
        blocked_[node.outputs[k]] = outputs[k];
        missing_[node.outputs[k]] = true;
        graph_.value(outputs[k]).name = graph_.value(node.outputs[k]).name + ".blocked";
        continue;
      }
      // Written as it was: the node that wrote the new value writes the old one.
      for (Node& writer : graph_.nodes) {
        std::replace(writer.outputs.begin(), writer.outputs.end(), outputs[k], node.outputs[k]);
      }
    }
  }

  Graph& graph_;
  Builder builder_;
  std::int64_t block_;
  bool free_ports_;
  std::map<ValueId, ValueId> blocked_;
  std::map<ValueId, bool> missing_;  // blocked only
  std::map<ValueId, int> plain_users_;
  int conversions_ = 0;
};

}  // namespace

std::string choose_layout(Graph& graph, const Target& target, const PassOptions& options) {
  if (target.host || target.family != Family::wide || target.vector_width < 4) return "";
  const std::int64_t block = target.vector_width;
  Choices choices(graph, target, block, options);
  const std::vector<bool> chosen = choices.run();
  const auto count = std::count(chosen.begin(), chosen.end(), true);
  if (count == 0) return "";
  const std::size_t nodes = chosen.size();
  const int conversions = Rewriter(graph, block, options.free_ports).run(chosen, choices.forms);
  return fmt::format(
      "choose_layout: {} of {} nodes in blocks of {} channels, {} conversions, "
      "saves about {:.3g} ms",
      count, nodes, block, conversions, 1e3 * choices.saved);
}

}  // namespace pinnacle
