// eliminate_transposes: a transpose sinks below what works in any order of the axes, until it meets
// another: then both become one, or none. One that moves nothing but axes of extent 1 is a reshape, and
// a product takes its operands transposed. Nets that were written for channels last come out with
// transposes at their ends alone.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "passes/match.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

using Ints = Attributes::Ints;

// Axis i of y is axis perm[i] of x, in all that follows.
std::size_t at(const Ints& perm, std::size_t i) { return static_cast<std::size_t>(perm[i]); }

Ints inverse(const Ints& perm) {
  Ints result(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) result[at(perm, i)] = static_cast<std::int64_t>(i);
  return result;
}

Shape permuted(const Shape& shape, const Ints& perm) {
  std::vector<std::int64_t> dims;
  for (std::size_t i = 0; i < perm.size(); ++i) dims.push_back(shape[at(perm, i)]);
  return Shape(std::move(dims));
}

// Whether the elements stay where they are in memory: all axes but those of extent 1 keep their order.
bool moves_nothing(const Shape& x, const Ints& perm) {
  Ints moved;
  for (const std::int64_t axis : perm) {
    if (x[static_cast<std::size_t>(axis)] != 1) moved.push_back(axis);
  }
  return std::is_sorted(moved.begin(), moved.end());
}

class Sinking {
 public:
  /// eager: also where the transpose stays for other readers.
  Sinking(Graph& graph, bool eager) : r_(graph), eager_(eager) {}

  int run() {
    return r_.run([this](Node& node) { return visit(node); });
  }

 private:
  bool visit(Node& node) {
    if (node.op == "transpose") return merge(node);
    if (node.op == "matmul") return into_product(node);
    if (node.outputs.size() != 1 || node.inputs.empty()) return false;
    const std::optional<Ints> perm = common_permutation(node);
    if (!perm) return false;
    if (node.def->pointwise || node.op == "cast") return below_pointwise(node, *perm);
    if (node.op == "concat") return below_concat(node, *perm);
    if (node.op == "slice") return below_slice(node, *perm);
    if (node.op == "pad") return below_pad(node, *perm);
    if (node.op.rfind("reduce_", 0) == 0) return below_reduction(node, *perm);
    return false;
  }

  // What is transposed to make this value, and how; nothing if it is no transpose's result.
  struct Transposed {
    ValueId x;
    Ints perm;
  };
  std::optional<Transposed> transposed(ValueId id) {
    const Node* node = r_.writer(id, "transpose");
    if (node == nullptr) return std::nullopt;
    return Transposed{node->inputs[0], node->attributes.ints("perm")};
  }

  // The permutation of all of the node's operands that are transposed. With other readers the transpose
  // would stay as well.
  std::optional<Ints> common_permutation(const Node& node) {
    std::optional<Ints> perm;
    for (const ValueId id : node.inputs) {
      if (id == kNoValue) return std::nullopt;
      const auto operand = transposed(id);
      if (!operand) continue;
      if (perm && *perm != operand->perm) return std::nullopt;
      if (!eager_ && !r_.readers().only_in(node, id)) return std::nullopt;
      perm = operand->perm;
    }
    return perm;
  }

  // An operand as the node needs it once it works on the axes of x; kNoValue if that costs something.
  ValueId untransposed(ValueId id, const Ints& perm) {
    if (const auto operand = transposed(id)) return operand->x;
    const Shape shape = r_.shape(id);
    if (shape.rank() > perm.size()) return kNoValue;
    if (shape.elements() == 1) return id;
    const Shape whole = with_rank(shape, perm.size());
    const Ints back = inverse(perm);
    const Shape wanted = permuted(whole, back);
    if (!moves_nothing(whole, back) && !r_.readers().is_fixed(id)) return kNoValue;
    if (moves_nothing(whole, back)) return reshaped(id, wanted);
    return r_.b().apply("transpose", {reshaped(id, whole)}, {{"perm", back}});
  }

  ValueId reshaped(ValueId id, const Shape& shape) {
    return r_.shape(id) == shape ? id : r_.b().apply("reshape", {id}, {{"shape", shape.dims()}});
  }

  std::optional<std::vector<ValueId>> untransposed(const Node& node, const Ints& perm) {
    std::vector<ValueId> operands;
    for (const ValueId id : node.inputs) {
      operands.push_back(untransposed(id, perm));
      if (operands.back() == kNoValue) return std::nullopt;
    }
    return operands;
  }

  // The node on x, then the transpose.
  bool replace(const Node& node, std::vector<ValueId> operands, Attributes attributes,
               const Ints& perm) {
    const ValueId y =
        r_.b().apply(*node.def, std::move(operands), std::move(attributes), node.name);
    if (std::is_sorted(perm.begin(), perm.end())) {
      r_.writes(node.outputs[0]);
      return true;
    }
    r_.b().apply("transpose", {y}, {{"perm", perm}});
    r_.writes(node.outputs[0]);
    return true;
  }

  bool below_pointwise(const Node& node, const Ints& perm) {
    const Shape& y = r_.shape(node.outputs[0]);
    const bool whole = std::any_of(node.inputs.begin(), node.inputs.end(),
                                   [&](ValueId id) { return transposed(id) && r_.shape(id) == y; });
    if (!whole || y.rank() != perm.size()) return false;
    const auto operands = untransposed(node, perm);
    return operands && replace(node, *operands, node.attributes, perm);
  }

