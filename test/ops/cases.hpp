// What the four uses of an OpCase share: the list of all cases, inputs, graphs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "ops/op_case.hpp"

namespace pinnacle::test {

/// Every case of every op, in the order of the list of ops.
std::vector<OpCase> all_cases();
/// `conv2d "3x3 stride 2"`
std::string label(const OpCase& c);
/// The same numbers on every machine.
std::vector<Tensor> case_inputs(const OpCase& c);
/// The operands of the case's node: `ids` with kNoValue where optional inputs are absent.
std::vector<ValueId> with_absent(const OpCase& c, std::vector<ValueId> ids);
/// An input of the graph.
ValueId add_input(Graph& graph, std::string name, TensorType type);
/// One node; inputs "x0", "x1", ...; all its outputs are outputs of the graph.
Graph case_graph(const OpCase& c);
/// The outputs by the double reference.
std::vector<Array> case_reference(const OpCase& c, const Graph& graph,
                                  const std::vector<Tensor>& inputs);

/// How far a result is off, relative to max(1, largest |reference|).
double relative_error(const Tensor& got, const Array& wanted);

}  // namespace pinnacle::test
