// The command line of `ops`.
// SPDX-License-Identifier: Apache-2.0
#include "bench/command_line.hpp"

#include <pinnacle/error.hpp>

#include <fmt/format.h>

#include <string>
#include <vector>

#include "bench/shape_sets.hpp"

namespace pinnacle::bench {

void CommandLine::add_ops() {
  CLI::App& sub = subcommand("ops", "Measures ops against the roofs of a device", [this] {
    check_ops_flags();
    if (set_->count() > 0) return run_sets(set_options());
    if (!overhead_) return run_ops(ops_);
    return run_overhead({.device = ops_.device, .seconds = ops_.seconds, .json = ops_.json});
  });
  sub.footer(
      "Examples:\n"
      "  pinnacle-bench ops --op conv2d --device cpu\n"
      "  pinnacle-bench ops --set resnet50 --peers");
  sub.add_option("--device", ops_.device, "Which device (default: the fastest)")->type_name("SPEC");
  sub.add_option("--op", ops_.op, "Only this op")->type_name("NAME");
  sub.add_option("--filter", ops_.filter, "Only cases with TEXT in their name")->type_name("TEXT");
  sub.add_option("--variant", ops_.variant, "Force this variant of an op")->type_name("NAME");
  sub.add_flag("--all-variants", ops_.all_variants, "Every variant, in turns");
  sub.add_flag("--overhead", overhead_,
               "Instead of ops: the host's time per enqueued kernel of whole plans");
  add_sets(sub);
  add_seconds(sub, ops_.seconds);
  add_json(sub, ops_.json);
}

void CommandLine::add_sets(CLI::App& sub) {
  set_ = sub.add_option("--set", sets_.sets,
                        fmt::format("Sets of shapes instead of the cases: {}",
                                    fmt::join(shape_set_names(), ", ")))
             ->type_name("NAME[,NAME]");
  sub.add_option_function<std::vector<std::string>>(
         "--peers",
         [this](const std::vector<std::string>& values) {
           sets_.peers = values.empty() ? std::string() : values.front();
         },
         "With --set: other libraries beside it: onednn, openblas, clblast (default: all)")
      ->expected(0, 1)
      ->type_name("[NAME,...]");
  pass_ = sub.add_option("--pass", sets_.pass,
                         "With --set: forward, backward_data, backward_filter or all")
              ->type_name("NAME")
              ->capture_default_str();
  batch_ = sub.add_option("--batch", sets_.batches, "With --set: batch sizes")
               ->type_name("N[,N]")
               ->capture_default_str();
}

SetOptions CommandLine::set_options() const {
  SetOptions options = sets_;
  options.device = ops_.device;
  options.filter = ops_.filter;
  options.variant = ops_.variant;
  options.seconds = ops_.seconds;
  options.json = ops_.json;
  return options;
}

void CommandLine::check_ops_flags() const {
  if (set_->count() == 0) {
    const char* const needs_set = sets_.peers           ? "--peers"
                                  : pass_->count() > 0  ? "--pass"
                                  : batch_->count() > 0 ? "--batch"
                                                        : nullptr;
    if (needs_set != nullptr) {
      throw ArgumentError("goes with --set", needs_set, "see pinnacle-bench ops --help");
    }
  } else if (overhead_ || ops_.all_variants || !ops_.op.empty()) {
    throw ArgumentError("--overhead, --all-variants and --op do not go with it", "--set",
                        "--filter and --variant do");
  }
  if (ops_.all_variants && !ops_.variant.empty()) {
    throw ArgumentError("does not go with --all-variants", "--variant", "give one of the two");
  }
  const bool picks_cases =
      !ops_.op.empty() || !ops_.filter.empty() || !ops_.variant.empty() || ops_.all_variants;
  if (overhead_ && picks_cases) {
    throw ArgumentError("runs whole plans; --op, --filter and the variants do not go with it",
                        "--overhead");
  }
}

}  // namespace pinnacle::bench
