// The command line of `devices` and `compare`.
// SPDX-License-Identifier: Apache-2.0
#include "bench/command_line.hpp"

namespace pinnacle::bench {

void CommandLine::add_devices() {
  CLI::App& sub = subcommand("devices", "Lists devices with their limits and measured roofs",
                             [this] { return run_devices(devices_); });
  sub.footer(
      "Examples:\n"
      "  pinnacle-bench devices\n"
      "  pinnacle-bench devices --devices gpu --json gpus.json");
  sub.add_option("--devices", devices_.devices, "Only these (default: all, and the host)")
      ->type_name("SPEC");
  add_json(sub, devices_.json);
}

void CommandLine::add_compare() {
  CLI::App& sub = subcommand("compare", "Runs the same work on each device",
                             [this] { return run_compare(compare_); });
  sub.footer(
      "Examples:\n"
      "  pinnacle-bench compare --quick\n"
      "  pinnacle-bench compare --devices 0,1 --json result.json");
  sub.add_option("--devices", compare_.devices, "Which devices")
      ->type_name("SPEC")
      ->capture_default_str();
  sub.add_flag("--quick", compare_.quick, "Less time for each measurement");
  add_json(sub, compare_.json);
}

}  // namespace pinnacle::bench
