// differentiate: reverse-mode gradients as ordinary nodes.
// Source: Griewank, Walther, "Evaluating Derivatives", 2nd ed. 2008, chapter 3.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "passes/passes.hpp"

namespace pinnacle {
namespace {

// Which values lie on a path from a wanted value.
std::vector<bool> depends_on(const Graph& graph, std::span<const ValueId> wanted) {
  std::vector<bool> depends(graph.values.size(), false);
  for (const ValueId id : wanted) depends[static_cast<std::size_t>(id)] = true;
  for (const Node& node : graph.nodes) {
    const bool any = std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
      return id != kNoValue && depends[static_cast<std::size_t>(id)];
    });
    if (!any) continue;
    for (const ValueId id : node.outputs) depends[static_cast<std::size_t>(id)] = true;
  }
  return depends;
}

}  // namespace

std::vector<ValueId> differentiate(Graph& graph, ValueId loss, std::span<const ValueId> wanted) {
  const Shape& shape = graph.type(loss).shape;
  if (shape.elements() != 1 || graph.type(loss).dtype != DType::f32) {
    throw ShapeError(fmt::format("the loss is {}; expected one f32", graph.type(loss)),
                     graph.value(loss).name, "reduce it, for example with reduce_mean");
  }
  const std::vector<bool> depends = depends_on(graph, wanted);
  const auto on_path = [&](ValueId id) {
    return id != kNoValue && static_cast<std::size_t>(id) < depends.size() &&
           depends[static_cast<std::size_t>(id)];
  };
  Builder builder(graph);
  std::map<ValueId, ValueId> gradient_of;
  gradient_of[loss] = builder.constant(Tensor(shape, std::vector<float>{1.0f}));

  std::vector<std::string> unsupported;
  const std::size_t forward_nodes = graph.nodes.size();
  for (std::size_t i = forward_nodes; i-- > 0;) {
    const Node node = graph.nodes[i];  // a copy: the builder appends to graph.nodes
    std::vector<ValueId> dy;
    bool arrives = false;
    for (const ValueId id : node.outputs) {
      const auto it = gradient_of.find(id);
      dy.push_back(it == gradient_of.end() ? kNoValue : it->second);
      arrives = arrives || it != gradient_of.end();
    }
    if (!arrives) continue;
    GradientView g{
        .b = builder, .node = node, .x = node.inputs, .y = node.outputs, .dy = dy, .wanted = {}};
    for (const ValueId id : node.inputs) g.wanted.push_back(on_path(id));
    if (std::none_of(g.wanted.begin(), g.wanted.end(), [](bool w) { return w; })) continue;
    std::vector<ValueId> dx;
    try {
      dx = node.def->gradient(g);
    } catch (const UnsupportedError& error) {
      for (const std::string& item : error.items()) {
        unsupported.push_back(fmt::format("{} \"{}\": {}", node.op, node.name, item));
      }
      continue;
    }
    for (std::size_t k = 0; k < dx.size() && k < node.inputs.size(); ++k) {
      if (dx[k] == kNoValue || !g.wanted[k]) continue;
      const ValueId x = node.inputs[k];
      if (graph.type(dx[k]) != graph.type(x)) {
        throw ShapeError(fmt::format("gradient of input {} is {}; expected {}", k,
                                     graph.type(dx[k]), graph.type(x)),
                         fmt::format("{} \"{}\"", node.op, node.name));
      }
      const auto it = gradient_of.find(x);
      gradient_of[x] = it == gradient_of.end() ? dx[k] : builder.apply("add", {it->second, dx[k]});
    }
  }
  if (!unsupported.empty()) {
    throw UnsupportedError("these nodes have no gradient", unsupported, "differentiate");
  }
  std::vector<ValueId> gradients;
  for (const ValueId id : wanted) {
    const auto it = gradient_of.find(id);
    gradients.push_back(it == gradient_of.end() ? kNoValue : it->second);
  }
  return gradients;
}

}  // namespace pinnacle
