// The command line of `diff`.
// SPDX-License-Identifier: Apache-2.0
#include "bench/command_line.hpp"

#include <pinnacle/error.hpp>

namespace pinnacle::bench {

void CommandLine::add_diff() {
  CLI::App& sub = subcommand("diff", "Says what became faster or slower between two files", [this] {
    if (diff_.files.size() != 2) {
      throw ArgumentError("takes two files", "diff", "write pinnacle-bench diff A.json B.json");
    }
    return run_diff(diff_);
  });
  sub.footer(
      "Examples:\n"
      "  pinnacle-bench diff before.json after.json\n"
      "  pinnacle-bench diff before.json after.json --threshold 10 --json changes.json\n"
      "The exit code is 1 if something is slower or fails that did not.");
  sub.add_option("files", diff_.files, "Two files of compare --json: before, after")
      ->type_name("FILE");
  sub.add_option("--threshold", diff_.threshold, "Changes up to so many per cent do not count")
      ->check(CLI::Range(0.0, 1000.0))
      ->type_name("%")
      ->capture_default_str();
  sub.add_flag("--all", diff_.all, "List what is unchanged or in one file alone, too");
  add_json(sub, diff_.json);
}

}  // namespace pinnacle::bench
