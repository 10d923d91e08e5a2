// choose_variants: for each node the first variant that accepts, with the reasons of the others.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

Params default_params(const Variant& variant) {
  Params params;
  for (const Tunable& tunable : variant.space) params[tunable.name] = tunable.values.front();
  return params;
}

std::string names_of(const OpDef& op) {
  std::string text;
  for (const Variant& variant : op.variants) text += (text.empty() ? "" : ", ") + variant.name;
  return text;
}

const Variant& find_variant(const OpDef& op, const std::string& name) {
  std::vector<std::string> names;
  for (const Variant& variant : op.variants) {
    if (variant.name == name) return variant;
    names.push_back(variant.name);
  }
  const std::string near = suggestion(name, names);
  throw ArgumentError(fmt::format("has no variant {}", name), op.name,
                      near.empty() ? fmt::format("it has {}", names_of(op)) : near);
}

// Values that stay the same from run to run: constants, parameters that the graph does not update,
// and what is made of them alone. What the caller reads is made anew in each run.
class FixedValues {
 public:
  explicit FixedValues(const Graph& graph) : fixed_(graph.values.size(), false) {
    for (std::size_t v = 0; v < graph.values.size(); ++v) {
      const Role role = graph.values[v].role;
      fixed_[v] = role == Role::constant || role == Role::parameter || role == Role::state;
    }
    for (const Update& update : graph.updates) fixed_[index(update.target)] = false;
    read_.assign(graph.values.size(), false);
    for (const Update& update : graph.updates) read_[index(update.source)] = true;
    for (const ValueId id : graph.outputs) read_[index(id)] = true;
  }

  /// Which inputs of the node are fixed; with `once`, its outputs are from now on.
  std::vector<bool> inputs(const Node& node, bool& once) {
    std::vector<bool> fixed;
    bool some = false;
    once = true;
    for (const ValueId id : node.inputs) {
      fixed.push_back(id != kNoValue && fixed_[index(id)]);
      if (id == kNoValue) continue;
      some = true;
      once = once && fixed.back();
    }
    once = once && some && std::none_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) {
             return read_[index(id)];
           });
    if (once) {
      for (const ValueId id : node.outputs) fixed_[index(id)] = true;
    }
    return fixed;
  }

 private:
  static std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }
  std::vector<bool> fixed_;
  std::vector<bool> read_;  // an output of the graph or the next contents of a state
};

// The first variant that neither declines nor is likely to be slow, else the first that can run.
void choose(const OpView& op, const Target& target, const std::string* forced, Choice& choice) {
  const Variant* possible = nullptr;
  for (const Variant& variant : op.node->def->variants) {
    if (forced != nullptr && variant.name != *forced) continue;
    Decline reason = variant.accepts(op, target);
    const bool can_run = !reason;
    if (can_run && forced == nullptr && variant.avoid) reason = variant.avoid(op, target);
    if (can_run && possible == nullptr) possible = &variant;
    if (!reason) {
      choice.variant = &variant;
      break;
    }
    choice.reason +=
        fmt::format("{}not {}: {}", choice.reason.empty() ? "" : "; ", variant.name, *reason);
  }
  if (choice.variant == nullptr) choice.variant = possible;
  if (choice.variant == nullptr) return;
  if (forced != nullptr) choice.reason = "forced";
  choice.lowering = choice.variant->lower(op, target, default_params(*choice.variant));
}

}  // namespace

std::vector<Choice> choose_variants(const Graph& graph, const Target& target,
                                    const std::map<std::string, std::string>& forced) {
  std::vector<Choice> choices;
  std::vector<std::string> unsupported;
  for (const auto& [op, variant] : forced) find_variant(find_op(op), variant);
  FixedValues fixed(graph);
  for (const Node& node : graph.nodes) {
    OpView op = view(graph, node);
    Choice choice;
    op.fixed = fixed.inputs(node, choice.once);
    const auto wanted = forced.find(node.op);
    choose(op, target, wanted == forced.end() ? nullptr : &wanted->second, choice);
    if (choice.variant == nullptr) {
      unsupported.push_back(fmt::format("{}: {}", op.label(), choice.reason));
    }
    choices.push_back(std::move(choice));
  }
  if (!unsupported.empty()) {
    throw UnsupportedError(fmt::format("{} cannot run these nodes", target.name), unsupported,
                           "choose_variants", "choose another device, for example host");
  }
  return choices;
}

}  // namespace pinnacle
