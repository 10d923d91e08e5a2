// pinnacle-bench devices: what there is, what it can do, what is wrong.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/device.hpp>
#include <pinnacle/error.hpp>

#include "base/text.hpp"
#include "bench/commands.hpp"
#include "bench/environment.hpp"
#include "bench/output.hpp"
#include "bench/table.hpp"

namespace pinnacle::bench {
namespace {

struct Found {
  Device device;
  int index = 0;
  std::string problem;  // of its self-test
};

std::vector<Found> measure_all(std::vector<Device> devices) {
  std::vector<Found> found;
  StatusLine status;
  for (Device& device : devices) {
    status.show(fmt::format("measuring {} ...", device.name()));
    Found entry{.device = std::move(device), .index = 0, .problem = {}};
    entry.index = device_index(entry.device);
    try {
      entry.device.target();
    } catch (const Error& error) {
      entry.problem = error.what();
    }
    found.push_back(std::move(entry));
  }
  return found;
}

std::string identity_table(const std::vector<Found>& found) {
  Table table({{.title = "#", .right = true},
               {.title = "device", .wraps = true},
               {.title = "platform", .wraps = true},
               {.title = "kind"},
               {.title = "units", .right = true},
               {.title = "memory", .right = true}});
  for (const Found& entry : found) {
    const bool known = entry.problem.empty() && !entry.device.target().host;
    table.add(
        {std::to_string(entry.index), entry.device.name(), entry.device.platform(),
         std::string(to_string(entry.device.kind())),
         known ? std::to_string(entry.device.target().compute_units) : "-",
         known ? human_bytes(static_cast<double>(entry.device.target().global_memory)) : "-"});
  }
  return table.text();
}

std::string roof_table(const std::vector<Found>& found) {
  Table table({{.title = "#", .right = true},
               {.title = "family"},
               {.title = "lanes", .right = true},
               {.title = "FMA GFLOP/s", .right = true},
               {.title = "copy GB/s", .right = true},
               {.title = "launch us", .right = true},
               {.title = "loop limit", .right = true}});
  for (const Found& entry : found) {
    if (!entry.problem.empty() || entry.device.target().host) continue;
    const Target& target = entry.device.target();
    table.add({std::to_string(entry.index), std::string(to_string(target.family)),
               std::to_string(target.vector_width), measured(target.peak_gflops),
               measured(target.bandwidth_gbs), measured(target.launch_us),
               target.loop_limit > 0 ? std::to_string(target.loop_limit) : "none"});
  }
  return table.empty() ? "" : "\nMeasured:\n" + table.text();
}

Json found_json(const Found& entry) {
  if (entry.problem.empty()) return device_json(entry.device);
  return {{"index", entry.index},
          {"name", entry.device.name()},
          {"platform", entry.device.platform()},
          {"kind", std::string(to_string(entry.device.kind()))},
          {"problem", entry.problem}};
}

}  // namespace

int run_devices(const DevicesOptions& options) {
  const Output output(options.json);
  const Discovery discovery = discover();
  const std::vector<Found> found =
      measure_all(options.devices.empty() ? discovery.devices : select_devices(options.devices));

  output.text(to_text(describe_environment()) + '\n' + identity_table(found) + roof_table(found));
  bool failed = true;  // until a device other than the host is seen to work
  Json json_devices = Json::array();
  std::string problems;
  for (const Found& entry : found) {
    json_devices.push_back(found_json(entry));
    if (!entry.problem.empty()) {
      problems += fmt::format("- device {}: {}\n", entry.index, entry.problem);
    } else if (entry.device.kind() != DeviceKind::host) {
      failed = false;
    }
  }
  for (const Found& entry : found) failed = failed || !entry.problem.empty();
  if (options.devices == "host") failed = false;
  for (const std::string& problem : discovery.problems) problems += fmt::format("- {}\n", problem);
  if (!problems.empty()) output.text("\nProblems:\n" + problems);
  output.json({{"environment", to_json(describe_environment())},
               {"devices", std::move(json_devices)},
               {"problems", discovery.problems}});
  return failed ? 1 : 0;
}

}  // namespace pinnacle::bench
