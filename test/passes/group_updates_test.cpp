// group_updates: which updates become one node, that nothing else changes, and that results stay in
// place.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "base/random.hpp"
#include "ops/host.hpp"
#include "passes/builders.hpp"
#include "passes/passes.hpp"
#include "targets.hpp"

namespace pinnacle::test {
namespace {

struct Step {
  Graph graph;
  Builder b{graph};
  ValueId steps = add_value(graph, "steps", Shape{}, Role::state);
  int count = 0;

  // Returns the new contents of the parameter.
  ValueId sgd(std::int64_t n, double rate = 0.1, bool velocity = true) {
    const std::string name = fmt::format("p{}", count++);
    const ValueId p = add_value(graph, name, {n}, Role::parameter);
    const ValueId g = add_value(graph, name + ".g", {n}, Role::input);
    const ValueId v =
        velocity ? add_value(graph, name + ".v", {n}, Role::state) : ValueId{kNoValue};
    Attributes attributes{{"learning_rate", rate}};
    if (velocity) attributes.set("momentum", 0.9);
    const std::vector<ValueId> results =
        b.apply_all(find_op("sgd_update"), {p, g, v, steps}, attributes, name + ".update");
    graph.updates.push_back({p, results[0]});
    if (velocity) graph.updates.push_back({v, results[1]});
    return results[0];
  }
  ValueId adam(std::int64_t n) {
    const std::string name = fmt::format("p{}", count++);
    const ValueId p = add_value(graph, name, {n}, Role::parameter);
    const ValueId g = add_value(graph, name + ".g", {n}, Role::input);
    const ValueId m = add_value(graph, name + ".m", {n}, Role::state);
    const ValueId v = add_value(graph, name + ".v", {n}, Role::state);
    const std::vector<ValueId> results =
        b.apply_all(find_op("adam_update"), {p, g, m, v, steps}, {{"learning_rate", 0.1}});
    for (const auto& [target, source] :
         {std::pair{p, results[0]}, {m, results[1]}, {v, results[2]}}) {
      graph.updates.push_back({target, source});
    }
    return results[0];
  }

  // What the persistent values become, from the same random contents.
  std::vector<std::vector<double>> run() const {
    Random random(3);
    std::map<ValueId, Array> values;
    for (std::size_t i = 0; i < graph.values.size(); ++i) {
      const GraphValue& value = graph.values[i];
      if (value.role == Role::local || value.role == Role::constant) continue;
      Array array(value.type.shape);
      for (double& v : array.data) v = random.uniform(0, 1);
      values[static_cast<ValueId>(i)] = std::move(array);
    }
    run_on_host(graph, values);
    std::vector<std::vector<double>> results;
    for (const Update& update : graph.updates) results.push_back(values[update.source].data);
    return results;
  }

  // Parameters of each node that updates some, after the pass; the results must be the same.
  std::vector<std::size_t> grouped() {
    const std::vector<std::vector<double>> before = run();
    const int joined = group_updates(graph);
    verify(graph);
    infer_shapes(graph);
    CHECK(run() == before);
    std::vector<std::size_t> sizes;
    std::size_t all = 0;
    for (const Node& node : graph.nodes) {
      const std::size_t inputs = node.op == "sgd_update" ? 3 : node.op == "adam_update" ? 4 : 0;
      if (inputs == 0) continue;
      CHECK(node.inputs.size() % inputs == 1);
      sizes.push_back(node.inputs.size() / inputs);
      all += sizes.back();
    }
    CHECK(all == static_cast<std::size_t>(joined) + sizes.size());
    return sizes;
  }
};

using Sizes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("group_updates: updates with equal attributes are one node, as many as arguments allow") {
  Step step;
  for (const std::int64_t n : {1, 17, 64, 300}) step.sgd(n);
  CHECK(step.grouped() == Sizes{4});
  Step many;
  for (std::int64_t n = 1; n <= 40; ++n) many.sgd(n);
  CHECK(many.grouped() == Sizes{16, 16, 8});
  Step plain;
  for (std::int64_t n = 1; n <= 5; ++n) plain.sgd(n, 0.1, false);
  CHECK(plain.grouped() == Sizes{5});
  Step adam;
  for (std::int64_t n = 1; n <= 20; ++n) adam.adam(n);
  CHECK(adam.grouped() == Sizes{15, 5});
  Step one;
  one.sgd(5);
  CHECK(one.grouped() == Sizes{1});
}

TEST_CASE("group_updates: other attributes, another optimizer or no velocity are another node") {
  Step step;
  step.sgd(8);
  step.adam(8);
  step.sgd(9, 0.2);
  step.sgd(10);
  step.sgd(11, 0.1, false);
  step.adam(12);
  step.sgd(13, 0.2);
  step.sgd(14, 0.1, false);
  CHECK(step.grouped() == Sizes{2, 2, 2, 2});
}

TEST_CASE("group_updates: a result that is read and nodes in between keep updates apart") {
  Step step;
  step.sgd(8);
  const ValueId read = step.sgd(8);
  step.sgd(8);
  step.graph.outputs.push_back(step.b.apply("neg", {read}));
  step.sgd(8);
  step.sgd(8);
  CHECK(step.grouped() == Sizes{1, 1, 1, 2});
}

TEST_CASE("group_updates: parameters that share a gradient stay apart") {
  Step step;
  step.sgd(8);
  const ValueId p = add_value(step.graph, "other", {8}, Role::parameter);
  const ValueId v = add_value(step.graph, "other.v", {8}, Role::state);
  const std::vector<ValueId> results =
      step.b.apply_all(find_op("sgd_update"), {p, step.graph.find("p0.g"), v, step.steps},
                       {{"learning_rate", 0.1}, {"momentum", 0.9}});
  step.graph.updates.push_back({p, results[0]});
  step.graph.updates.push_back({v, results[1]});
  CHECK(step.grouped() == Sizes{1, 1});
}

TEST_CASE("group_updates: results stay in place, and the pass can be left out") {
  for (const Target& target : {wide_target(), simt_target()}) {
    Step step;
    for (const std::int64_t n : {1, 100, 5000}) step.adam(n);
    Graph graph = step.graph;
    const Plan apart = run_passes(graph, target, {.variants = {}, .without = {"group_updates"}});
    CHECK(apart.kernel_count() == 3);
    CHECK(apart.steps.size() == 3);  // no copies
    const Plan together = run_passes(step.graph, target, {});
    CHECK(together.kernel_count() == 1);
    REQUIRE(together.steps.size() == 1);
    CHECK(together.persistent_bytes() == apart.persistent_bytes());
    CHECK(together.arena_bytes == 0);
    const auto& call = std::get<KernelCall>(together.steps[0].calls.at(0));
    // Of each parameter 7 buffers, its size and where its groups end; in place: old and new are one.
    CHECK(call.args[0] == call.args[4]);
    CHECK(call.args[2] == call.args[5]);
    CHECK(call.args[3] == call.args[6]);
    CHECK(call.args[9] == call.args[13]);
    CHECK(std::get<std::int32_t>(call.args[7]) == 1);
    CHECK(std::get<std::int32_t>(call.args[16]) == 100);
    CHECK(std::get<std::int32_t>(call.args[25]) == 5000);
    CHECK(call.global[0] ==
          static_cast<std::size_t>(std::get<std::int32_t>(call.args[26])) * call.local[0]);
    CHECK(std::find(together.notes.begin(), together.notes.end(),
                    "group_updates: 2 nodes joined") != together.notes.end());
  }
}

}  // namespace pinnacle::test
