// common_subexpressions: nodes with the same op, options and inputs become one, as do small constants
// with the same contents. Every op is a function of its inputs and options (dropout's counter is an
// input), so that this changes no value.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>

#include "passes/match.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

// What weighs more is compared by identity alone: equal weights are rare, and hashing them all is not.
constexpr std::size_t kMostBytes = 4096;

// Constants -> the first constant with the same type and contents.
std::vector<ValueId> equal_constants(const Graph& graph) {
  std::vector<ValueId> first(graph.values.size(), kNoValue);
  std::unordered_map<std::string, ValueId> known;
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    const GraphValue& value = graph.values[v];
    if (value.role != Role::constant) continue;
    const std::span<const std::byte> bytes = value.data->bytes();
    std::string key = to_string(value.type);
    if (bytes.size() <= kMostBytes) {
      key.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    } else {
      key += fmt::format("@{}", static_cast<const void*>(value.data.get()));
    }
    first[v] = known.emplace(std::move(key), static_cast<ValueId>(v)).first->second;
  }
  return first;
}

struct AttributeKey {
  std::string operator()(std::int64_t v) const { return fmt::format("i{}", v); }
  std::string operator()(double v) const { return fmt::format("d{}", v); }
  std::string operator()(const std::string& v) const { return fmt::format("s{}:{}", v.size(), v); }
  std::string operator()(const Attributes::Ints& v) const {
    return fmt::format("v{}", fmt::join(v, ","));
  }
};

std::string key_of(const Node& node) {
  std::string key =
      fmt::format("{} {} {}(", node.op, static_cast<const void*>(node.def), node.outputs.size());
  for (const ValueId id : node.inputs) key += fmt::format("{},", id);
  for (const auto& [name, attribute] : node.attributes.items()) {
    key += fmt::format(" {}={}", name, std::visit(AttributeKey{}, attribute));
  }
  return key;
}

}  // namespace

int common_subexpressions(Graph& graph) {
  const std::vector<ValueId> first = equal_constants(graph);
  std::unordered_map<std::string, std::vector<ValueId>> known;  // key -> outputs
  Rewriting rewriting(graph);
  return rewriting.run([&](Node& node) {
    for (ValueId& id : node.inputs) {
      if (id != kNoValue && index(id) < first.size() && first[index(id)] != kNoValue) {
        id = first[index(id)];
      }
    }
    const auto [entry, is_new] = known.emplace(key_of(node), node.outputs);
    const auto is_output = [&](ValueId id) { return rewriting.readers().is_output(id); };
    if (is_new || std::any_of(node.outputs.begin(), node.outputs.end(), is_output)) return false;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      rewriting.stands_for(entry->second[i], node.outputs[i]);
    }
    return true;
  });
}

}  // namespace pinnacle
