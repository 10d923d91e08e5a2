// SPDX-License-Identifier: Apache-2.0
#include "ops/cases.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/random.hpp"
#include "base/text.hpp"
#include "case_list.hpp"
#include "ops/host.hpp"

namespace pinnacle::test {

std::vector<OpCase> all_cases() {
  std::vector<OpCase> cases;
  append_all_cases([&](std::vector<OpCase> more) {
    std::move(more.begin(), more.end(), std::back_inserter(cases));
  });
  return cases;
}

std::string label(const OpCase& c) { return fmt::format("{} \"{}\"", c.op, c.name); }

std::vector<Tensor> case_inputs(const OpCase& c) {
  if (!c.values.empty()) return c.values;
  Random random(hash64(label(c)));
  std::vector<Tensor> inputs;
  for (const TensorType& type : c.in) {
    Tensor tensor(type.shape, type.dtype);
    if (type.dtype == DType::i32) {
      for (std::int32_t& v : tensor.i32()) {
        v = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(c.int_high)));
      }
    } else {
      for (float& v : tensor.f32()) v = static_cast<float>(random.uniform(c.low, c.high));
    }
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

std::vector<ValueId> with_absent(const OpCase& c, std::vector<ValueId> ids) {
  for (const std::size_t position : c.absent) {
    ids.insert(ids.begin() + static_cast<std::ptrdiff_t>(position), kNoValue);
  }
  return ids;
}

ValueId add_input(Graph& graph, std::string name, TensorType type) {
  GraphValue value;
  value.name = std::move(name);
  value.type = std::move(type);
  value.role = Role::input;
  graph.inputs.push_back(graph.add_value(std::move(value)));
  return graph.inputs.back();
}

Graph case_graph(const OpCase& c) {
  Graph graph;
  std::vector<ValueId> ids;
  for (std::size_t i = 0; i < c.in.size(); ++i) {
    ids.push_back(add_input(graph, fmt::format("x{}", i), c.in[i]));
  }
  Builder builder(graph);
  graph.outputs = builder.apply_all(find_op(c.op), with_absent(c, ids), c.attributes);
  return graph;
}

std::vector<Array> case_reference(const OpCase&, const Graph& graph,
                                  const std::vector<Tensor>& inputs) {
  std::map<ValueId, Array> values;
  for (std::size_t i = 0; i < inputs.size(); ++i) values[graph.inputs[i]] = to_array(inputs[i]);
  run_on_host(graph, values);
  std::vector<Array> outputs;
  for (const ValueId id : graph.outputs) outputs.push_back(values[id]);
  return outputs;
}

double relative_error(const Tensor& got, const Array& wanted) {
  if (got.shape() != wanted.shape) return INFINITY;
  const Array array = to_array(got);
  double scale = 1;
  for (const double v : wanted.data) scale = std::max(scale, std::fabs(v));
  double worst = 0;
  for (std::size_t i = 0; i < array.data.size(); ++i) {
    const double error = std::fabs(array.data[i] - wanted.data[i]) / scale;
    if (!(error <= worst)) worst = error;  // a NaN counts as worst
  }
  return worst;
}

}  // namespace pinnacle::test
