// place_pipeline: the best cut among all, memory, devices that do not help, values that pass several
// borders; stage_graph: the parts together compute what the whole does.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "base/random.hpp"
#include "ops/host.hpp"
#include "passes/builders.hpp"
#include "passes/place.hpp"

namespace pinnacle::test {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

std::size_t at(int i) { return static_cast<std::size_t>(i); }

NodeCosts costs(const std::string& device, std::vector<double> us) {
  NodeCosts costs;
  costs.device = device;
  costs.own_step.assign(us.size(), true);
  costs.us = std::move(us);
  return costs;
}

// x -> tanh -> tanh -> ...
Graph chain(int nodes, const Shape& shape = {256}) {
  Graph graph;
  Builder b(graph);
  ValueId x = add_value(graph, "x", shape, Role::input);
  for (int i = 0; i < nodes; ++i) x = b.apply("tanh", {x});
  graph.outputs = {x};
  return graph;
}

// A random graph whose nodes read any earlier values, and weights.
Graph random_graph(Random& random, int nodes) {
  Graph graph;
  Builder b(graph);
  std::vector<ValueId> values = {add_value(graph, "x", {64}, Role::input)};
  for (int i = 0; i < nodes; ++i) {
    const auto pick = [&] {
      const double share = random.uniform(0, 1);
      return values[std::min(values.size() - 1,
                             static_cast<std::size_t>(share * static_cast<double>(values.size())))];
    };
    const double kind = random.uniform(0, 1);
    if (kind < 0.3) {
      values.push_back(b.apply("tanh", {values.back()}));
    } else if (kind < 0.6) {
      const ValueId w = add_value(graph, fmt::format("w{}", i), {64}, Role::parameter);
      values.push_back(b.apply("mul", {values.back(), w}));
    } else {
      values.push_back(b.apply("add", {values.back(), pick()}));
    }
  }
  graph.outputs = {values.back(), values[values.size() / 2]};
  return graph;
}

// By the definition, value by value.
struct Naive {
  double us = 0;
  std::size_t bytes = 0;
};
Naive naive_stage(const Graph& graph, const NodeCosts& device, int first, int last) {
  const int count = static_cast<int>(graph.nodes.size());
  std::map<ValueId, int> made, read;
  std::set<ValueId> kept, in, out;
  for (int i = 0; i < count; ++i) {
    for (const ValueId id : graph.nodes[at(i)].outputs) made[id] = i;
    for (const ValueId id : graph.nodes[at(i)].inputs) read[id] = i;
  }
  for (const ValueId id : graph.outputs) read[id] = count;
  Naive naive;
  std::size_t live = 0;
  for (int i = first; i < last; ++i) {
    naive.us += device.us[at(i)];
    for (const ValueId id : graph.nodes[at(i)].inputs) {
      if (graph.value(id).role == Role::parameter) {
        kept.insert(id);
      } else if (made.count(id) == 0 || made[id] < first) {
        in.insert(id);
      }
    }
    std::size_t now = 0;
    for (const auto& [id, from] : made) {
      if (from <= i && (from == i || (read.count(id) > 0 && read[id] >= i))) {
        now += graph.type(id).bytes();
      }
      if (from >= first && from < last && read.count(id) > 0 && read[id] >= last) out.insert(id);
    }
    live = std::max(live, now);
  }
  naive.bytes = live;
  for (const ValueId id : kept) naive.bytes += graph.type(id).bytes();
  for (const ValueId id : in) {
    const auto bytes = graph.type(id).bytes();
    naive.us += device.in.latency_us + device.in.us_per_byte * static_cast<double>(bytes);
    naive.bytes += at(kRunsInFlight) * bytes;
  }
  for (const ValueId id : out) {
    const auto bytes = graph.type(id).bytes();
    naive.us += device.out.latency_us + device.out.us_per_byte * static_cast<double>(bytes);
    naive.bytes += 2 * bytes;
  }
  return naive;
}

// The slowest stage of the best pipeline for nodes [first, end) on devices [device, end).
double brute_force(const Graph& graph, std::span<const NodeCosts> devices, int first) {
  const int count = static_cast<int>(graph.nodes.size());
  if (first == count) return 0;
  if (devices.empty()) return kNever;
  double best = brute_force(graph, devices.subspan(1), first);
  for (int last = first + 1; last <= count; ++last) {
    const Naive stage = naive_stage(graph, devices[0], first, last);
    if (devices[0].memory > 0 && stage.bytes > devices[0].memory) continue;
    best = std::min(best, std::max(stage.us, brute_force(graph, devices.subspan(1), last)));
  }
  return best;
}

void check_sound(const Placement& placement, const Graph& graph,
                 std::span<const NodeCosts> devices) {
  int next = 0;
  double slowest = 0;
  std::size_t device = 0;
  for (const Stage& stage : placement.stages) {
    CHECK(stage.first == next);
    CHECK(stage.last > stage.first);
    next = stage.last;
    while (device < devices.size() && devices[device].device != stage.device) ++device;
    REQUIRE(device < devices.size());  // in the devices' order
    const Naive naive = naive_stage(graph, devices[device], stage.first, stage.last);
    CHECK(stage.predicted_us == doctest::Approx(naive.us));
    CHECK(stage.bytes == naive.bytes);
    CHECK(!stage.reason.empty());
    slowest = std::max(slowest, stage.predicted_us);
    ++device;
  }
  CHECK(next == static_cast<int>(graph.nodes.size()));
  CHECK(placement.predicted_us == doctest::Approx(slowest));
  CHECK(placement.strategy == Strategy::pipeline);
}

bool has_note(const Placement& placement, const std::string& part) {
  return std::any_of(placement.notes.begin(), placement.notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

}  // namespace

TEST_CASE("place: no cut is better, on random graphs, costs, transfers and memories") {
  Random random(7);
  int several = 0;
  int impossible = 0;
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    const int nodes = 1 + round % 9;
    const Graph graph = random_graph(random, nodes);
    std::vector<NodeCosts> devices;
    for (int d = 0; d < 1 + round % 4; ++d) {
      std::vector<double> us;
      const double speed = random.uniform(0.5, 3);
      for (int i = 0; i < nodes; ++i) us.push_back(speed * random.uniform(0, 10));
      NodeCosts& device = devices.emplace_back(costs(fmt::format("device {}", d), std::move(us)));
      device.in = {random.uniform(0, 2), random.uniform(0, 0.01)};
      device.out = {random.uniform(0, 2), random.uniform(0, 0.01)};
      if (round % 3 == 0) device.memory = static_cast<std::size_t>(random.uniform(1500, 6000));
    }
    const double wanted = brute_force(graph, devices, 0);
    if (wanted == kNever) {
      ++impossible;
      CHECK_THROWS_AS((void)place_pipeline(graph, devices), MemoryError);
      continue;
    }
    const Placement placement = place_pipeline(graph, devices);
    CHECK(placement.predicted_us == doctest::Approx(wanted));
    check_sound(placement, graph, devices);
    several += placement.stages.size() > 1 ? 1 : 0;
  }
  CHECK(several > 40);
  CHECK(impossible > 0);
  CHECK(impossible < 40);
}

TEST_CASE("place: equal devices get equal parts") {
  const Graph graph = chain(12);
  const std::vector<NodeCosts> devices = {costs("a", std::vector<double>(12, 1.0)),
                                          costs("b", std::vector<double>(12, 1.0)),
                                          costs("c", std::vector<double>(12, 1.0))};
  const Placement placement = place_pipeline(graph, devices);
  REQUIRE(placement.stages.size() == 3);
  for (const Stage& stage : placement.stages) CHECK(stage.last - stage.first == 4);
  CHECK(has_note(placement, "a alone: predicted 12.0 us"));
}

TEST_CASE("place: a device that would not help is left out, with a note") {
  const Graph graph = chain(8);
  std::vector<NodeCosts> devices = {costs("slow", std::vector<double>(8, 100.0)),
                                    costs("a", std::vector<double>(8, 1.0)),
                                    costs("b", std::vector<double>(8, 1.0))};
  Placement placement = place_pipeline(graph, devices);
  REQUIRE(placement.stages.size() == 2);
  CHECK(placement.stages[0].device == "a");
  CHECK(placement.stages[1].device == "b");
  CHECK(has_note(placement, "slow is left out"));
}

TEST_CASE("place: where transfers take longer than the work, one device has all of it") {
  Graph graph;
  Builder b(graph);
  ValueId x = add_value(graph, "x", {1}, Role::input);
  x = b.apply("add", {x, add_value(graph, "w", {4096}, Role::parameter)});
  for (int i = 0; i < 6; ++i) x = b.apply("tanh", {x});
  x = b.apply("reshape", {x}, {{"shape", Attributes::Ints{1, 4096}}});
  graph.outputs = {b.apply("matmul", {x, add_value(graph, "v", {4096, 1}, Role::parameter)})};
  std::vector<NodeCosts> devices = {costs("a", std::vector<double>(9, 1.0)),
                                    costs("b", std::vector<double>(9, 1.0))};
  CHECK(place_pipeline(graph, devices).stages.size() == 2);
  for (NodeCosts& device : devices) device.out.us_per_byte = 0.01;
  const Placement placement = place_pipeline(graph, devices);
  REQUIRE(placement.stages.size() == 1);
  CHECK(has_note(placement, "is left out"));
}

TEST_CASE("place: memory forces a cut that costs time") {
  Graph graph;
  Builder b(graph);
  ValueId x = add_value(graph, "x", {16}, Role::input);
  for (int i = 0; i < 4; ++i) {
    const ValueId w = add_value(graph, fmt::format("w{}", i), {16, 16}, Role::parameter);
    x = b.apply("matmul", {b.apply("reshape", {x}, {{"shape", Attributes::Ints{1, 16}}}), w});
    x = b.apply("reshape", {x}, {{"shape", Attributes::Ints{16}}});
  }
  graph.outputs = {x};
  std::vector<NodeCosts> devices = {costs("fast", std::vector<double>(12, 1.0)),
                                    costs("slow", std::vector<double>(12, 50.0))};
  CHECK(place_pipeline(graph, devices).stages.size() == 1);
  devices[0].memory = 3 * 1024;  // two of the weights and what is alive
  const Placement placement = place_pipeline(graph, devices);
  REQUIRE(placement.stages.size() == 2);
  CHECK(placement.stages[0].bytes <= 3 * 1024);
  CHECK(has_note(placement, "fast alone: too little memory"));
  check_sound(placement, graph, devices);
  devices[1].memory = 1024;
  CHECK_THROWS_AS((void)place_pipeline(graph, devices), MemoryError);
}

TEST_CASE("place: what the passes join is not cut apart") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {4, 4}, Role::input);
  const ValueId w = add_value(graph, "w", {4, 4}, Role::parameter);
  const ValueId y = b.apply("relu", {b.apply("matmul", {x, w})});  // one step: the product's
  const ValueId z = b.apply("exp", {b.apply("tanh", {b.apply("matmul", {y, w})})});
  graph.outputs = {b.apply("matmul", {z, w})};
  //                                matmul relu matmul tanh exp matmul
  NodeCosts device = costs("a", {1, 0, 1, 0, 1, 1});
  device.own_step = {true, false, true, false, true, true};
  // Before exp there is no cut: tanh is part of its step.
  CHECK(cut_positions(graph, std::vector{device}) == std::vector<int>{0, 2, 5});
  NodeCosts other = device;
  other.own_step[2] = false;
  CHECK(cut_positions(graph, std::vector{device, other}) == std::vector<int>{0, 5});
}

