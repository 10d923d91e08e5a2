// eliminate_identities: nodes that return what they are given go; of reshapes that follow each other
// the last one stays; a reshape lets a pointwise node pass, so that this joins what wrote it; and pointwise
// nodes broadcast by themselves what was expanded for them.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "passes/match.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

bool all_are(const Attributes::Ints& values, std::int64_t wanted) {
  return std::all_of(values.begin(), values.end(), [&](std::int64_t v) { return v == wanted; });
}

// Whether the node's result is its first input. REQUIRES: the types are equal
bool is_identity(const Node& node) {
  const Attributes& a = node.attributes;
  if (node.op == "reshape" || node.op == "expand" || node.op == "identity" || node.op == "cast") {
    return true;
  }
  if (node.op == "concat") return node.inputs.size() == 1;
  if (node.op == "slice") return all_are(a.ints("steps", {}), 1);
  if (node.op == "pad") return all_are(a.ints("pads", {1}), 0);
  if (node.op == "transpose") {
    const Attributes::Ints& perm = a.ints("perm");
    return std::is_sorted(perm.begin(), perm.end());
  }
  return false;
}

// Whether x broadcasts to y in a way that channels in blocks know as well (see pointwise).
bool is_beside(const Shape& x, const Shape& y) {
  if (x.rank() > y.rank()) return false;
  return y.rank() != 4 || x.elements() == 1 || with_rank(x, 4) == Shape{1, y[1], 1, 1};
}

}  // namespace

int eliminate_identities(Graph& graph) {
  Rewriting r(graph);
  // A pointwise node of one operand passes the reshape before it, if something else can take it up.
  // An output of the graph must be written as it is.
  const auto passes_reshape = [&](const Node& node) {
    if (!node.def->pointwise || node.inputs.size() != 1) return false;
    if (r.readers().is_output(node.outputs[0])) return false;
    const Node* reshape = r.writer(node.inputs[0], "reshape");
    if (reshape == nullptr || !r.readers().only_in(node, node.inputs[0])) return false;
    const Node* before = r.writer(reshape->inputs[0]);
    return before != nullptr && (before->def->pointwise || before->def->takes_epilogue) &&
           r.readers().count(reshape->inputs[0]) == 1;
  };
  int expanded = 0;
  const auto read_unexpanded = [&](Node& node) {
    const Shape& y = r.shape(node.outputs[0]);
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      const Node* expand = r.writer(node.inputs[k], "expand");
      const bool other = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
        return id != node.inputs[k] && r.shape(id) == y;
      });
      if (expand == nullptr || !other || !is_beside(r.shape(expand->inputs[0]), y)) continue;
      node.inputs[k] = expand->inputs[0];
      ++expanded;
    }
  };
  const int gone = r.run([&](Node& node) {
    if (node.outputs.size() != 1 || node.inputs.empty() || node.inputs[0] == kNoValue) return false;
    const ValueId result = node.outputs[0];
    if (node.def->pointwise) read_unexpanded(node);
    if (node.op == "reshape") {
      const Node* before = r.writer(node.inputs[0], "reshape");
      if (before != nullptr) node.inputs[0] = before->inputs[0];
    }
    if (r.type(node.inputs[0]) == r.type(result) && is_identity(node)) {
      return r.stands_for(node.inputs[0], result);
    }
    if (!passes_reshape(node)) return false;
    const ValueId x = r.writer(node.inputs[0])->inputs[0];
    const ValueId y = r.b().apply(*node.def, {x}, node.attributes, node.name);
    r.b().apply("reshape", {y}, {{"shape", r.shape(result).dims()}});
    r.writes(result);
    return true;
  });
  return gone + expanded;
}

}  // namespace pinnacle
