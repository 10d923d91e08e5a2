// The gradient of every op case on the host reference, against central differences; and that the
// reference's shapes are those that infer promises.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.hpp"
#include "ops/cases.hpp"
#include "ops/host.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {
namespace {

constexpr double kStep = 1e-5;
constexpr double kTolerance = 2e-5;
constexpr std::size_t kMostElements = 12;  // probed per input

struct Probe {
  Graph graph;
  ValueId loss;
  std::vector<ValueId> inputs;     // f32 inputs
  std::vector<ValueId> gradients;  // of each
};

// loss = sum(y * weights) with fixed random weights, so that every element of y counts.
Probe make_probe(const OpCase& c) {
  Probe p{case_graph(c), kNoValue, {}, {}};
  Builder builder(p.graph);
  const ValueId y = p.graph.outputs[0];
  Random random(17);
  Tensor weights(p.graph.type(y).shape);
  for (float& w : weights.f32()) w = static_cast<float>(random.uniform(0.5, 1.5));
  const ValueId weighted = builder.apply("mul", {y, builder.constant(weights)});
  p.loss = builder.apply("reduce_sum", {weighted});
  for (std::size_t i = 0; i < c.in.size(); ++i) {
    const bool skipped = std::count(c.no_gradient_for.begin(), c.no_gradient_for.end(), i) > 0;
    if (c.in[i].dtype == DType::f32 && !skipped) p.inputs.push_back(p.graph.inputs[i]);
  }
  p.gradients = differentiate(p.graph, p.loss, p.inputs);
  verify(p.graph);
  return p;
}

double loss_at(const Probe& p, std::map<ValueId, Array> values) {
  run_on_host(p.graph, values);
  return values[p.loss].data[0];
}

}  // namespace

TEST_CASE("reference shapes are those that infer promises") {
  for (const OpCase& c : all_cases()) {
    if (c.perf) continue;
    CAPTURE(label(c));
    const Graph graph = case_graph(c);
    const std::vector<Array> outputs = case_reference(c, graph, case_inputs(c));
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      CHECK(outputs[i].shape == graph.type(graph.outputs[i]).shape);
      CHECK(outputs[i].data.size() == static_cast<std::size_t>(outputs[i].shape.elements()));
    }
  }
}

TEST_CASE("gradients agree with central differences") {
  for (const OpCase& c : all_cases()) {
    if (c.perf || !c.gradient) continue;
    CAPTURE(label(c));
    const Probe p = make_probe(c);
    std::map<ValueId, Array> values;
    const std::vector<Tensor> inputs = case_inputs(c);
    for (std::size_t i = 0; i < inputs.size(); ++i) values[p.graph.inputs[i]] = to_array(inputs[i]);
    std::map<ValueId, Array> results = values;
    run_on_host(p.graph, results);
    for (std::size_t i = 0; i < p.inputs.size(); ++i) {
      const ValueId x = p.inputs[i];
      REQUIRE_MESSAGE(p.gradients[i] != kNoValue, "input " << i << " has no gradient");
      const Array& gradient = results[p.gradients[i]];
      const std::size_t count = gradient.data.size();
      const std::size_t stride = std::max<std::size_t>(1, count / kMostElements);
      for (std::size_t e = 0; e < count; e += stride) {
        std::map<ValueId, Array> moved = values;
        moved[x].data[e] += kStep;
        const double up = loss_at(p, moved);
        moved[x].data[e] -= 2 * kStep;
        const double down = loss_at(p, moved);
        const double expected = (up - down) / (2 * kStep);
        CAPTURE(i);
        CAPTURE(e);
        CHECK(std::fabs(gradient.data[e] - expected) <=
              kTolerance * std::max(1.0, std::fabs(expected)));
      }
    }
  }
}

TEST_CASE("every op has at least one case") {
  std::set<std::string> tested;
  for (const OpCase& c : all_cases()) tested.insert(c.op);
  for (const OpDef& op : builtin_ops()) {
    CAPTURE(op.name);
    CHECK(tested.count(op.name) == 1);
  }
}

}  // namespace pinnacle::test
