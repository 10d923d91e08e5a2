// Attribute access, graph construction, printing and checking.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/graph.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include <pinnacle/error.hpp>

namespace pinnacle {
namespace {

template <class T>
const T& get(const Attributes::Attribute* attribute, std::string_view name) {
  if (attribute == nullptr) throw ArgumentError("is missing", fmt::format("attribute {}", name));
  if (const T* value = std::get_if<T>(attribute)) return *value;
  throw ArgumentError("has another type", fmt::format("attribute {}", name));
}

std::string show(const Attributes::Attribute& attribute) {
  struct {
    std::string operator()(std::int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const { return fmt::format("{}", v); }
    std::string operator()(const std::string& v) const { return fmt::format("\"{}\"", v); }
    std::string operator()(const Attributes::Ints& v) const { return fmt::format("{}", v); }
  } visitor;
  return std::visit(visitor, attribute);
}

}  // namespace

const Attributes::Attribute* Attributes::find(std::string_view name) const {
  const auto it = items_.find(name);
  return it == items_.end() ? nullptr : &it->second;
}

bool Attributes::has(std::string_view name) const { return find(name) != nullptr; }
std::int64_t Attributes::integer(std::string_view name) const {
  return get<std::int64_t>(find(name), name);
}
double Attributes::number(std::string_view name) const { return get<double>(find(name), name); }
const std::string& Attributes::text(std::string_view name) const {
  return get<std::string>(find(name), name);
}
const Attributes::Ints& Attributes::ints(std::string_view name) const {
  return get<Ints>(find(name), name);
}
std::int64_t Attributes::integer(std::string_view name, std::int64_t absent) const {
  return has(name) ? integer(name) : absent;
}
double Attributes::number(std::string_view name, double absent) const {
  return has(name) ? number(name) : absent;
}
std::string Attributes::text(std::string_view name, std::string_view absent) const {
  return has(name) ? text(name) : std::string(absent);
}
Attributes::Ints Attributes::ints(std::string_view name, const Ints& absent) const {
  return has(name) ? ints(name) : absent;
}

std::string_view to_string(Role role) {
  switch (role) {
    case Role::input:
      return "input";
    case Role::parameter:
      return "parameter";
    case Role::state:
      return "state";
    case Role::constant:
      return "constant";
    case Role::local:
      return "local";
  }
  return "?";
}

ValueId Graph::add_value(GraphValue value) {
  values.push_back(std::move(value));
  return static_cast<ValueId>(values.size() - 1);
}

ValueId Graph::find(std::string_view name) const {
  const auto it = std::find_if(values.begin(), values.end(),
                               [&](const GraphValue& value) { return value.name == name; });
  return it == values.end() ? kNoValue : static_cast<ValueId>(it - values.begin());
}

std::string Graph::fresh_name(std::string_view stem) {
  auto it = counters_.find(stem);
  if (it == counters_.end()) it = counters_.emplace(std::string(stem), 0).first;
  return fmt::format("{}_{}", stem, ++it->second);
}

std::string to_text(const Graph& graph) {
  std::string text;
  const auto name = [&](ValueId id) {
    return id == kNoValue ? std::string("none") : "%" + graph.value(id).name;
  };
  const auto names = [&](const std::vector<ValueId>& ids) {
    std::string list;
    for (const ValueId id : ids) list += (list.empty() ? "" : ", ") + name(id);
    return list;
  };
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    const GraphValue& value = graph.values[i];
    if (value.role == Role::local) continue;
    text += fmt::format("{} %{}: {}\n", to_string(value.role), value.name, value.type);
  }
  for (const Node& node : graph.nodes) {
    text += fmt::format("{} = {}({})", names(node.outputs), node.op, names(node.inputs));
    std::string list;
    for (const auto& [key, attribute] : node.attributes.items()) {
      list += (list.empty() ? "" : ", ") + key + "=" + show(attribute);
    }
    if (!list.empty()) text += " {" + list + "}";
    text += " ->";
    for (const ValueId id : node.outputs) text += fmt::format(" {}", graph.type(id));
    text += "\n";
  }
  for (const Update& update : graph.updates) {
    text += fmt::format("update {} := {}\n", name(update.target), name(update.source));
  }
  text += fmt::format("return {}\n", names(graph.outputs));
  return text;
}

void verify(const Graph& graph) {
  const auto count = static_cast<ValueId>(graph.values.size());
  const auto check_id = [&](ValueId id, const std::string& where) {
    if (id < 0 || id >= count) {
      throw Error(fmt::format("value {} does not exist ({} values)", id, count), where);
    }
  };
  std::vector<bool> written(graph.values.size());
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    const GraphValue& value = graph.values[i];
    written[i] = value.role != Role::local;
    if (value.role == Role::constant && !value.data)
      throw Error("constant has no data", value.name);
    if (value.data && value.data->type() != value.type) {
      throw Error(fmt::format("is {} but its data is {}", value.type, value.data->type()),
                  value.name);
    }
  }
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.inputs) {
      if (id == kNoValue) continue;
      check_id(id, node.name);
      if (!written[static_cast<std::size_t>(id)]) {
        throw Error(fmt::format("reads %{} before it is written", graph.value(id).name), node.name);
      }
    }
    for (const ValueId id : node.outputs) {
      check_id(id, node.name);
      if (written[static_cast<std::size_t>(id)]) {
        throw Error(fmt::format("writes %{} a second time", graph.value(id).name), node.name);
      }
      written[static_cast<std::size_t>(id)] = true;
    }
  }
  for (const ValueId id : graph.outputs) {
    check_id(id, "outputs");
    if (!written[static_cast<std::size_t>(id)]) {
      throw Error(fmt::format("%{} is never written", graph.value(id).name), "outputs");
    }
  }
  for (const auto& [target, source] : graph.updates) {
    check_id(target, "updates");
    check_id(source, "updates");
    const Role role = graph.value(target).role;
    if (role != Role::parameter && role != Role::state) {
      throw Error("only parameters and states can be updated", graph.value(target).name);
    }
    if (graph.type(target) != graph.type(source) || !written[static_cast<std::size_t>(source)]) {
      throw Error(fmt::format("update from %{} does not fit", graph.value(source).name),
                  graph.value(target).name);
    }
  }
}

}  // namespace pinnacle
