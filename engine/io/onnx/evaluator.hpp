// Evaluator: what values of a graph under construction hold, found on the host. Bounded: a file may not
// make an import compute for hours or fill the memory.
// Thread safety: none, an import is one thread's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <pinnacle/onnx.hpp>
#include <pinnacle/op.hpp>
#include <set>
#include <string>
#include <vector>

namespace pinnacle::onnx {

class Evaluator {
 public:
  /// REQUIRES: `graph` and `binding` outlive it.
  Evaluator(Graph& graph, const OnnxBinding& binding, const OnnxLimits& limits)
      : graph_(graph), binding_(binding), flop_left_(limits.fold_flop) {}

  /// Turns the nodes from `first` on into constants where all their inputs are, if that is little work.
  void fold(std::size_t first);

  /// The contents of a value; inputs of the model on which they depend become constants.
  /// throws UnsupportedError (without a place) if they are not given, or take too much work
  std::shared_ptr<const Tensor> contents(ValueId id);

  /// The value stands for the result of a node that cannot be imported.
  void forget(ValueId id) { unknown_.insert(id); }
  /// Nodes from `first` on are about to be removed.
  void rewind(std::size_t first) { indexed_nodes_ = std::min(indexed_nodes_, first); }

 private:
  void index_nodes();
  void compute(const Node& node);
  void make_constant(ValueId id, std::shared_ptr<const Tensor> data);

  Graph& graph_;
  const OnnxBinding& binding_;
  double flop_left_;
  std::set<ValueId> unknown_;
  std::map<ValueId, std::shared_ptr<const Tensor>> known_;  // of nodes that stay in the graph
  std::vector<std::int64_t> producer_;                      // value -> node, -1: none
  std::size_t indexed_nodes_ = 0;
};

}  // namespace pinnacle::onnx
