// The command line of what takes model files: `model`, `check` and `place`.
// SPDX-License-Identifier: Apache-2.0
#include "bench/command_line.hpp"

#include <pinnacle/error.hpp>

#include <fmt/format.h>

namespace pinnacle::bench {

void CommandLine::add_model() {
  CLI::App& sub = subcommand("model", "Measures models from ONNX files", [this] {
    if (model_.files.empty()) throw no_file("model");
    if (model_.once && model_.files.size() != 1) throw ArgumentError("takes one file", "--once");
    return run_model(model_);
  });
  sub.footer(
      "Examples:\n"
      "  pinnacle-bench model resnet50.onnx --batch 8 --peers onnxruntime\n"
      "  pinnacle-bench model bert.onnx --shape input_ids=1x128 --profile --trace run.json");
  sub.add_option("files", model_.files, "Which")->type_name("FILE");
  sub.add_option("--device", model_.device, "Which device (default: the fastest)")
      ->type_name("SPEC");
  add_work(sub, model_.batch, model_.shapes, model_.inputs);
  sub.add_option("--peers", model_.peers, "Also, in turns with ours: onnxruntime")
      ->type_name("NAME");
  sub.add_flag("--profile", model_.profile, "Also the time of each step of the plan");
  sub.add_option("--trace", model_.trace,
                 "Write the calls of one run to FILE, for chrome://tracing or Perfetto")
      ->type_name("FILE");
  sub.add_flag_callback(
      "--no-first-result", [this] { model_.first_result = false; },
      "Do not measure how long a process takes to its first result");
  sub.add_flag("--once", model_.once, "Instead: one run, as the first result is measured");
  add_without_pass(sub, model_.without_passes);
  add_seconds(sub, model_.seconds);
  add_json(sub, model_.json);
}

void CommandLine::add_check() {
  CLI::App& sub = subcommand("check", "Compares each node of a model on two devices", [this] {
    if (check_.file.empty()) throw no_file("check");
    return run_check(check_);
  });
  sub.footer(
      "Examples:\n"
      "  pinnacle-bench check model.onnx --device gpu\n"
      "  pinnacle-bench check model.onnx --device 0 --against 1 --inputs test_data_set_0\n"
      "The exit code is 1 if a node is out of tolerance.");
  sub.add_option("file", check_.file, "Which")->type_name("FILE");
  sub.add_option("--device", check_.device, "The device to check (default: the fastest)")
      ->type_name("SPEC");
  sub.add_option("--against", check_.against, "The device to compare with")
      ->type_name("SPEC")
      ->capture_default_str();
  add_work(sub, check_.batch, check_.shapes, check_.inputs);
  sub.add_option("--rtol", check_.rtol, "Tolerance, relative to each element")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("X")
      ->capture_default_str();
  sub.add_option("--atol", check_.atol,
                 "Absolute tolerance (default: 1e-4 of the node's largest value)")
      ->check(CLI::NonNegativeNumber)
      ->type_name("X");
  add_without_pass(sub, check_.without_passes);
  add_json(sub, check_.json);
}

void CommandLine::add_place() {
  CLI::App& sub = subcommand("place", "Runs a model on several devices, a part on each", [this] {
    if (place_.file.empty()) throw no_file("place");
    return run_place(place_);
  });
  sub.footer(
      "Examples:\n"
      "  pinnacle-bench place model.onnx --devices 0,1\n"
      "  pinnacle-bench place model.onnx --devices sub:0,sub:1 --save cut.json\n"
      "  pinnacle-bench place model.onnx --devices sub:0,sub:1 --load cut.json\n"
      "The exit code is 1 if the outputs differ from those of the first device alone.");
  sub.add_option("file", place_.file, "Which")->type_name("FILE");
  sub.add_option("--devices", place_.devices, "Which devices, in the order of the parts")
      ->type_name("LIST")
      ->capture_default_str();
  sub.add_option("--save", place_.save, "Write where it was cut to FILE")->type_name("FILE");
  sub.add_option("--load", place_.load, "Cut it as FILE says, instead of measuring its nodes")
      ->type_name("FILE");
  add_work(sub, place_.batch, place_.shapes, place_.inputs);
  add_seconds(sub, place_.seconds);
  add_json(sub, place_.json);
}

}  // namespace pinnacle::bench