TEST_CASE("place: graphs that are no pipeline are refused") {
  Graph graph = chain(2);
  CHECK_THROWS_AS((void)place_pipeline(graph, {}), ArgumentError);
  const std::vector<NodeCosts> wrong = {costs("a", {1.0})};
  CHECK_THROWS_AS((void)place_pipeline(graph, wrong), ArgumentError);
  CHECK_THROWS_AS((void)place_pipeline(Graph(), std::vector{costs("a", {})}), ArgumentError);
  const ValueId state = add_value(graph, "s", {256}, Role::state);
  graph.updates = {{state, graph.outputs[0]}};
  CHECK_THROWS_WITH_AS((void)place_pipeline(graph, std::vector{costs("a", {1, 1})}),
                       doctest::Contains("updates \"s\""), ArgumentError);
}

TEST_CASE("place: many nodes are placed in little time") {
  const int nodes = 20000;
  const Graph graph = chain(nodes, {1});
  const std::vector<NodeCosts> devices = {costs("a", std::vector<double>(at(nodes), 1.0)),
                                          costs("b", std::vector<double>(at(nodes), 1.0))};
  const Placement placement = place_pipeline(graph, devices);
  REQUIRE(placement.stages.size() == 2);
  CHECK(placement.predicted_us < 0.51 * nodes);
}

