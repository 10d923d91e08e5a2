// SPDX-License-Identifier: Apache-2.0
#include "bench/command_line.hpp"

#include <pinnacle/error.hpp>

#include <fmt/format.h>

#include <utility>

#include "base/text.hpp"
#include "bench/exit_code.hpp"

namespace pinnacle::bench {
namespace {

// The words that may stand where `word` was found: flags, or subcommands.
std::vector<std::string> candidates(const CLI::App& app, bool flags) {
  std::vector<std::string> words;
  if (flags) {
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
    }
  } else {
    for (const CLI::App* sub : app.get_subcommands({})) {
      if (!sub->get_group().empty()) words.push_back(sub->get_name());
    }
  }
  return words;
}

// throws ArgumentError for the first word that nobody took
void check_words(const CLI::App& app, const std::string& subcommand_name) {
  for (const std::string& word : app.remaining()) {
    if (word == "--") continue;
    const bool flag = word.rfind('-', 0) == 0;
    const std::vector<std::string> known = candidates(app, flag);
    const bool subcommand = !flag && !known.empty();
    const std::string near = suggestion(word.substr(0, word.find('=')), known);
    const char* const kind = flag ? "option" : subcommand ? "subcommand" : "argument";
    const std::string help = fmt::format("see pinnacle-bench {}{}--help", subcommand_name,
                                         subcommand_name.empty() ? "" : " ");
    throw ArgumentError(fmt::format("there is no {} \"{}\"", kind, word), subcommand_name,
                        near.empty() ? help : near);
  }
}

std::string exit_code_text() {
  std::string text = "Exit codes:";
  for (const ExitCodeText& entry : kExitCodes) {
    text += fmt::format("\n  {:<4} {}", static_cast<int>(entry.code), entry.text);
  }
  return text;
}

}  // namespace

CLI::Validator seconds_from_to(double least, double most) {
  return CLI::Validator(
      [=](const std::string& text) {
        double seconds = 0;
        if (CLI::detail::lexical_cast(text, seconds) && seconds >= least && seconds <= most) {
          return std::string();
        }
        return fmt::format("\"{}\" is no number of seconds from {} to {}", text, least, most);
      },
      "");
}

CommandLine::CommandLine()
    : app_("Measures OpenCL devices and what Pinnacle makes of them.", "pinnacle-bench") {
  app_.set_version_flag("--version", "pinnacle-bench " PINNACLE_VERSION);
  app_.footer(std::string("Examples:\n"
                          "  pinnacle-bench devices\n"
                          "  pinnacle-bench nets resnet18 --mode inference\n") +
              "Devices are named by an index (0), a part of a name (radeon), fastest, all, cpu,\n"
              "gpu, host, sub:0, sub:1, ... (single cores of the CPU device), or several of them\n"
              "joined by commas; PINNACLE_DEVICE is the default where one is needed.\n"
              "\"pinnacle-bench SUBCOMMAND --help\" lists its options.\n" +
              exit_code_text());
  app_.allow_extras();
  add_devices();
  add_compare();
  add_diff();
  add_page();
  add_ops();
  add_nets();
  add_model();
  add_check();
  add_place();
  add_train();
  add_tune();
  add_completion();
  add_manual();
}

int CommandLine::run(int argc, const char* const* argv) {
  try {
    app_.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app_.exit(success);
  } catch (const CLI::ParseError& error) {
    throw ArgumentError(trim(error.what()), "", "see pinnacle-bench --help");
  }
  const std::vector<CLI::App*> given = app_.get_subcommands();
  check_words(app_, "");
  if (given.empty()) {
    throw ArgumentError("a subcommand is missing", "",
                        fmt::format("there are: {}; see pinnacle-bench --help",
                                    fmt::join(candidates(app_, false), ", ")));
  }
  for (const CLI::App* sub : given) check_words(*sub, sub->get_name());
  return command_();
}

CLI::App& CommandLine::subcommand(const std::string& name, const std::string& help,
                                  std::function<int()> command) {
  CLI::App& sub = *app_.add_subcommand(name, help);
  sub.allow_extras();
  sub.callback([this, name, command = std::move(command)] {
    if (command_) throw ArgumentError("one subcommand at a time", name);
    command_ = command;
  });
  return sub;
}

void CommandLine::add_json(CLI::App& app, JsonOption& json) {
  app.add_option_function<std::vector<std::string>>(
         "--json",
         [&json](const std::vector<std::string>& values) {
           json = std::filesystem::path(values.empty() ? std::string() : values.front());
         },
         "Write JSON to FILE, or to stdout instead of the table")
      ->expected(0, 1)
      ->type_name("[FILE]");
}

void CommandLine::add_seconds(CLI::App& app, double& seconds) {
  app.add_option("--seconds", seconds, "Time for each measurement, about")
      ->check(seconds_from_to(0.001, 60))
      ->type_name("S")
      ->capture_default_str();
}

void CommandLine::add_without_pass(CLI::App& app, std::vector<std::string>& passes) {
  app.add_option("--without-pass", passes, "Leave this pass out; may be given several times")
      ->expected(1)
      ->take_all()
      ->type_name("NAME");
}

void CommandLine::add_work(CLI::App& app, std::int64_t& batch, std::vector<std::string>& shapes,
                           std::string& inputs) {
  app.add_option("--batch", batch, "Extent of symbolic first axes (default: 1)")
      ->check(CLI::Range(1, 65536))
      ->type_name("N");
  app.add_option("--shape", shapes, "Shape of an input; may be given several times")
      ->expected(1)
      ->take_all()
      ->type_name("INPUT=1x3x224x224");
  app.add_option("--inputs", inputs,
                 "A folder with input_0.pb, ... (default: the same made-up numbers)")
      ->type_name("FOLDER");
}

ArgumentError CommandLine::no_file(const char* subcommand_name) {
  return ArgumentError("a model file is missing", subcommand_name,
                       fmt::format("write pinnacle-bench {} FILE.onnx", subcommand_name));
}

}  // namespace pinnacle::bench
