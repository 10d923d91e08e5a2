// What a command line offers, drawn from its CLI11 app: for shell completion and the manual page.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace pinnacle::bench {

enum class Values { none, choices, devices, files, free };

struct OptionWords {
  std::vector<std::string> names;  ///< "--help", "-h"; none: a positional argument
  std::string type;                ///< "FILE", "[FILE]", "N"; empty for flags
  std::string text;
  std::string preset;  ///< the default, where it is one word
  Values values = Values::none;
  std::vector<std::string> choices;
};

struct CommandWords {
  std::string name;
  std::string text;
  std::string footer;  ///< examples and more
  std::vector<OptionWords> options;
};

/// The program itself, then each subcommand that --help lists.
std::vector<CommandWords> command_words(const CLI::App& app);

/// A script that completes words for "bash", "zsh" or "fish".
std::string completion_script(const std::vector<CommandWords>& commands, const std::string& shell);

/// The page in section 1, as roff with the macros of man(7).
std::string manual_page(const std::vector<CommandWords>& commands, const std::string& version);

}  // namespace pinnacle::bench
