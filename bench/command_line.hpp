// The command line of pinnacle-bench: its subcommands and their options. Each add_* is in a file of
// bench/command_line/; what a subcommand does is declared in bench/commands.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/error.hpp>

#include <CLI/CLI.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/commands.hpp"

namespace pinnacle::bench {

/// Accepts a number of seconds in this range.
CLI::Validator seconds_from_to(double least, double most);

class CommandLine {
 public:
  CommandLine();

  /// Parses and runs a subcommand.
  ///
  /// returns  the exit code
  /// throws   ArgumentError for words that make no sense; what the subcommand throws
  int run(int argc, const char* const* argv);

 private:
  // A subcommand; `command` runs after everything is parsed.
  CLI::App& subcommand(const std::string& name, const std::string& help,
                       std::function<int()> command);

  static void add_json(CLI::App& app, JsonOption& json);
  static void add_seconds(CLI::App& app, double& seconds);
  static void add_without_pass(CLI::App& app, std::vector<std::string>& passes);
  // Options that say what a model file is run with.
  static void add_work(CLI::App& app, std::int64_t& batch, std::vector<std::string>& shapes,
                       std::string& inputs);
  static ArgumentError no_file(const char* subcommand_name);

  void add_devices();
  void add_compare();
  void add_diff();
  void add_page();
  void add_ops();
  void add_sets(CLI::App& sub);
  SetOptions set_options() const;
  void check_ops_flags() const;
  void add_nets();
  void check_nets_flags() const;
  void add_model();
  void add_check();
  void add_train();
  void add_place();
  void add_tune();
  void add_completion();
  void add_manual();

  CLI::App app_;
  TuneOptions tune_;
  std::string worker_;
  std::string shell_;
  DevicesOptions devices_;
  CompareOptions compare_;
  DiffOptions diff_;
  PageOptions page_;
  OpsOptions ops_;
  SetOptions sets_;
  CLI::Option* set_ = nullptr;
  CLI::Option* pass_ = nullptr;
  CLI::Option* batch_ = nullptr;
  bool overhead_ = false;
  NetsOptions nets_;
  ModelOptions model_;
  CheckOptions check_;
  PlaceOptions place_;
  TrainOptions train_;
  std::function<int()> command_;
};

}  // namespace pinnacle::bench
