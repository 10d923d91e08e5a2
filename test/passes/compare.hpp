// Graphs run on the host with random inputs, and their results compared.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <vector>

#include "base/random.hpp"
#include "ops/host.hpp"
#include "passes/builders.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {

/// Random contents of an input or a persistent value, in [0.1, 1) for states and where the name says
/// variance; integers keep what they hold, or are 0.
inline Array random_contents(const GraphValue& value, Random& random) {
  if (value.type.dtype != DType::f32) {
    return value.data ? to_array(*value.data) : Array(value.type.shape);
  }
  const bool positive =
      value.role == Role::state || value.name.find("variance") != std::string::npos;
  Array array(value.type.shape);
  for (double& v : array.data) v = random.uniform(positive ? 0.1 : -1.0, 1.0);
  return array;
}

/// The outputs, then the sources of the updates, for random contents.
inline std::vector<Array> run_random(const Graph& graph) {
  Random random(5);
  std::map<ValueId, Array> values;
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    const GraphValue& value = graph.values[i];
    if (value.role == Role::local || value.role == Role::constant) continue;
    values[static_cast<ValueId>(i)] = random_contents(value, random);
  }
  run_on_host(graph, values);
  std::vector<Array> results;
  for (const ValueId id : graph.outputs) results.push_back(values[id]);
  for (const Update& update : graph.updates) results.push_back(values[update.source]);
  return results;
}

inline void check_same(const std::vector<Array>& a, const std::vector<Array>& b,
                       double tolerance = 1e-9) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(a[i].shape == b[i].shape);
    double scale = 1;
    for (const double v : a[i].data) scale = std::fabs(v) > scale ? std::fabs(v) : scale;
    std::size_t different = 0;
    for (std::size_t k = 0; k < a[i].data.size(); ++k) {
      const bool close = std::fabs(a[i].data[k] - b[i].data[k]) <= tolerance * scale;
      if (!close) ++different;  // not a number is close to nothing
    }
    CHECK_MESSAGE(different == 0, "result " << i << " differs in " << different << " elements");
  }
}

/// Runs the pass, checks that the graph is valid and computes the same, and returns what it returned.
inline int checked(const std::function<int(Graph&)>& pass, Graph& graph, double tolerance = 1e-9) {
  verify(graph);
  const std::vector<Array> before = run_random(graph);
  const int count = pass(graph);
  eliminate_dead(graph);
  verify(graph);
  check_same(before, run_random(graph), tolerance);
  return count;
}

}  // namespace pinnacle::test
