// split_batch_norm: a participant alone computes what batch_norm_training and its gradient do.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "ops/host.hpp"
#include "passes/builders.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {
namespace {

// x -> batch_norm -> square -> mean, with the gradients of x, gamma and beta, and the statistics.
std::vector<Array> run(const Shape& shape, bool split) {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", shape, Role::input);
  const ValueId gamma = add_value(graph, "gamma", {shape[1]}, Role::parameter);
  const ValueId beta = add_value(graph, "beta", {shape[1]}, Role::parameter);
  const std::vector<ValueId> y = b.apply_all(find_op("batch_norm_training"), {x, gamma, beta},
                                             {{"epsilon", 1e-3}}, "norm");
  if (split) CHECK(split_batch_norm(graph, 1.0) == 1);
  const ValueId cubed = b.apply("mul", {b.apply("mul", {y[0], y[0]}), b.apply("exp", {y[0]})});
  const ValueId loss = b.apply("reduce_mean", {cubed});
  const std::vector<ValueId> wanted = {x, gamma, beta};
  graph.outputs = differentiate(graph, loss, wanted);
  graph.outputs.insert(graph.outputs.end(), {y[0], y[1], y[2]});
  verify(graph);
  std::map<ValueId, Array> values;
  for (const ValueId id : wanted) {
    Array array(graph.type(id).shape);
    for (std::size_t i = 0; i < array.data.size(); ++i) {
      array.data[i] = std::sin(1.0 + static_cast<double>(i * 7 % 23)) + (id == x ? 0.3 : 1.5);
    }
    values[id] = std::move(array);
  }
  run_on_host(graph, values);
  std::vector<Array> results;
  for (const ValueId id : graph.outputs) results.push_back(values.at(id));
  return results;
}

}  // namespace

TEST_CASE("split_batch_norm: results, statistics and gradients stay what they were") {
  for (const Shape& shape : {Shape{6, 3}, Shape{2, 3, 4, 5}}) {
    CAPTURE(shape.rank());
    const std::vector<Array> whole = run(shape, false);
    const std::vector<Array> parts = run(shape, true);
    REQUIRE(parts.size() == whole.size());
    for (std::size_t k = 0; k < whole.size(); ++k) {
      CAPTURE(k);
      REQUIRE(parts[k].shape == whole[k].shape);
      for (std::size_t i = 0; i < whole[k].data.size(); ++i) {
        CHECK(parts[k].data[i] == doctest::Approx(whole[k].data[i]).epsilon(1e-5));
      }
    }
  }
}

}  // namespace pinnacle::test
