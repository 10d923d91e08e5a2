// Graph: what to compute, as plain data. Nodes in topological order, values with types.
// Built by layers, by importers and by passes; printed with to_text(); checked with verify().
// Thread safety: plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/tensor.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pinnacle {

struct OpDef;  // op.hpp; a graph only carries the pointer

/// Index into Graph::values.
using ValueId = std::int32_t;
/// "No value": an absent optional input or gradient.
inline constexpr ValueId kNoValue = -1;

/// Named options of a node, under their ONNX or Keras names.
class Attributes {
 public:
  using Ints = std::vector<std::int64_t>;
  using Attribute = std::variant<std::int64_t, double, std::string, Ints>;

  Attributes() = default;
  Attributes(std::initializer_list<std::pair<const std::string, Attribute>> items)
      : items_(items) {}

  bool has(std::string_view name) const;
  /// throws ArgumentError if the attribute is absent or of another type
  std::int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  const Ints& ints(std::string_view name) const;
  /// The same with a value for an absent attribute.
  std::int64_t integer(std::string_view name, std::int64_t absent) const;
  double number(std::string_view name, double absent) const;
  std::string text(std::string_view name, std::string_view absent) const;
  Ints ints(std::string_view name, const Ints& absent) const;

  void set(const std::string& name, Attribute value) { items_[name] = std::move(value); }
  const auto& items() const { return items_; }
  bool operator==(const Attributes&) const = default;

 private:
  const Attribute* find(std::string_view name) const;
  std::map<std::string, Attribute, std::less<>> items_;
};

/// Where a value's contents come from, and how long they live.
enum class Role : std::uint8_t {
  input,      ///< given for each run
  parameter,  ///< persistent, trained
  state,      ///< persistent, not trained: running means, optimizer moments, counters
  constant,   ///< known when the plan is compiled
  local,      ///< computed by a node
};
std::string_view to_string(Role role);

struct GraphValue {
  std::string name;
  TensorType type;
  Role role = Role::local;
  /// Contents of a constant; first contents of a parameter or state.
  std::shared_ptr<const Tensor> data;
};

struct Node {
  std::string name;  ///< unique, for messages: "conv2d_2"
  std::string op;    ///< the name in the OpDef
  const OpDef* def = nullptr;
  std::vector<ValueId> inputs;  ///< kNoValue where an optional input is absent
  std::vector<ValueId> outputs;
  Attributes attributes;
};

/// After a run the persistent value `target` holds what `source` was.
struct Update {
  ValueId target;
  ValueId source;
};

struct Graph {
  std::deque<GraphValue> values;  ///< a deque: references stay valid while a graph grows
  std::vector<Node> nodes;        ///< invariant: a node's inputs are written by earlier nodes
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::vector<Update> updates;

  ValueId add_value(GraphValue value);
  const TensorType& type(ValueId id) const { return values[static_cast<std::size_t>(id)].type; }
  const GraphValue& value(ValueId id) const { return values[static_cast<std::size_t>(id)]; }
  GraphValue& value(ValueId id) { return values[static_cast<std::size_t>(id)]; }
  /// The value of that name, or kNoValue.
  ValueId find(std::string_view name) const;
  /// A name that no value or node carries yet: "relu_3".
  std::string fresh_name(std::string_view stem);

 private:
  std::map<std::string, int, std::less<>> counters_;
};

/// One line per value and node; stable, so that it can be saved and diffed.
std::string to_text(const Graph& graph);

/// Checks the invariants: ids in range, topological order, one writer per value, updates of the
/// right type. throws Error naming the node at fault
void verify(const Graph& graph);

}  // namespace pinnacle
