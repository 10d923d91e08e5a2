// The manual page, generated from what the command line offers.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/text.hpp"
#include "bench/command_line/words.hpp"
#include "bench/environment_variables.hpp"
#include "bench/exit_code.hpp"

namespace pinnacle::bench {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    // At the beginning of a line these would be requests.
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    line_begins = c == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string option_text(const OptionWords& option) {
  std::string head;
  for (const std::string& name : option.names) {
    head += fmt::format("{}\\fB{}\\fR", head.empty() ? "" : ", ", escaped(name));
  }
  if (!option.type.empty()) {
    head += fmt::format("{}\\fI{}\\fR", head.empty() ? "" : " ", escaped(option.type));
  }
  std::string text = option.text;
  if (!option.choices.empty()) text += fmt::format("; one of {}", fmt::join(option.choices, ", "));
  if (!option.preset.empty()) text += fmt::format(" (default: {})", option.preset);
  return fmt::format(".TP\n{}\n{}\n", head, escaped(text));
}

// Lines as they are.
std::string literal(const std::string& text) {
  return fmt::format(".PP\n.nf\n{}\n.fi\n", escaped(trim(text)));
}

std::string usage(const CommandWords& command) {
  std::string text =
      fmt::format("\\fBpinnacle\\-bench {}\\fR [\\fIoptions\\fR]", escaped(command.name));
  for (const OptionWords& option : command.options) {
    if (!option.names.empty()) continue;
    text += fmt::format(" [\\fI{}\\fR]", escaped(option.type));
  }
  return text;
}

}  // namespace

std::string manual_page(const std::vector<CommandWords>& commands, const std::string& version) {
  const CommandWords& program = commands.front();
  std::string page =
      fmt::format(".TH PINNACLE\\-BENCH 1 \"\" \"Pinnacle {}\" \"User Commands\"\n", version);
  page += ".SH NAME\npinnacle\\-bench \\- measures OpenCL devices and neural networks on them\n";
  page += ".SH SYNOPSIS\n\\fBpinnacle\\-bench\\fR \\fIsubcommand\\fR [\\fIoptions\\fR]\n";
  page += fmt::format(".SH DESCRIPTION\n{}\n", escaped(program.text));
  page += literal(program.footer);
  page += ".SH OPTIONS\n";
  for (const OptionWords& option : program.options) page += option_text(option);
  page += ".SH SUBCOMMANDS\n";
  for (std::size_t i = 1; i < commands.size(); ++i) {
    const CommandWords& command = commands[i];
    page += fmt::format(".SS {}\n{}.\n.PP\n{}\n", escaped(command.name), escaped(command.text),
                        usage(command));
    for (const OptionWords& option : command.options) page += option_text(option);
    if (!command.footer.empty()) page += literal(command.footer);
  }
  page += ".SH EXIT STATUS\n";
  for (const ExitCodeText& entry : kExitCodes) {
    page += fmt::format(".TP\n\\fB{}\\fR\n{}\n", static_cast<int>(entry.code), escaped(entry.text));
  }
  page += ".SH ENVIRONMENT\n";
  for (const EnvironmentVariable& variable : kEnvironmentVariables) {
    page += fmt::format(".TP\n\\fB{}\\fR\n{}\n", variable.name, escaped(variable.text));
  }
  page +=
      ".SH FILES\n.TP\n\\fI~/.cache/pinnacle\\fR\nBuilt kernels, measured roofs, tuned choices and "
      "data sets. It may be removed at any time; what is measured then is measured anew.\n";
  page += ".SH EXAMPLES\n";
  for (std::size_t i = 1; i < commands.size(); ++i) {
    for (const std::string& line : split(commands[i].footer, '\n')) {
      if (line.rfind("  pinnacle-bench", 0) == 0) page += literal(line);
    }
  }
  return page;
}

}  // namespace pinnacle::bench
