// The command line of `nets` and `train`.
// SPDX-License-Identifier: Apache-2.0
#include "bench/command_line.hpp"

#include <pinnacle/error.hpp>

#include <cstdint>
#include <string>

namespace pinnacle::bench {

void CommandLine::add_nets() {
  CLI::App& sub = subcommand("nets", "Measures whole networks", [this] {
    check_nets_flags();
    return run_nets(nets_);
  });
  sub.footer(
      "Examples:\n"
      "  pinnacle-bench nets resnet18 --mode inference --batch 1,8\n"
      "  pinnacle-bench nets mlp --profile\n"
      "  pinnacle-bench nets lenet --save lenet.onnx");
  sub.add_option("nets", nets_.nets, "Which (default: all)")->type_name("NAME");
  sub.add_option("--mode", nets_.mode, "inference, training or all")
      ->check(CLI::IsMember({"inference", "training", "all"}))
      ->type_name("MODE")
      ->capture_default_str();
  sub.add_option("--batch", nets_.batches, "Samples of a run, several joined by commas")
      ->delimiter(',')
      ->check(CLI::Range(1, 65536))
      ->type_name("N");
  sub.add_option("--device", nets_.device, "Which device (default: the fastest)")
      ->type_name("SPEC");
  sub.add_flag("--peers", nets_.peers, "Other frameworks in turns with ours, where they are");
  sub.add_flag("--profile", nets_.profile, "Also the time of each step of the plans");
  sub.add_option("--trace", nets_.trace,
                 "Write the calls of one run to FILE, for chrome://tracing or Perfetto")
      ->type_name("FILE");
  sub.add_flag("--first-result", nets_.first_result,
               "Instead: from a process's start to its first result, cold and warm");
  sub.add_flag("--once", nets_.once, "Instead: one inference, as --first-result starts it");
  sub.add_option("--save", nets_.save,
                 "Instead: write the net to FILE, as ONNX if its name ends in .onnx")
      ->type_name("FILE");
  add_without_pass(sub, nets_.without_passes);
  add_seconds(sub, nets_.seconds);
  add_json(sub, nets_.json);
}

void CommandLine::check_nets_flags() const {
  const bool one = nets_.nets.size() == 1 && nets_.mode != "all" && nets_.batches.size() <= 1;
  if (!nets_.trace.empty() && !one) {
    throw ArgumentError("takes one net, --mode inference or training, and one batch", "--trace");
  }
  if (!nets_.save.empty()) {
    if (nets_.nets.size() != 1) throw ArgumentError("takes one net", "--save");
    if (nets_.peers || nets_.profile || !nets_.trace.empty() || nets_.first_result || nets_.once ||
        nets_.json) {
      throw ArgumentError("measures nothing; only a net's name goes with it", "--save");
    }
    return;
  }
  if (!nets_.first_result && !nets_.once) return;
  const std::string flag = nets_.once ? "--once" : "--first-result";
  if (nets_.peers || nets_.profile || !nets_.trace.empty() || !nets_.batches.empty() ||
      nets_.mode != "all" || (nets_.once && nets_.first_result)) {
    throw ArgumentError(
        "runs one sample in its own way; only names, --device and --json go "
        "with it",
        flag);
  }
  if (nets_.once && nets_.nets.size() != 1) throw ArgumentError("takes one net", flag);
}

void CommandLine::add_train() {
  CLI::App& sub = subcommand("train", "Trains a net on several devices together",
                             [this] { return run_train(train_); });
  sub.footer(
      "Examples:\n"
      "  pinnacle-bench train lenet --devices cpu\n"
      "  pinnacle-bench train resnet18 --devices sub:0,sub:1 --strategy data --batch 16 "
      "--check\n");
  sub.add_option("net", train_.net, "One of those that nets --help lists, such as lenet")
      ->capture_default_str();
  sub.add_option("--devices", train_.devices, "Which devices")
      ->type_name("LIST")
      ->capture_default_str();
  sub.add_option(
         "--strategy", train_.strategy,
         "auto: what is measured to be fastest, one of the devices or a CPU's parts included; "
         "data: each gets a share of the batch")
      ->check(CLI::IsMember({"auto", "data", "pipeline", "hybrid"}))
      ->capture_default_str();
  sub.add_option("--batch", train_.batch, "Samples of a step (default: the net's usual number)")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{65536}));
  sub.add_flag("--own-statistics", train_.own_statistics,
               "batch_norm uses each device's samples alone");
  sub.add_flag("--check", train_.check, "Compare losses with those of the first device, too");
  sub.add_option("--save", train_.save, "Write the shares to FILE")->type_name("FILE");
  sub.add_option("--load", train_.load, "Take the shares of FILE")->type_name("FILE");
  add_seconds(sub, train_.seconds);
  add_json(sub, train_.json);
}

}  // namespace pinnacle::bench
