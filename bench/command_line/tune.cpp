// The command line of `tune`.
// SPDX-License-Identifier: Apache-2.0
#include "bench/command_line.hpp"

#include <fmt/format.h>

#include <string>

namespace pinnacle::bench {

void CommandLine::add_tune() {
  CLI::App& sub =
      subcommand("tune", "Finds and keeps the fastest variants and parameters of shapes",
                 [this] { return run_tune(tune_); });
  sub.footer(
      "Examples:\n"
      "  pinnacle-bench tune --model lenet\n"
      "  pinnacle-bench tune --ops --op matmul --budget 600 --export choices.json");
  sub.add_flag("--ops", tune_.work.ops, "The shapes that \"ops\" measures");
  sub.add_option("--model", tune_.work.model, "The shapes of a net: lenet or mlp")
      ->check(CLI::IsMember({"lenet", "mlp"}))
      ->type_name("NAME");
  sub.add_option("--batch", tune_.work.batch, "Samples of the model's training step")
      ->check(CLI::Range(1, 65536))
      ->type_name("N")
      ->capture_default_str();
  sub.add_option("--device", tune_.device, "Which device (default: the fastest)")
      ->type_name("SPEC");
  sub.add_option("--op", tune_.work.op, "Only this op")->type_name("NAME");
  sub.add_option("--filter", tune_.work.filter, "Only shapes with TEXT in their name")
      ->type_name("TEXT");
  sub.add_flag("--again", tune_.again, "Known shapes, too");
  sub.add_option("--seconds", tune_.seconds, "Time for measuring a candidate, about")
      ->check(seconds_from_to(0.001, 60))
      ->type_name("S")
      ->capture_default_str();
  sub.add_option("--time-limit", tune_.time_limit, "A candidate that takes longer is stopped")
      ->check(seconds_from_to(0.5, 3600))
      ->type_name("S")
      ->capture_default_str();
  sub.add_option("--budget", tune_.budget, "Begin no further shape after this time")
      ->check(seconds_from_to(1, 1e7))
      ->type_name("S");
  sub.add_option("--import", tune_.import_file, "First take over the choices of FILE")
      ->type_name("FILE");
  sub.add_option("--export", tune_.export_file, "At the end write all choices to FILE")
      ->type_name("FILE");
  sub.add_option("--least-gain", tune_.least_gain,
                 "Export only choices that gain so much over the heuristic's")
      ->check(CLI::Range(0.0, 1000.0))
      ->type_name("%");
  CLI::App& worker = subcommand("tune-worker", "", [this] { return run_tune_worker(worker_); });
  worker.add_option("--device", worker_);
  worker.group("");
}

}  // namespace pinnacle::bench
