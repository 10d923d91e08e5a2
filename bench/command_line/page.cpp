// The command line of `page`.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>

#include "bench/command_line.hpp"

namespace pinnacle::bench {

void CommandLine::add_page() {
  CLI::App& sub = subcommand("page", "Writes a comparison as an HTML page", [this] {
    if (page_.file.empty()) {
      throw ArgumentError("the comparison's file is missing", "page",
                          "write pinnacle-bench page FILE.json");
    }
    return run_page(page_);
  });
  sub.footer(
      "Examples:\n"
      "  pinnacle-bench page result.json\n"
      "  pinnacle-bench page result.json --html devices.html");
  sub.add_option("file", page_.file, "What compare --json wrote")->type_name("FILE");
  sub.add_option("--html", page_.html, "Where to write it (default: FILE with .html)")
      ->type_name("FILE");
}

}  // namespace pinnacle::bench
