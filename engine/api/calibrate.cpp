// SPDX-License-Identifier: Apache-2.0
#include "api/calibrate.hpp"

#include <pinnacle/op.hpp>

#include <algorithm>
#include <chrono>
#include <map>

#include "base/median.hpp"
#include "runtime/stage_io.hpp"

namespace pinnacle {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostRuns = 15;
constexpr double kSeconds = 1;  // of measuring, after the first run

double us_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

void write_zeros(Session& session) {
  for (const ValueId id : session.graph().inputs) {
    const std::vector<std::byte> zeros(session.graph().type(id).bytes());
    session.write(session.graph().value(id).name, zeros);
  }
}

// Times of steps as costs of the graph's nodes. A step of no node of the graph, such as the conversion
// of a layout, belongs to the next one that is.
NodeCosts costs_of_steps(const Graph& graph, const std::vector<StepTime>& steps) {
  NodeCosts costs;
  costs.us.assign(graph.nodes.size(), 0);
  costs.own_step.assign(graph.nodes.size(), false);
  std::map<std::string, std::size_t> nodes;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) nodes.emplace(graph.nodes[i].name, i);
  double homeless = 0;
  std::size_t last = 0;
  for (const StepTime& step : steps) {
    const auto node = nodes.find(step.node);
    if (node == nodes.end()) {
      homeless += step.microseconds;
      continue;
    }
    last = node->second;
    costs.us[last] += step.microseconds + homeless;
    costs.own_step[last] = true;
    homeless = 0;
  }
  if (!graph.nodes.empty()) costs.us[last] += homeless;
  return costs;
}

NodeCosts measure_device(const Graph& graph, const Device& device, const CompileOptions& options) {
  CompileOptions profiling = options;
  profiling.profile = true;
  profiling.free_ports = false;
  Session session = compile(graph, device, profiling);
  write_zeros(session);
  session.enqueue();
  session.finish();
  const std::size_t count = session.plan().steps.size();
  std::vector<std::vector<double>> times(count);
  std::size_t calls = 0;
  for (const Step& step : session.plan().steps) calls += step.calls.size();
  std::vector<double> between;  // us from one call to the next
  const Clock::time_point start = Clock::now();
  for (int run = 0; run < kMostRuns && (run < 3 || us_since(start) < 1e6 * kSeconds); ++run) {
    const Clock::time_point begin = Clock::now();
    session.enqueue();  // with a profile it waits for the end
    const double whole = us_since(begin);
    const std::vector<StepTime> steps = session.profile();
    double in_calls = 0;
    for (std::size_t i = 0; i < count; ++i) {
      times[i].push_back(steps[i].microseconds);
      in_calls += steps[i].microseconds;
    }
    between.push_back(std::max(0.0, whole - in_calls) /
                      static_cast<double>(std::max<std::size_t>(1, calls)));
  }
  const double gap = median(std::move(between));
  std::vector<StepTime> steps = session.profile();
  for (std::size_t i = 0; i < count; ++i) {
    steps[i].microseconds = median(std::move(times[i])) +
                            gap * static_cast<double>(session.plan().steps[i].calls.size());
  }
  return costs_of_steps(graph, steps);
}

// From the plan and the device's roofs.
NodeCosts estimate_device(const Graph& graph, const Device& device, const CompileOptions& options) {
  const Target& target = device.target();
  std::vector<StepTime> steps;
  for (const Step& step : make_plan(graph, target, options).steps) {
    const double us =
        std::max(1e-3 * step.flop / target.peak_gflops, 1e-3 * step.bytes / target.bandwidth_gbs) +
        target.launch_us * static_cast<double>(step.calls.size());
    steps.push_back({step.node, step.op, step.variant, us, step.flop, step.bytes});
  }
  return costs_of_steps(graph, steps);
}

// The host has no profile: the whole run, shared out by what nodes do.
NodeCosts measure_host(const Graph& graph, const CompileOptions& options) {
  Session session = compile(graph, Device::host(), options);
  write_zeros(session);
  const Clock::time_point start = Clock::now();
  session.enqueue();
  const double total = us_since(start);
  std::vector<StepTime> steps;
  double work = 0;
  for (const Step& step : session.plan().steps) {
    steps.push_back({step.node, step.op, step.variant, 1 + step.flop + step.bytes, 0, 0});
    work += steps.back().microseconds;
  }
  for (StepTime& step : steps) step.microseconds *= total / work;
  return costs_of_steps(graph, steps);
}

NodeCosts measure(const Graph& graph, const Device& device, const CompileOptions& options,
                  std::vector<std::string>& notes) {
  if (device.kind() == DeviceKind::host) return measure_host(graph, options);
  const runtime::TransferTimes transfers = runtime::measure_transfers(device);
  NodeCosts costs;
  try {
    costs = measure_device(graph, device, options);
  } catch (const MemoryError&) {
    costs = estimate_device(graph, device, options);
    notes.push_back(fmt::format(
        "{}: the whole network does not fit, so that its times are estimated, not measured",
        device.name()));
  }
  costs.in = {transfers.in_latency_us, transfers.in_us_per_byte};
  costs.out = {transfers.out_latency_us, transfers.out_us_per_byte};
  return costs;
}

}  // namespace

bool is_same_kind(const Device& a, const Device& b) {
  const Target& s = a.target();
  const Target& t = b.target();
  return a.kind() == b.kind() && s.name == t.name && s.platform == t.platform &&
         s.driver == t.driver && s.compute_units == t.compute_units && s.family == t.family &&
         s.vector_width == t.vector_width && s.global_memory == t.global_memory;
}

bool all_same_kind(const std::vector<Device>& devices) {
  return std::all_of(devices.begin(), devices.end(),
                     [&](const Device& device) { return is_same_kind(device, devices.front()); });
}

std::vector<NodeCosts> calibrate(const Graph& graph, const std::vector<Device>& devices,
                                 const std::vector<std::string>& labels,
                                 const CompileOptions& options, std::vector<std::string>& notes) {
  std::vector<NodeCosts> all;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    std::size_t like = 0;
    while (like < i && !is_same_kind(devices[like], devices[i])) ++like;
    all.push_back(like < i ? all[like] : measure(graph, devices[i], options, notes));
    all.back().device = labels[i];
    all.back().memory = devices[i].kind() == DeviceKind::host ? 0 : devices[i].handle().available();
  }
  return all;
}

}  // namespace pinnacle
