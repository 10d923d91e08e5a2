// fold_batch_norm: batch_norm after a convolution becomes part of its weights and bias, where both
// stay the same from run to run:
//   factor = gamma / sqrt(variance + epsilon),  w' = w factor,  b' = beta + (b - mean) factor
// The new nodes depend on parameters alone, so a plan runs them once (see Step::prepare).
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include "passes/passes.hpp"

namespace pinnacle {
namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

class Folder {
 public:
  explicit Folder(Graph& graph)
      : graph_(graph),
        builder_(graph),
        users_(graph.values.size(), 0),
        producer_(graph.values.size(), -1),
        updated_(graph.values.size(), false) {
    for (const ValueId id : graph.outputs) ++users_[index(id)];
    for (const Update& update : graph.updates) {
      ++users_[index(update.source)];
      updated_[index(update.target)] = true;
    }
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const ValueId id : graph.nodes[i].inputs) {
        if (id != kNoValue) ++users_[index(id)];
      }
      for (const ValueId id : graph.nodes[i].outputs) producer_[index(id)] = static_cast<int>(i);
    }
  }

  int run() {
    std::vector<std::optional<std::size_t>> folds(graph_.nodes.size());  // batch_norm of a conv2d
    std::vector<bool> dead(graph_.nodes.size(), false);
    int count = 0;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (const auto conv = foldable(graph_.nodes[i])) {
        folds[*conv] = i;
        dead[i] = true;
        ++count;
      }
    }
    if (count == 0) return 0;
    const std::vector<Node> nodes = std::move(graph_.nodes);
    graph_.nodes.clear();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (dead[i]) continue;
      if (folds[i]) {
        fold(nodes[i], nodes[*folds[i]]);
      } else {
        graph_.nodes.push_back(nodes[i]);
      }
    }
    return count;
  }

 private:
  bool is_fixed(ValueId id) const {
    const Role role = graph_.value(id).role;
    return !updated_[index(id)] &&
           (role == Role::constant || role == Role::parameter || role == Role::state);
  }

  // The convolution whose only user is this batch_norm.
  std::optional<std::size_t> foldable(const Node& node) const {
    if (node.op != "batch_norm" || producer_[index(node.inputs[0])] < 0) return std::nullopt;
    const auto at = static_cast<std::size_t>(producer_[index(node.inputs[0])]);
    const Node& conv = graph_.nodes[at];
    if (conv.op != "conv2d" || users_[index(node.inputs[0])] != 1) return std::nullopt;
    if (conv.attributes.has("epilogue") || conv.inputs.size() > 3) return std::nullopt;
    for (std::size_t i = 1; i < 5; ++i) {
      if (!is_fixed(node.inputs[i])) return std::nullopt;
    }
    for (std::size_t i = 1; i < conv.inputs.size(); ++i) {
      if (conv.inputs[i] != kNoValue && !is_fixed(conv.inputs[i])) return std::nullopt;
    }
    return at;
  }

  void fold(const Node& conv, const Node& norm) {
    const double epsilon = norm.attributes.number("epsilon");
    const ValueId factor =
        builder_.apply("pointwise", {norm.inputs[1], norm.inputs[4]},
                       {{"expression", fmt::format("div(x0, sqrt(add(x1, {})))", epsilon)}});
    const std::int64_t filters = graph_.type(factor).shape[0];
    const ValueId beside =
        builder_.apply("reshape", {factor}, {{"shape", Attributes::Ints{filters, 1, 1, 1}}});
    const ValueId weight = builder_.apply("mul", {conv.inputs[1], beside});
    const bool has_bias = conv.inputs.size() > 2 && conv.inputs[2] != kNoValue;
    std::vector<ValueId> operands = {norm.inputs[2], norm.inputs[3], factor};
    if (has_bias) operands.push_back(conv.inputs[2]);
    const ValueId bias = builder_.apply(
        "pointwise", operands,
        {{"expression", has_bias ? "add(x0, mul(sub(x3, x1), x2))" : "sub(x0, mul(x1, x2))"}});
    Node folded = conv;
    folded.inputs = {conv.inputs[0], weight, bias};
    folded.outputs = norm.outputs;
    graph_.nodes.push_back(std::move(folded));
  }

  Graph& graph_;
  Builder builder_;
  std::vector<int> users_;
  std::vector<int> producer_;
  std::vector<bool> updated_;
};

}  // namespace

int fold_batch_norm(Graph& graph) { return Folder(graph).run(); }

}  // namespace pinnacle
