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
      "  pinnacle-bench compare --suite quick --html devices.html\n"
      "  pinnacle-bench compare resnet50.onnx --json result.json --csv result.csv\n"
      "  pinnacle-bench compare --resume result.json\n"
      "Ctrl-C ends it after the running item, with exit code 130.");
  sub.add_option("models", compare_.models, "Also these, from ONNX files")->type_name("FILE");
  sub.add_option("--devices", compare_.devices, "Which devices (default: all)")->type_name("SPEC");
  sub.add_option("--suite", compare_.suite,
                 "How much: quick, standard (the default, about 5 minutes a device) or full")
      ->check(CLI::IsMember({"quick", "standard", "full"}))
      ->type_name("NAME");
  sub.add_option("--only", compare_.only, "Only items with TEXT in their name, such as kernels")
      ->type_name("TEXT");
  sub.add_option("--csv", compare_.csv, "Also write a line per measurement to FILE")
      ->type_name("FILE");
  sub.add_option("--html", compare_.html, "Also write a page with plots to FILE")
      ->type_name("FILE");
  sub.add_option("--resume", compare_.resume,
                 "Measure what FILE of --json lacks; also writes there unless --json is given")
      ->type_name("FILE");
  add_json(sub, compare_.json);
}

}  // namespace pinnacle::bench
