// place_pipeline: the best cuts by dynamic programming. best[k][j] is the fastest pipeline for the
// nodes before cut j on the first k devices; its last stage begins at some cut i < j, which a walk
// back from j tries, with the values that cross both borders counted on the way.
// SPDX-License-Identifier: Apache-2.0
#include "passes/place.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>

#include <pinnacle/error.hpp>
#include <pinnacle/op.hpp>

#include "base/text.hpp"

namespace pinnacle {
namespace {

// The work grows with their square.
constexpr std::size_t kMostCuts = 1000;
constexpr double kNever = std::numeric_limits<double>::infinity();

std::size_t index(int i) { return static_cast<std::size_t>(i); }

bool is_kept(const GraphValue& value) {
  return value.role == Role::constant || value.role == Role::parameter || value.role == Role::state;
}

// Where values are made and read.
struct Uses {
  explicit Uses(const Graph& graph)
      : last_read(graph.values.size(), -1), readers(graph.values.size(), 0) {
    const int count = static_cast<int>(graph.nodes.size());
    for (int i = 0; i < count; ++i) {
      for (const ValueId id : graph.nodes[index(i)].inputs) {
        if (id == kNoValue) continue;
        last_read[index(id)] = i;
        ++readers[index(id)];
      }
    }
    for (const ValueId id : graph.outputs) {
      last_read[index(id)] = count;
      ++readers[index(id)];
    }
  }
  std::vector<int> last_read;  // the last node; the number of nodes for outputs; -1: none
  std::vector<int> readers;
};

// What nodes [i, j) need beyond their time.
struct Span {
  int values_in = 0, values_out = 0;
  std::size_t bytes_in = 0, bytes_out = 0;
  std::size_t kept = 0;  // parameters and constants
  std::size_t live = 0;  // the most that is alive at once

  std::size_t memory() const {
    return kept + live + index(kRunsInFlight) * bytes_in + 2 * bytes_out;
  }
  double transfer_us(const NodeCosts& device) const {
    return values_in * device.in.latency_us +
           static_cast<double>(bytes_in) * device.in.us_per_byte +
           values_out * device.out.latency_us +
           static_cast<double>(bytes_out) * device.out.us_per_byte;
  }
};

// Grows a Span from node j backwards, one node at a time.
class SpanWalk {
 public:
  SpanWalk(const Graph& graph, const Uses& uses, const std::vector<std::size_t>& live, int end)
      : graph_(graph), uses_(uses), live_(live), end_(end) {}

  void add(int node) {
    for (const ValueId id : graph_.nodes[index(node)].outputs) {
      if (id == kNoValue) continue;
      const std::size_t bytes = graph_.type(id).bytes();
      if (entering_.erase(id) > 0) {
        --span_.values_in;
        span_.bytes_in -= bytes;
      }
      if (uses_.last_read[index(id)] >= end_) {
        ++span_.values_out;
        span_.bytes_out += bytes;
      }
    }
    for (const ValueId id : graph_.nodes[index(node)].inputs) {
      if (id == kNoValue || !entering_.insert(id).second) continue;
      const GraphValue& value = graph_.value(id);
      if (is_kept(value)) {
        span_.kept += value.type.bytes();
      } else {
        ++span_.values_in;
        span_.bytes_in += value.type.bytes();
      }
    }
    span_.live = std::max(span_.live, live_[index(node)]);
  }
  const Span& span() const { return span_; }

 private:
  const Graph& graph_;
  const Uses& uses_;
  const std::vector<std::size_t>& live_;
  int end_;
  std::set<ValueId> entering_;  // read within, made before; and what is kept
  Span span_;
};

// Bytes of computed values that are alive at each node.
std::vector<std::size_t> live_bytes(const Graph& graph, const Uses& uses) {
  std::vector<std::size_t> ending(graph.nodes.size() + 1, 0);
  std::vector<std::size_t> live(graph.nodes.size(), 0);
  std::size_t now = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const ValueId id : graph.nodes[i].outputs) {
      if (id == kNoValue) continue;
      const std::size_t bytes = graph.type(id).bytes();
      now += bytes;
      ending[index(std::max(uses.last_read[index(id)], static_cast<int>(i)))] += bytes;
    }
    live[i] = now;
    now -= ending[i];
  }
  return live;
}

class Placer {
 public:
  Placer(const Graph& graph, std::span<const NodeCosts> devices)
      : graph_(graph),
        devices_(devices),
        uses_(graph),
        live_(live_bytes(graph, uses_)),
        cuts_(cut_positions(graph, devices)) {
    thin_out();
    cuts_.push_back(static_cast<int>(graph.nodes.size()));
    for (const NodeCosts& device : devices) {
      std::vector<double>& sums = time_before_.emplace_back(1, 0.0);
      for (const double us : device.us) sums.push_back(sums.back() + us);
    }
  }

