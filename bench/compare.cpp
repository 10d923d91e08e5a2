// pinnacle-bench compare: the same work on each device. Slow devices get as much of it as they can
// do in a few seconds: each quantity has a ladder of workloads, and what a rung took tells how far
// up to go.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>

#include "bench/commands.hpp"
#include "bench/environment.hpp"
#include "bench/output.hpp"
#include "bench/table.hpp"
#include "bench/timing.hpp"
#include "bench/workloads.hpp"

namespace pinnacle::bench {
namespace {

constexpr std::size_t kDevicesPerTable = 3;
constexpr double kHostFlopPerSecond = 2e8;  // of the reference loops, about
constexpr double kLeNetFlop = 833000;       // of one sample, forward

struct Workload {
  std::string text;   // "512^3"
  double flop = 0;    // of one run
  double amount = 0;  // what one run adds to the quantity: GFLOP or samples
  std::function<Run(const Device&)> start;
};

struct Quantity {
  std::string name;
  std::string unit;
  std::function<double(const Target&)> known;  // measured at discovery, instead of a ladder
  bool lower_is_better = false;
  std::vector<Workload> ladder;  // small to full
};

struct Result {
  double value = 0;  // 0: none
  std::string workload;
  bool full = true;     // the ladder's last rung
  std::string problem;  // "too slow" or an error
  bool failed = false;
};

Run graph_run(const Graph& graph, const Device& device) {
  auto session = std::make_shared<Session>(compile(graph, device));
  fill_inputs(*session);
  return session_run(std::move(session));
}

// One node with two inputs "x0", "x1".
Graph two_inputs(const char* op, Shape x0, Shape x1, Attributes attributes) {
  Graph graph;
  for (Shape* shape : {&x0, &x1}) {
    GraphValue value;
    value.name = fmt::format("x{}", graph.inputs.size());
    value.type = {std::move(*shape), DType::f32};
    value.role = Role::input;
    graph.inputs.push_back(graph.add_value(std::move(value)));
  }
  graph.outputs.push_back(Builder(graph).apply(op, graph.inputs, std::move(attributes)));
  return graph;
}

Workload gemm(std::int64_t n) {
  const double flop = 2.0 * static_cast<double>(n * n * n);
  return {fmt::format("{0} x {0} x {0}", n), flop, 1e-9 * flop, [n](const Device& device) {
            return graph_run(two_inputs("matmul", {n, n}, {n, n}, {}), device);
          }};
}

Workload convolution(std::int64_t batch, std::int64_t channels, std::int64_t size) {
  const double flop = 18.0 * static_cast<double>(batch * channels * channels * size * size);
  return {fmt::format("{0} to {0} channels, 3 x 3, {1} x {1}, batch {2}", channels, size, batch),
          flop, 1e-9 * flop, [=](const Device& device) {
            return graph_run(
                two_inputs("conv2d", {batch, channels, size, size}, {channels, channels, 3, 3},
                           {{"pads", Attributes::Ints{1, 1, 1, 1}}}),
                device);
          }};
}

Workload inference(std::int64_t batch) {
  return {fmt::format("batch {}", batch), kLeNetFlop * static_cast<double>(batch),
          static_cast<double>(batch), [batch](const Device& device) {
            const Model model(lenet(), {{1, 28, 28}, DType::f32});
            return graph_run(model.inference_graph(batch), device);
          }};
}

Workload training(std::int64_t batch) {
  return {fmt::format("batch {}", batch), 3 * kLeNetFlop * static_cast<double>(batch),
          static_cast<double>(batch), [batch](const Device& device) -> Run {
            auto trainer = std::make_shared<Trainer>(make_trainer(lenet(), batch, device));
            return [trainer, batch](std::int64_t count) {
              const int steps = static_cast<int>(count);
              return trainer->time_steps(static_cast<int>(batch), steps) * steps;
            };
          }};
}

std::vector<Quantity> quantities() {
  return {
      {.name = "FMA peak",
       .unit = "GFLOP/s",
       .known = [](const Target& target) { return target.peak_gflops; },
       .ladder = {}},
      {.name = "copy bandwidth",
       .unit = "GB/s",
       .known = [](const Target& target) { return target.bandwidth_gbs; },
       .ladder = {}},
      {.name = "launch latency",
       .unit = "us",
       .known = [](const Target& target) { return target.launch_us; },
       .lower_is_better = true,
       .ladder = {}},
      {.name = "GEMM", .unit = "GFLOP/s", .known = {}, .ladder = {gemm(32), gemm(128), gemm(512)}},
      {.name = "convolution",
       .unit = "GFLOP/s",
       .known = {},
       .ladder = {convolution(1, 8, 8), convolution(1, 32, 14), convolution(4, 64, 28)}},
      {.name = "LeNet inference",
       .unit = "samples/s",
       .known = {},
       .ladder = {inference(1), inference(8), inference(32)}},
      {.name = "LeNet training",
       .unit = "samples/s",
       .known = {},
       .ladder = {training(1), training(16), training(128)}},
  };
}

struct Limits {
  double run;      // seconds that one run may be expected to take
  double measure;  // seconds of measuring
};

// Up the ladder while the next rung is expected to end in time.
Result climb(const Quantity& quantity, const Device& device, const Limits& limits) {
  const Target& target = device.target();
  const double roof = target.host ? kHostFlopPerSecond : 1e9 * target.peak_gflops;
  double rate = std::max(roof, 1.0);  // flop per second, at first as if there were only flop
  const std::size_t last = quantity.ladder.size() - 1;
  if (quantity.ladder.front().flop / rate > limits.run) {
    return {.workload = "", .full = false, .problem = "too slow"};
  }
  std::size_t rung = 0;
  Run run = quantity.ladder[rung].start(device);
  while (rung < last) {
    run(1);
    rate = quantity.ladder[rung].flop / std::max(run(1), 1e-9);
    std::size_t next = rung;
    while (next < last && quantity.ladder[next + 1].flop / rate <= limits.run) ++next;
    if (next == rung) break;
    rung = next;
    run = quantity.ladder[rung].start(device);
  }
  const Workload& work = quantity.ladder[rung];
  const Timing timing = time_run(run, {.seconds = limits.measure, .most_runs = 200});
  return {.value = work.amount / timing.seconds,
          .workload = work.text,
          .full = rung == last,
          .problem = ""};
}

Result measure(const Quantity& quantity, const Device& device, const Limits& limits) {
  try {
    if (!quantity.known) return climb(quantity, device, limits);
    const Target& target = device.target();
    if (target.host) return {.workload = "", .problem = "not measured"};
    return {.value = quantity.known(target), .workload = "", .problem = ""};
  } catch (const Error& error) {
    return {.workload = "", .problem = error.what(), .failed = true};
  }
}

// How fast next to the best of the row, at most 1; nothing if there is no value.
std::optional<double> ratio(const Quantity& quantity, const std::vector<Result>& row,
                            const Result& result) {
  if (result.value <= 0) return std::nullopt;
  double best = result.value;
  for (const Result& other : row) {
    if (other.value <= 0) continue;
    best = quantity.lower_is_better ? std::min(best, other.value) : std::max(best, other.value);
  }
  return quantity.lower_is_better ? best / result.value : result.value / best;
}

std::string value_cell(const Result& result) {
  if (result.failed) return "failed";
  if (result.value <= 0) return result.problem.empty() ? "-" : result.problem;
  return number(result.value) + (result.full ? "" : " *");
}

using Rows = std::vector<std::vector<Result>>;  // by quantity, then device

std::string tables(const std::vector<Quantity>& all, const std::vector<Device>& devices,
                   const Rows& rows) {
  std::string text;
  for (std::size_t first = 0; first < devices.size(); first += kDevicesPerTable) {
    const std::size_t end = std::min(first + kDevicesPerTable, devices.size());
    std::vector<Column> columns = {{.title = "quantity"}, {.title = "unit"}};
    for (std::size_t d = first; d < end; ++d) {
      columns.push_back({.title = fmt::format("device {}", device_index(devices[d])),
                         .right = true,
                         .min_width = 9});
      columns.push_back({.title = "of best", .right = true});
    }
    Table table(columns);
    for (std::size_t q = 0; q < all.size(); ++q) {
      std::vector<std::string> cells = {all[q].name, all[q].unit};
      for (std::size_t d = first; d < end; ++d) {
        const std::optional<double> share = ratio(all[q], rows[q], rows[q][d]);
        cells.push_back(value_cell(rows[q][d]));
        cells.push_back(share ? percent(*share) : "");
      }
      table.add(std::move(cells));
    }
    text += '\n' + table.text();
  }
  return text;
}

// What the cells leave out: what was measured, and why something was not.
std::string footnotes(const std::vector<Quantity>& all, const std::vector<Device>& devices,
                      const Rows& rows) {
  std::string text = "\n";
  for (const Quantity& quantity : all) {
    if (!quantity.ladder.empty()) {
      text += fmt::format("{}: {}\n", quantity.name, quantity.ladder.back().text);
    }
  }
  for (std::size_t q = 0; q < all.size(); ++q) {
    for (std::size_t d = 0; d < devices.size(); ++d) {
      const Result& result = rows[q][d];
      const int index = device_index(devices[d]);
      if (result.failed) {
        text += fmt::format("failed: {} on device {}: {}\n", all[q].name, index, result.problem);
      } else if (!result.full && result.value > 0) {
        text += fmt::format("* {} on device {}, which is slow: {}\n", all[q].name, index,
                            result.workload);
      }
    }
  }
  return text;
}

Json row_json(const Quantity& quantity, const std::vector<Result>& row, const Result& result,
              const Device& device) {
  const std::optional<double> share = ratio(quantity, row, result);
  Json json = {{"device", device.name()},
               {"platform", device.platform()},
               {"index", device_index(device)},
               {"quantity", quantity.name},
               {"unit", quantity.unit},
               {"value", result.value > 0 ? Json(result.value) : Json()},
               {"ratio_to_best", share ? Json(*share) : Json()}};
  if (!result.workload.empty()) {
    json["workload"] = result.workload;
    json["full_workload"] = result.full;
  }
  if (!result.problem.empty()) json["problem"] = result.problem;
  return json;
}

}  // namespace

int run_compare(const CompareOptions& options) {
  const Output output(options.json);
  const std::vector<Device> devices = select_devices(options.devices);
  const std::vector<Quantity> all = quantities();
  const Limits limits =
      options.quick ? Limits{.run = 0.1, .measure = 0.1} : Limits{.run = 1.5, .measure = 1.5};
  output.text(to_text(describe_environment()) + '\n');
  for (const Device& device : devices) {
    output.text(fmt::format("device {}: {} ({})\n", device_index(device), device.name(),
                            device.platform()));
  }
  Rows rows(all.size());
  bool failed = false;
  StatusLine status;
  for (std::size_t q = 0; q < all.size(); ++q) {
    for (const Device& device : devices) {
      status.show(fmt::format("{} on {} ...", all[q].name, device.name()));
      rows[q].push_back(measure(all[q], device, limits));
      failed = failed || rows[q].back().failed;
    }
  }
  status.clear();
  output.text(tables(all, devices, rows) + footnotes(all, devices, rows));

  Json json_rows = Json::array();
  Json json_devices = Json::array();
  for (std::size_t d = 0; d < devices.size(); ++d) {
    if (!rows[0][d].failed) json_devices.push_back(device_json(devices[d]));
    for (std::size_t q = 0; q < all.size(); ++q) {
      json_rows.push_back(row_json(all[q], rows[q], rows[q][d], devices[d]));
    }
  }
  output.json({{"environment", to_json(describe_environment())},
               {"devices", std::move(json_devices)},
               {"rows", std::move(json_rows)}});
  return failed ? 1 : 0;
}

}  // namespace pinnacle::bench
