// choose_variants: for each node the first variant that accepts, with the reasons of the others.
// SPDX-License-Identifier: Apache-2.0
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

}  // namespace

std::vector<Choice> choose_variants(const Graph& graph, const Target& target,
                                    const std::map<std::string, std::string>& forced) {
  std::vector<Choice> choices;
  std::vector<std::string> unsupported;
  for (const auto& [op, variant] : forced) find_variant(find_op(op), variant);
  for (const Node& node : graph.nodes) {
    const OpView op = view(graph, node);
    Choice choice;
    const auto wanted = forced.find(node.op);
    for (const Variant& variant : node.def->variants) {
      if (wanted != forced.end() && variant.name != wanted->second) continue;
      if (const Decline reason = variant.accepts(op, target)) {
        choice.reason +=
            fmt::format("{}not {}: {}", choice.reason.empty() ? "" : "; ", variant.name, *reason);
        continue;
      }
      choice.variant = &variant;
      choice.lowering = variant.lower(op, target, default_params(variant));
      break;
    }
    if (choice.variant == nullptr) {
      unsupported.push_back(fmt::format("{}: {}", op.label(), choice.reason));
    } else if (wanted != forced.end()) {
      choice.reason = "forced";
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
