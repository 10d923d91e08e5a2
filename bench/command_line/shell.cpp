// The command line of `completion` and `man`, which print what the others offer.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstdio>

#include "bench/command_line.hpp"
#include "bench/command_line/words.hpp"

namespace pinnacle::bench {

void CommandLine::add_completion() {
  CLI::App& sub =
      subcommand("completion", "Prints a script that completes words in a shell", [this] {
        fmt::print("{}", completion_script(command_words(app_), shell_));
        return 0;
      });
  sub.footer(
      "Examples:\n"
      "  pinnacle-bench completion bash > "
      "~/.local/share/bash-completion/completions/pinnacle-bench\n"
      "  pinnacle-bench completion fish > ~/.config/fish/completions/pinnacle-bench.fish");
  sub.add_option("shell", shell_, "Which")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}))
      ->type_name("SHELL");
}

void CommandLine::add_manual() {
  CLI::App& sub = subcommand("man", "", [this] {
    fmt::print("{}", manual_page(command_words(app_), PINNACLE_VERSION));
    return 0;
  });
  sub.group("");
}

}  // namespace pinnacle::bench