  Placement run() {
    best_.assign(devices_.size() + 1, std::vector<Best>(cuts_.size()));
    for (auto& row : best_) row[0] = {0, 0, -1};
    for (std::size_t j = 1; j < cuts_.size(); ++j) find_best(j);
    if (best_.back().back().slowest == kNever) fail_memory();
    return collect();
  }

 private:
  struct Best {
    double slowest = kNever;
    double total = 0;  // of all stages: decides between equals
    int begin = -1;    // the cut where the last stage begins; -1: the last device is not used
    bool operator<(const Best& other) const {
      return slowest < other.slowest || (slowest == other.slowest && total < other.total);
    }
  };

  void thin_out() {
    if (cuts_.size() <= kMostCuts) return;
    std::vector<int> kept;
    for (std::size_t i = 0; i < kMostCuts; ++i) {
      kept.push_back(cuts_[i * cuts_.size() / kMostCuts]);
    }
    cuts_ = std::move(kept);
  }

  double compute_us(std::size_t device, int first, int last) const {
    return time_before_[device][index(last)] - time_before_[device][index(first)];
  }

  void find_best(std::size_t j) {
    const int end = cuts_[j];
    for (auto& row : best_) row[j] = {};
    SpanWalk walk(graph_, uses_, live_, end);
    for (std::size_t i = j; i-- > 0;) {
      for (int node = cuts_[i + 1] - 1; node >= cuts_[i]; --node) walk.add(node);
      // Whatever begins still earlier takes longer and needs more.
      bool worthwhile = false;
      for (std::size_t k = 0; k < devices_.size(); ++k) {
        const NodeCosts& device = devices_[k];
        const double us = compute_us(k, cuts_[i], end);
        const std::size_t kept = walk.span().kept + walk.span().live;
        if (us > best_[k + 1][j].slowest || (device.memory > 0 && kept > device.memory)) continue;
        worthwhile = true;
        const Best& before = best_[k][i];
        if (device.memory > 0 && walk.span().memory() > device.memory) continue;
        const double stage = us + walk.span().transfer_us(device);
        const Best best{std::max(before.slowest, stage), before.total + stage, static_cast<int>(i)};
        if (best < best_[k + 1][j]) best_[k + 1][j] = best;
      }
      if (!worthwhile) break;
    }
    // A device more helps only where it makes the pipeline faster.
    for (std::size_t k = 0; k < devices_.size(); ++k) {
      if (best_[k][j].slowest <= best_[k + 1][j].slowest) {
        best_[k + 1][j] = best_[k][j];
        best_[k + 1][j].begin = -1;
      }
    }
  }

  Placement collect() const {
    Placement placement;
    placement.strategy = Strategy::pipeline;
    std::size_t j = cuts_.size() - 1;
    placement.predicted_us = best_.back()[j].slowest;
    for (std::size_t k = devices_.size(); k > 0; --k) {
      const Best& best = best_[k][j];
      if (j == 0 || best.begin < 0) {
        placement.notes.insert(
            placement.notes.begin(),
            fmt::format("{} is left out: no cut is faster with it", devices_[k - 1].device));
        continue;
      }
      const auto i = index(best.begin);
      placement.stages.insert(placement.stages.begin(), stage(k - 1, cuts_[i], cuts_[j]));
      j = i;
    }
    explain(placement);
    return placement;
  }

  Stage stage(std::size_t device, int first, int last) const {
    SpanWalk walk(graph_, uses_, live_, last);
    for (int node = last - 1; node >= first; --node) walk.add(node);
    const Span& span = walk.span();
    const NodeCosts& costs = devices_[device];
    const double whole = time_before_[device].back();
    const double compute = compute_us(device, first, last);
    Stage result{.device = costs.device,
                 .first = first,
                 .last = last,
                 .predicted_us = compute + span.transfer_us(costs),
                 .transfer_us = span.transfer_us(costs),
                 .bytes = span.memory(),
                 .reason = ""};
    result.reason = fmt::format(
        "from {} \"{}\" on: {:.1f} % of the network's time on this device; {} in, {} out",
        graph_.nodes[index(first)].op, graph_.nodes[index(first)].name,
        whole > 0 ? 100 * compute / whole : 0, human_bytes(static_cast<double>(span.bytes_in)),
        human_bytes(static_cast<double>(span.bytes_out)));
    return result;
  }

  void explain(Placement& placement) const {
    for (Stage& stage : placement.stages) {
      if (stage.predicted_us >= placement.predicted_us) stage.reason += "; the slowest";
    }
    for (std::size_t k = 0; k < devices_.size(); ++k) {
      const Stage alone = stage(k, 0, cuts_.back());
      const NodeCosts& device = devices_[k];
      placement.notes.push_back(device.memory > 0 && alone.bytes > device.memory
                                    ? fmt::format("{} alone: too little memory, {} of {}",
                                                  device.device,
                                                  human_bytes(static_cast<double>(device.memory)),
                                                  human_bytes(static_cast<double>(alone.bytes)))
                                    : fmt::format("{} alone: predicted {:.1f} us a run",
                                                  device.device, alone.predicted_us));
    }
  }

