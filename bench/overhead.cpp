// pinnacle-bench ops --overhead: the host's time per enqueued kernel, waits left out.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "api/training_graph.hpp"
#include "bench/commands.hpp"
#include "bench/environment.hpp"
#include "bench/output.hpp"
#include "bench/table.hpp"
#include "bench/timing.hpp"
#include "bench/workloads.hpp"

namespace pinnacle::bench {
namespace {

constexpr std::int64_t kBatch = 128;
constexpr int kChainKernels = 200;
constexpr int kMostQueued = 400;  // kernels between two waits
constexpr int kLeastSamples = 5;

struct Overhead {
  std::string plan;
  std::string problem{};  // an error: then there are no numbers
  int kernels = 0;        // of one step
  int samples = 0;        // steps, or groups of them, that were timed
  double us = 0;          // median of the time in enqueue(), per kernel
  double cpu_us = 0;      // likewise, only while the thread worked
  double step_us = 0;     // median of whole steps, the device's work included
};

Graph training_step(Layer layer) {
  const Dataset data = random_digits(2 * kBatch);
  const Model model(std::move(layer), {{1, 28, 28}, DType::f32});
  return training_graph(model, data, training_options(), kBatch, Feed::resident);
}

Overhead measure(std::string plan, const Graph& graph, const Device& device,
                 const CompileOptions& how, double seconds) {
  Session session = compile(graph, device, how);
  fill_inputs(session);
  const int kernels = std::max(session.plan().kernel_count(), 1);
  const int steps = std::max(kMostQueued / kernels, 1);
  std::vector<double> wall;
  std::vector<double> cpu;
  std::vector<double> whole;
  session.enqueue();
  session.finish();
  const double end = now() + seconds;
  while (static_cast<int>(wall.size()) < kLeastSamples || now() < end) {
    const double cpu_start = thread_seconds();
    const double start = now();
    for (int i = 0; i < steps; ++i) session.enqueue();
    wall.push_back(now() - start);
    cpu.push_back(thread_seconds() - cpu_start);
    session.finish();
    whole.push_back(now() - start);
    if (whole.back() > seconds) break;  // a device on which one sample is long
  }
  const double each = 1e6 / (static_cast<double>(steps) * kernels);
  return {.plan = std::move(plan),
          .kernels = session.plan().kernel_count(),
          .samples = static_cast<int>(wall.size()),
          .us = each * median(std::move(wall)),
          .cpu_us = each * median(std::move(cpu)),
          .step_us = 1e6 / steps * median(std::move(whole))};
}

}  // namespace

int run_overhead(const OverheadOptions& options) {
  const Output output(options.json);
  const Device device = select_device(options.device);
  if (device.kind() == DeviceKind::host) {
    throw ArgumentError("the host reference enqueues nothing", "--device",
                        "choose an OpenCL device");
  }
  std::vector<Overhead> rows;
  StatusLine status;
  const auto add = [&](const char* plan, const std::function<Graph()>& graph,
                       const CompileOptions& how) {
    status.show(fmt::format("{} ...", plan));
    try {
      rows.push_back(measure(plan, graph(), device, how, options.seconds));
    } catch (const Error& error) {
      rows.push_back({.plan = plan, .problem = error.what()});
    }
  };
  add("LeNet training step", [] { return training_step(lenet()); }, {});
  add("MLP training step", [] { return training_step(mlp()); }, {});
  CompileOptions unfused;
  unfused.without_passes = {"fuse"};
  add(
      "chain of small kernels", [] { return chain(kChainKernels); }, unfused);
  status.clear();

  Table table({{.title = "plan"},
               {.title = "kernels", .right = true},
               {.title = "us/kernel", .right = true},
               {.title = "CPU us/kernel", .right = true},
               {.title = "us/step", .right = true}});
  Json json_rows = Json::array();
  std::string problems;
  for (const Overhead& row : rows) {
    if (!row.problem.empty()) {
      problems += fmt::format("failed: {}: {}\n", row.plan, row.problem);
      json_rows.push_back({{"plan", row.plan}, {"problem", row.problem}});
      continue;
    }
    table.add({row.plan, std::to_string(row.kernels), number(row.us), number(row.cpu_us),
               number(row.step_us)});
    json_rows.push_back({{"plan", row.plan},
                         {"kernels_per_step", row.kernels},
                         {"us_per_kernel", row.us},
                         {"cpu_us_per_kernel", row.cpu_us},
                         {"us_per_step", row.step_us},
                         {"samples", row.samples}});
  }
  output.text(to_text(describe_environment()) +
              fmt::format("device {}: {} ({})\n\nHost time in enqueue() per kernel, medians:\n{}",
                          device_index(device), device.name(), device.platform(), table.text()) +
              problems);
  output.json({{"device", device_json(device)},
               {"environment", to_json(describe_environment())},
               {"rows", std::move(json_rows)}});
  return problems.empty() ? 0 : 1;
}

}  // namespace pinnacle::bench
