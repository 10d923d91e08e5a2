// SPDX-License-Identifier: Apache-2.0
#include "bench/command_line/words.hpp"

#include "base/text.hpp"

namespace pinnacle::bench {
namespace {

// "NAME:{a,b}" -> a, b: how CLI11 writes the members of IsMember.
std::vector<std::string> choices_of(const std::string& type) {
  const std::size_t begin = type.find('{');
  const std::size_t end = type.find('}', begin);
  if (begin == std::string::npos || end == std::string::npos) return {};
  return split(type.substr(begin + 1, end - begin - 1), ',');
}

Values values_of(const OptionWords& option) {
  if (!option.choices.empty()) return Values::choices;
  if (option.type.empty()) return Values::none;
  if (option.type == "SPEC" || option.type == "LIST") return Values::devices;
  const bool file = option.type.find("FILE") != std::string::npos || option.type == "FOLDER";
  return file ? Values::files : Values::free;
}

OptionWords words_of(const CLI::Option& option) {
  OptionWords words;
  for (const std::string& name : option.get_lnames()) words.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) words.names.push_back("-" + name);
  const std::string type = option.get_type_name();
  const bool flag = option.get_items_expected_max() == 0;
  words.choices = flag ? std::vector<std::string>() : choices_of(type);
  words.type = flag ? "" : type.substr(0, type.find(':'));
  words.text = option.get_description();
  if (!flag) words.preset = option.get_default_str();
  words.values = values_of(words);
  return words;
}

CommandWords words_of(const CLI::App& app) {
  CommandWords words{.name = app.get_name(),
                     .text = app.get_description(),
                     .footer = app.get_footer(),
                     .options = {}};
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) words.options.push_back(words_of(*option));
  }
  return words;
}

}  // namespace

std::vector<CommandWords> command_words(const CLI::App& app) {
  std::vector<CommandWords> commands = {words_of(app)};
  for (const CLI::App* sub : app.get_subcommands({})) {
    if (!sub->get_group().empty()) commands.push_back(words_of(*sub));
  }
  return commands;
}

}  // namespace pinnacle::bench
