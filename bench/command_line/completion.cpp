// Scripts for shells, generated from what the command line offers.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>

#include <fmt/format.h>

#include "bench/command_line/words.hpp"

namespace pinnacle::bench {
namespace {

constexpr const char* kDevices = "fastest all cpu gpu host sub:0 sub:1";

std::string subcommand_names(const std::vector<CommandWords>& commands) {
  std::string names;
  for (std::size_t i = 1; i < commands.size(); ++i) {
    names += (i > 1 ? " " : "") + commands[i].name;
  }
  return names;
}

std::string value_words(const OptionWords& option) {
  if (option.values == Values::devices) return kDevices;
  return fmt::format("{}", fmt::join(option.choices, " "));
}

std::string quoted(const std::string& text) {  // for all three shells, between ' and '
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c == '\n' ? ' ' : c;
    }
  }
  return "'" + out + "'";
}

// Which words may follow an option, then which options there are, by subcommand.
std::string bash_script(const std::vector<CommandWords>& commands) {
  std::string values;
  std::string options;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const std::string name = i == 0 ? "" : commands[i].name;
    std::string flags;
    for (const OptionWords& option : commands[i].options) {
      if (option.names.empty()) continue;
      flags += fmt::format("{}{}", flags.empty() ? "" : " ", fmt::join(option.names, " "));
      if (option.values == Values::none) continue;
      const std::string found = option.values == Values::files ? "files=1"
                                : option.values == Values::free
                                    ? ""
                                    : fmt::format("words={}", quoted(value_words(option)));
      // A value that may be left out: another option may stand there, too.
      const bool optional = option.type.front() == '[';
      values += fmt::format("    '{} {}') {}{}{}value=1 ;;\n", name, option.names.front(), found,
                            found.empty() ? "" : " ", optional ? "optional=1 " : "");
    }
    std::string others = i == 0 ? subcommand_names(commands) : "";
    bool takes_files = false;
    for (const OptionWords& option : commands[i].options) {
      if (!option.names.empty()) continue;
      takes_files = takes_files || option.values == Values::files;
      others += fmt::format("{}", fmt::join(option.choices, " "));
    }
    options += fmt::format("    '{}') flags='{}' others='{}'{} ;;\n", name, flags, others,
                           takes_files ? " files=1" : "");
  }
  return fmt::format(
      R"(# bash completion for pinnacle-bench, written by: pinnacle-bench completion bash
_pinnacle_bench() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} sub= word
  local words= files= value= optional= flags= others= IFS=$' \t\n'
  # --option=value comes as three words.
  if [[ $current == = ]]; then
    current=
  elif [[ $before == = ]]; then
    before=${{COMP_WORDS[COMP_CWORD-2]}}
  fi
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case " {} " in *" $word "*) sub=$word; break ;; esac
  done
  case "$sub $before" in
{}  esac
  COMPREPLY=()
  if [[ $value && ! ($optional && $current == -*) ]]; then
    if [[ $files ]]; then COMPREPLY=($(compgen -f -- "$current")); fi
    if [[ $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$current")); fi
    return
  fi
  case "$sub" in
{}  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  else
    COMPREPLY=($(compgen -W "$others" -- "$current"))
    if [[ $files ]]; then COMPREPLY+=($(compgen -f -- "$current")); fi
  fi
}}
complete -o filenames -F _pinnacle_bench pinnacle-bench
)",
      subcommand_names(commands), values, options);
}

// _arguments gives meaning to ':', '[' and ']'.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_option(const OptionWords& option, const std::string& name) {
  const std::string text = zsh_text(option.text);
  if (option.values == Values::none) return quoted(fmt::format("{}[{}]", name, text));
  const bool optional = option.type.front() == '[';
  const std::string action = option.values == Values::files ? "_files"
                             : option.values == Values::free
                                 ? " "
                                 : fmt::format("({})", zsh_text(value_words(option)));
  return quoted(fmt::format("{}=[{}]:{}{}:{}", name, text, optional ? ":" : "",
                            zsh_text(option.type), action));
}

std::string zsh_script(const std::vector<CommandWords>& commands) {
  std::string names;
  std::string cases;
  for (std::size_t i = 1; i < commands.size(); ++i) {
    names += fmt::format("    {}\n",
                         quoted(zsh_text(commands[i].name) + ':' + zsh_text(commands[i].text)));
    cases += fmt::format("    {})\n      _arguments", commands[i].name);
    for (const OptionWords& option : commands[i].options) {
      for (const std::string& name : option.names) {
        cases += " \\\n        " + zsh_option(option, name);
      }
      if (!option.names.empty()) continue;
      if (option.values == Values::files) cases += " \\\n        '*:file:_files'";
      if (option.values == Values::choices) {
        cases +=
            fmt::format(" \\\n        '1:{}:({})'", zsh_text(option.type), value_words(option));
      }
    }
    cases += " ;;\n";
  }
  return fmt::format(
      R"(#compdef pinnacle-bench
# zsh completion for pinnacle-bench, written by: pinnacle-bench completion zsh
local -a subcommands
local state line
subcommands=(
{}  )
_arguments -C '(- *)--help[Print help]' '(- *)--version[Print the version]' '1:subcommand:->subcommand' '*::argument:->argument'
case $state in
  subcommand) _describe subcommand subcommands ;;
  argument)
    case $words[1] in
{}    esac ;;
esac
)",
      names, cases);
}

std::string fish_script(const std::vector<CommandWords>& commands) {
  std::string script =
      "# fish completion for pinnacle-bench, written by: pinnacle-bench completion fish\n";
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const std::string when =
        i == 0 ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + commands[i].name;
    if (i > 0) {
      script += fmt::format("complete -c pinnacle-bench -n __fish_use_subcommand -f -a {} -d {}\n",
                            commands[i].name, quoted(commands[i].text));
    }
    for (const OptionWords& option : commands[i].options) {
      std::string line = fmt::format("complete -c pinnacle-bench -n {}", quoted(when));
      for (const std::string& name : option.names) {
        line += name.rfind("--", 0) == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (option.values == Values::files) line += " -r";
      if (option.values == Values::free) line += " -x";
      if (!value_words(option).empty()) line += " -x -a " + quoted(value_words(option));
      script += fmt::format("{} -d {}\n", line, quoted(option.text));
    }
  }
  return script;
}

}  // namespace

std::string completion_script(const std::vector<CommandWords>& commands, const std::string& shell) {
  if (shell == "bash") return bash_script(commands);
  if (shell == "zsh") return zsh_script(commands);
  if (shell == "fish") return fish_script(commands);
  throw ArgumentError(shell.empty() ? "which shell?" : fmt::format("no shell \"{}\"", shell),
                      "completion", "there are: bash, zsh, fish");
}

}  // namespace pinnacle::bench
