// choose_variants: for each node the tuned variant, else the first that accepts, with the reasons of
// the others.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.hpp"
#include "ops/epilogue.hpp"
#include "ops/host.hpp"
#include "ops/shape_key.hpp"
#include "passes/passes.hpp"
#include "plan/tuned_setting.hpp"

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
    once = once && some && !node.def->exchanges &&
           std::none_of(node.outputs.begin(), node.outputs.end(),
                        [&](ValueId id) { return read_[index(id)]; });
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

// The parameters of a tuned setting; a reason if a value is not one of the declared.
Decline read_params(const Variant& variant, const TunedSetting& setting, Params& params) {
  for (const auto& [name, value] : setting.values) {
    const auto tunable = std::find_if(variant.space.begin(), variant.space.end(),
                                      [&name = name](const Tunable& t) { return t.name == name; });
    if (tunable == variant.space.end()) {
      return fmt::format("{} has no parameter {}", variant.name, name);
    }
    if (std::find(tunable->values.begin(), tunable->values.end(), value) == tunable->values.end()) {
      return fmt::format("{} of {} cannot be {}", name, variant.name, value);
    }
    params[name] = value;
  }
  return std::nullopt;
}

// Variants check their heuristic's choice in accepts(); a tuned one may ask for more.
Decline fits_device(const Lowering& lowering, const Target& target) {
  std::vector<Call> calls = lowering.prepare;
  calls.insert(calls.end(), lowering.calls.begin(), lowering.calls.end());
  for (const Call& call : calls) {
    const auto* kernel = std::get_if<KernelCall>(&call);
    if (kernel == nullptr) continue;
    if (Decline reason = fits_loop_limit(target, kernel->loop_iterations)) return reason;
    std::size_t local_bytes = 0;
    for (const Arg& arg : kernel->args) {
      if (const auto* local = std::get_if<LocalBytes>(&arg)) local_bytes += local->bytes;
    }
    if (local_bytes > target.local_memory) {
      return fmt::format("{} needs {} bytes of local memory; there are {}", kernel->file,
                         local_bytes, target.local_memory);
    }
    std::size_t items = 1;
    for (std::size_t i = 0; i < 3; ++i) {
      items *= kernel->local[i];
      if (kernel->local[i] > target.max_work_item[i]) items = SIZE_MAX / 2;
    }
    if (items > target.max_work_group) {
      return fmt::format("{} needs larger work-groups than there are", kernel->file);
    }
  }
  return std::nullopt;
}

// Nothing is trusted: the entry may come from a file that somebody wrote by hand.
Decline choose_tuned(const OpView& op, const Target& target, const std::string& text,
                     Choice& choice) {
  const std::optional<TunedSetting> setting = parse_setting(text);
  if (!setting) return fmt::format("\"{}\" is no setting", text);
  const std::vector<Variant>& variants = op.node->def->variants;
  const auto variant = std::find_if(variants.begin(), variants.end(),
                                    [&](const Variant& v) { return v.name == setting->variant; });
  if (variant == variants.end()) return fmt::format("there is no variant {}", setting->variant);
  if (Decline reason = variant->accepts(op, target)) {
    return fmt::format("{} declines: {}", variant->name, *reason);
  }
  Params params = default_params(*variant);
  if (Decline reason = read_params(*variant, *setting, params)) return reason;
  try {
    Lowering lowering = variant->lower(op, target, params);
    if (Decline reason = fits_device(lowering, target)) return reason;
    choice.lowering = std::move(lowering);
  } catch (const Error& error) {
    return error.what();
  }
  choice.variant = &*variant;
  choice.reason = "tuned";
  for (const auto& [name, value] : setting->values) {
    choice.reason += fmt::format(" {}={}", name, value);
  }
  return std::nullopt;
}

// Runs every op, slowly.
const Variant& host_variant() {
  static const Variant variant{
      .name = "host",
      .accepts = [](const OpView&, const Target&) -> Decline { return std::nullopt; },
      .lower = [](const OpView& op, const Target&, const Params&) { return lower_to_host(op); }};
  return variant;
}

// The first variant that neither declines nor is likely to be slow, else the first that can run, else
// the host.
void choose(const OpView& op, const Target& target, const std::string* forced, Choice& choice) {
  if (forced == nullptr && !target.tuned.empty()) {
    const auto entry = target.tuned.find(shape_key(op));
    if (entry != target.tuned.end()) {
      const Decline ignored = choose_tuned(op, target, entry->second, choice);
      if (!ignored) return;
      choice.reason = "tuned entry ignored: " + *ignored;
    }
  }
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
  if (choice.variant == nullptr && forced == nullptr) choice.variant = &host_variant();
  if (choice.variant == nullptr) return;
  if (forced != nullptr) choice.reason = "forced";
  choice.lowering = choice.variant->lower(op, target, default_params(*choice.variant));
}

}  // namespace

std::vector<NodeView> node_views(const Graph& graph) {
  std::vector<NodeView> views;
  FixedValues fixed(graph);
  for (const Node& node : graph.nodes) {
    NodeView next{.op = view(graph, node)};
    next.op.fixed = fixed.inputs(node, next.once);
    views.push_back(std::move(next));
  }
  return views;
}

std::vector<Choice> choose_variants(const Graph& graph, const Target& target,
                                    const std::map<std::string, std::string>& forced) {
  std::vector<Choice> choices;
  std::vector<std::string> unsupported;
  for (const auto& [op, variant] : forced) find_variant(find_op(op), variant);
  for (const NodeView& node : node_views(graph)) {
    const OpView& op = node.op;
    Choice choice;
    choice.once = node.once;
    const auto wanted = forced.find(op.node->op);
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