  bool below_concat(const Node& node, const Ints& perm) {
    for (const ValueId id : node.inputs) {
      if (!transposed(id) && !r_.readers().is_fixed(id)) return false;
    }
    const auto operands = untransposed(node, perm);
    if (!operands) return false;
    Attributes attributes = node.attributes;
    attributes.set("axis", perm[static_cast<std::size_t>(attributes.integer("axis"))]);
    return replace(node, *operands, attributes, perm);
  }

  bool below_slice(const Node& node, const Ints& perm) {
    Attributes attributes = node.attributes;
    Ints axes = attributes.ints("axes");
    for (std::int64_t& axis : axes) axis = perm[static_cast<std::size_t>(axis)];
    attributes.set("axes", axes);
    return replace(node, {transposed(node.inputs[0])->x}, attributes, perm);
  }

  bool below_pad(const Node& node, const Ints& perm) {
    Attributes attributes = node.attributes;
    if (node.inputs.size() != 1 || attributes.has("axes")) return false;
    const Ints pads = attributes.ints("pads");
    Ints moved(pads.size());
    if (pads.size() != 2 * perm.size()) return false;
    for (std::size_t i = 0; i < perm.size(); ++i) {
      moved[at(perm, i)] = pads[i];
      moved[at(perm, i) + perm.size()] = pads[i + perm.size()];
    }
    attributes.set("pads", moved);
    return replace(node, {transposed(node.inputs[0])->x}, attributes, perm);
  }

  // Axes that go leave a permutation of the others.
  bool below_reduction(const Node& node, const Ints& perm) {
    if (node.inputs.size() != 1) return false;
    Attributes attributes = node.attributes;
    std::set<std::int64_t> gone;  // axes of x
    Ints axes = attributes.ints("axes", {});
    for (std::int64_t& axis : axes) gone.insert(axis = perm[static_cast<std::size_t>(axis)]);
    if (axes.empty()) gone.insert(perm.begin(), perm.end());
    std::sort(axes.begin(), axes.end());
    attributes.set("axes", axes);
    if (attributes.integer("keepdims", 0) != 0) {
      return replace(node, {transposed(node.inputs[0])->x}, attributes, perm);
    }
    Ints left;
    for (const std::int64_t axis : perm) {
      const auto before = std::distance(gone.begin(), gone.lower_bound(axis));
      if (gone.count(axis) == 0) left.push_back(axis - before);
    }
    return replace(node, {transposed(node.inputs[0])->x}, attributes, left);
  }

  // A transpose of a transpose is one, and perhaps none; one that moves nothing is a reshape.
  bool merge(const Node& node) {
    Ints perm = node.attributes.ints("perm");
    ValueId x = node.inputs[0];
    const auto before = transposed(x);
    if (before) {
      for (std::int64_t& axis : perm) axis = before->perm[static_cast<std::size_t>(axis)];
      x = before->x;
    }
    const ValueId result = node.outputs[0];
    if (std::is_sorted(perm.begin(), perm.end()) && r_.stands_for(x, result)) return true;
    if (moves_nothing(r_.shape(x), perm)) {
      r_.b().apply("reshape", {x}, {{"shape", r_.shape(result).dims()}});
    } else if (before) {
      r_.b().apply("transpose", {x}, {{"perm", perm}});
    } else {
      return false;
    }
    r_.writes(result);
    return true;
  }

  // Operands whose last two axes are exchanged are read that way.
  bool into_product(Node& node) {
    for (std::size_t k = 0; k < 2; ++k) {
      const auto operand = transposed(node.inputs[k]);
      if (!operand || r_.readers().count(node.inputs[k]) != 1) continue;
      Ints perm = operand->perm;
      // A transposed left operand is no longer one tall matrix for a right operand of rank 2.
      if (k == 0 && r_.shape(node.inputs[1]).rank() == 2 && perm.size() > 2) continue;
      std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
      if (!std::is_sorted(perm.begin(), perm.end())) continue;
      const char* option = k == 0 ? "transpose_a" : "transpose_b";
      node.attributes.set(option, std::int64_t{node.attributes.integer(option, 0) == 0});
      node.inputs[k] = operand->x;
      ++products_;
    }
    return false;
  }

  Rewriting r_;
  bool eager_;

 public:
  int products_ = 0;
};

int sink(Graph& graph, bool eager) {
  int changed = 0;
  // What a round leaves unread lets others sink in the next.
  for (int round = 0; round < 4; ++round) {
    Sinking sinking(graph, eager);
    const int now = sinking.run() + sinking.products_;
    eliminate_dead(graph);
    if (now == 0) break;
    changed += now;
  }
  return changed;
}

// Elements that transposes move.
std::int64_t moved(const Graph& graph) {
  std::int64_t sum = 0;
  for (const Node& node : graph.nodes) {
    if (node.op == "transpose") sum += graph.type(node.outputs[0]).shape.elements();
  }
  return sum;
}

}  // namespace

int eliminate_transposes(Graph& graph) {
  const auto is_transpose = [](const Node& node) { return node.op == "transpose"; };
  if (std::none_of(graph.nodes.begin(), graph.nodes.end(), is_transpose)) return 0;
  // Paths that part may meet again, as in x * sigmoid(x): then it pays to sink into each.
  Graph eager = graph;
  const int eager_changes = sink(eager, true);
  const int changes = sink(graph, false);
  if (moved(eager) >= moved(graph)) return changes;
  graph = std::move(eager);
  return eager_changes;
}

}  // namespace pinnacle