TEST_CASE("stage_graph: the parts together compute what the whole does") {
  Random random(3);
  for (int round = 0; round < 20; ++round) {
    CAPTURE(round);
    Graph graph = random_graph(random, 9);
    graph.value(graph.nodes[4].outputs[0]).name = "x";  // names of values need not be unique
    std::map<ValueId, Array> whole;
    for (std::size_t i = 0; i < graph.values.size(); ++i) {
      if (graph.values[i].role == Role::local) continue;
      Array array(graph.values[i].type.shape);
      for (double& v : array.data) v = random.uniform(-1, 1);
      whole[static_cast<ValueId>(i)] = array;
    }
    std::map<ValueId, Array> crossing = whole;
    run_on_host(graph, whole);
    const std::vector<int> cuts = {0, 2, 3, 7, 9};
    for (std::size_t s = 0; s + 1 < cuts.size(); ++s) {
      const StageGraph stage = stage_graph(graph, cuts[s], cuts[s + 1]);
      verify(stage.graph);
      std::set<std::string> names;
      std::map<ValueId, Array> values;
      REQUIRE(stage.inputs.size() == stage.graph.inputs.size());
      REQUIRE(stage.outputs.size() == stage.graph.outputs.size());
      for (std::size_t k = 0; k < stage.inputs.size(); ++k) {
        values[stage.graph.inputs[k]] = crossing.at(stage.inputs[k]);
        CHECK(stage.graph.type(stage.graph.inputs[k]) == graph.type(stage.inputs[k]));
        CHECK(names.insert(stage.graph.value(stage.graph.inputs[k]).name).second);
      }
      for (std::size_t i = 0; i < stage.graph.values.size(); ++i) {
        const GraphValue& value = stage.graph.values[i];
        if (value.role != Role::parameter) continue;
        values[static_cast<ValueId>(i)] = whole.at(graph.find(value.name));
        CHECK(value.data == graph.value(graph.find(value.name)).data);  // not a copy
      }
      run_on_host(stage.graph, values);
      for (std::size_t k = 0; k < stage.outputs.size(); ++k) {
        crossing[stage.outputs[k]] = values.at(stage.graph.outputs[k]);
        CHECK(names.insert(stage.graph.value(stage.graph.outputs[k]).name).second);
      }
    }
    for (const ValueId id : graph.outputs) CHECK(crossing.at(id).data == whole.at(id).data);
  }
}

}  // namespace pinnacle::test
