// Tiny graphs for the tests of passes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/op.hpp>

#include <string>

namespace pinnacle::test {

inline ValueId add_value(Graph& graph, const std::string& name, Shape shape, Role role) {
  GraphValue value;
  value.name = name;
  value.type = {std::move(shape), DType::f32};
  value.role = role;
  if (role == Role::parameter || role == Role::state) {
    value.data = std::make_shared<const Tensor>(value.type.shape);
  }
  const ValueId id = graph.add_value(std::move(value));
  if (role == Role::input) graph.inputs.push_back(id);
  return id;
}

inline int count_op(const Graph& graph, std::string_view op) {
  int count = 0;
  for (const Node& node : graph.nodes) count += node.op == op ? 1 : 0;
  return count;
}

}  // namespace pinnacle::test
