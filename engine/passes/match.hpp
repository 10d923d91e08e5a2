// What passes that rewrite graphs share: who writes and who reads a value, what stays the same from run
// to run, and the walk that writes a graph anew, node by node.
// Thread safety: plain functions on their arguments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include <pinnacle/op.hpp>

namespace pinnacle {

inline std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

/// Who reads the values of a graph.
class Readers {
 public:
  explicit Readers(const Graph& graph);

  /// How often it is read: by nodes, as an output of the graph, as the source of an update.
  int count(ValueId id) const { return index(id) < count_.size() ? count_[index(id)] : 0; }
  bool is_output(ValueId id) const { return index(id) < output_.size() && output_[index(id)]; }
  /// A constant, a parameter or state that the graph does not update, or made of such alone.
  bool is_fixed(ValueId id) const { return index(id) < fixed_.size() && fixed_[index(id)]; }
  /// Whether `node` alone reads it, once or several times.
  bool only_in(const Node& node, ValueId id) const;
  /// A node with these inputs came (1) or went (-1).
  void add(const std::vector<ValueId>& inputs, int change);
  /// What read `from` reads `to` instead.
  void move(ValueId from, ValueId to);

 private:
  std::vector<int> count_;
  std::vector<bool> output_;
  std::vector<bool> fixed_;
};

/// The walk: nodes in their order, each kept, replaced by others, or dropped because another value now
/// stands for its result.
class Rewriting {
 public:
  explicit Rewriting(Graph& graph);

  Graph& graph() { return graph_; }
  Builder& b() { return builder_; }
  const Readers& readers() const { return readers_; }
  const TensorType& type(ValueId id) const { return graph_.type(id); }
  const Shape& shape(ValueId id) const { return graph_.type(id).shape; }

  /// The node that wrote it, if that was walked over or added already. A copy would go stale: valid
  /// until the next node is added.
  const Node* writer(ValueId id);
  /// The same, if it is of that op.
  const Node* writer(ValueId id, std::string_view op);

  /// The last node added writes `result`, whose node is then to be dropped.
  void writes(ValueId result);
  /// From here on `value` is read where `result` was. False, and nothing done, if `result` is an output
  /// of the graph or the types differ: it must be written then.
  bool stands_for(ValueId value, ValueId result);

  /// Calls visit(node) for each, with the current values as its inputs. True: it took care of the
  /// node; false: the node, as it is then, follows. Returns how often it was true.
  int run(const std::function<bool(Node&)>& visit);

 private:
  ValueId now(ValueId id) const;

  Graph& graph_;
  Builder builder_;
  Readers readers_;
  std::vector<ValueId> now_;
  std::vector<int> writer_;  // value -> node of the new graph
  std::size_t scanned_ = 0;  // nodes that writer_ knows
};

/// The number that every element of a constant is; nothing if they differ, or it is no constant.
std::optional<double> uniform(const Graph& graph, ValueId id);

/// A shape that broadcasts as before, with exactly `rank` axes.
Shape with_rank(const Shape& shape, std::size_t rank);

}  // namespace pinnacle