  [[noreturn]] void fail_memory() const {
    const Stage whole = stage(0, 0, cuts_.back());
    std::size_t available = 0;
    for (const NodeCosts& device : devices_) available += device.memory;
    throw MemoryError(fmt::format("the network needs about {} and fits these devices in no cut; "
                                  "together they have {}",
                                  human_bytes(static_cast<double>(whole.bytes)),
                                  human_bytes(static_cast<double>(available))),
                      "place_pipeline", whole.bytes, available,
                      "use a smaller batch or more devices");
  }

  const Graph& graph_;
  std::span<const NodeCosts> devices_;
  Uses uses_;
  std::vector<std::size_t> live_;
  std::vector<int> cuts_;                         // then the number of nodes
  std::vector<std::vector<double>> time_before_;  // device -> node -> us of those before it
  std::vector<std::vector<Best>> best_;           // devices -> cut
};

}  // namespace

std::vector<int> cut_positions(const Graph& graph, std::span<const NodeCosts> devices) {
  const Uses uses(graph);
  const auto has_step = [&](std::size_t node) {
    return std::all_of(devices.begin(), devices.end(),
                       [&](const NodeCosts& device) { return device.own_step[node]; });
  };
  // Chains of pointwise nodes are one step, which has the name of the last one: a node without a
  // step whose only reader is a pointwise one with a step belongs to that.
  std::vector<int> producer(graph.values.size(), -1);
  std::vector<int> closed(graph.nodes.size() + 1, 0);  // differences: how many chains span a cut
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].def != nullptr && graph.nodes[i].def->pointwise && has_step(i)) {
      for (const ValueId id : graph.nodes[i].inputs) {
        if (id == kNoValue || uses.readers[index(id)] != 1) continue;
        const int from = producer[index(id)];
        if (from < 0 || has_step(index(from))) continue;
        ++closed[index(from + 1)];
        --closed[i + 1];
      }
    }
    for (const ValueId id : graph.nodes[i].outputs) {
      if (id != kNoValue) producer[index(id)] = static_cast<int>(i);
    }
  }
  std::vector<int> cuts;
  int open = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    open += closed[i];
    if (i == 0 || (open == 0 && has_step(i))) cuts.push_back(static_cast<int>(i));
  }
  return cuts;
}

Placement place_pipeline(const Graph& graph, std::span<const NodeCosts> devices) {
  const char* const where = "place_pipeline";
  if (devices.empty()) throw ArgumentError("no device is given", where);
  if (graph.nodes.empty()) throw ArgumentError("the graph has no nodes", where);
  if (!graph.updates.empty()) {
    throw ArgumentError(fmt::format("the graph updates \"{}\" in each run",
                                    graph.value(graph.updates[0].target).name),
                        where, "a pipeline runs networks for inference");
  }
  for (const NodeCosts& device : devices) {
    if (device.us.size() != graph.nodes.size() || device.own_step.size() != graph.nodes.size()) {
      throw ArgumentError(
          fmt::format("has {} costs for {} nodes", device.us.size(), graph.nodes.size()),
          device.device);
    }
  }
  return Placer(graph, devices).run();
}

StageGraph stage_graph(const Graph& graph, int first, int last) {
  const Uses uses(graph);
  StageGraph stage;
  std::vector<ValueId> here(graph.values.size(), kNoValue);
  std::set<std::string> names;
  const auto add = [&](ValueId id, Role role) {
    GraphValue value = graph.value(id);
    value.role = role;
    return here[index(id)] = stage.graph.add_value(std::move(value));
  };
  const auto name_port = [&](ValueId id) {
    GraphValue& value = stage.graph.value(id);
    while (!names.insert(value.name).second) value.name = stage.graph.fresh_name(value.name);
  };
  for (int i = first; i < last; ++i) {
    Node node = graph.nodes[index(i)];
    for (ValueId& id : node.inputs) {
      if (id == kNoValue) continue;
      if (here[index(id)] == kNoValue) {
        const bool kept = is_kept(graph.value(id));
        const ValueId added = add(id, kept ? graph.value(id).role : Role::input);
        if (!kept) {
          stage.graph.inputs.push_back(added);
          stage.inputs.push_back(id);
          name_port(added);
        }
      }
      id = here[index(id)];
    }
    for (ValueId& id : node.outputs) {
      if (id == kNoValue) continue;
      const ValueId whole = id;
      id = add(whole, Role::local);
      if (uses.last_read[index(whole)] < last) continue;
      stage.graph.outputs.push_back(id);
      stage.outputs.push_back(whole);
      name_port(id);
    }
    stage.graph.nodes.push_back(std::move(node));
  }
  return stage;
}

}  // namespace pinnacle
