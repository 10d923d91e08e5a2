// pinnacle-bench: the command line. What a subcommand does is in its own file.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "bench/commands.hpp"
#include "bench/shape_sets.hpp"

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

// A validator: what is wrong with the text, or "".
std::string is_sensible_time(const std::string& text) {
  double seconds = 0;
  if (CLI::detail::lexical_cast(text, seconds) && seconds >= 0.001 && seconds <= 60) return "";
  return fmt::format("\"{}\" is no number of seconds from 0.001 to 60", text);
}

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

class CommandLine {
 public:
  CommandLine()
      : app_("Measures OpenCL devices and what Pinnacle makes of them.", "pinnacle-bench") {
    app_.set_version_flag("--version", "pinnacle-bench " PINNACLE_VERSION);
    app_.footer(
        "Devices are named by an index (0), a part of a name (radeon), fastest, all, cpu,\n"
        "gpu, host, sub:0, sub:1, ... (single cores of the CPU device), or several of them\n"
        "joined by commas; PINNACLE_DEVICE is the default where one is needed.\n"
        "\"pinnacle-bench SUBCOMMAND --help\" lists its options.");
    app_.allow_extras();
    add_devices();
    add_compare();
    add_ops();
    add_nets();
    add_model();
    add_check();
    add_place();
    add_train();
    add_tune();
  }

  int run(int argc, const char* const* argv) {
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

 private:
  // A subcommand; `command` runs after everything is parsed.
  CLI::App& subcommand(const std::string& name, const std::string& help,
                       std::function<int()> command) {
    CLI::App& sub = *app_.add_subcommand(name, help);
    sub.allow_extras();
    sub.callback([this, name, command = std::move(command)] {
      if (command_) throw ArgumentError("one subcommand at a time", name);
      command_ = command;
    });
    return sub;
  }

  static void add_json(CLI::App& app, JsonOption& json) {
    app.add_option_function<std::vector<std::string>>(
           "--json",
           [&json](const std::vector<std::string>& values) {
             json = std::filesystem::path(values.empty() ? std::string() : values.front());
           },
           "Write JSON to FILE, or to stdout instead of the table")
        ->expected(0, 1)
        ->type_name("[FILE]");
  }

  static void add_seconds(CLI::App& app, double& seconds) {
    app.add_option("--seconds", seconds, "Time for each measurement, about")
        ->check(is_sensible_time)
        ->type_name("S")
        ->capture_default_str();
  }

  static void add_without_pass(CLI::App& app, std::vector<std::string>& passes) {
    app.add_option("--without-pass", passes, "Leave this pass out; may be given several times")
        ->expected(1)
        ->take_all()
        ->type_name("NAME");
  }

  // Options that say what a model file is run with.
  static void add_work(CLI::App& app, std::int64_t& batch, std::vector<std::string>& shapes,
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

  void add_devices() {
    CLI::App& sub = subcommand("devices", "Lists devices with their limits and measured roofs",
                               [this] { return run_devices(devices_); });
    sub.add_option("--devices", devices_.devices, "Only these (default: all, and the host)")
        ->type_name("SPEC");
    add_json(sub, devices_.json);
  }

  void add_compare() {
    CLI::App& sub = subcommand("compare", "Runs the same work on each device",
                               [this] { return run_compare(compare_); });
    sub.add_option("--devices", compare_.devices, "Which devices")
        ->type_name("SPEC")
        ->capture_default_str();
    sub.add_flag("--quick", compare_.quick, "Less time for each measurement");
    add_json(sub, compare_.json);
  }

  void add_ops() {
    CLI::App& sub = subcommand("ops", "Measures ops against the roofs of a device", [this] {
      check_ops_flags();
      if (set_->count() > 0) return run_sets(set_options());
      if (!overhead_) return run_ops(ops_);
      return run_overhead({.device = ops_.device, .seconds = ops_.seconds, .json = ops_.json});
    });
    sub.add_option("--device", ops_.device, "Which device (default: the fastest)")
        ->type_name("SPEC");
    sub.add_option("--op", ops_.op, "Only this op")->type_name("NAME");
    sub.add_option("--filter", ops_.filter, "Only cases with TEXT in their name")
        ->type_name("TEXT");
    sub.add_option("--variant", ops_.variant, "Force this variant of an op")->type_name("NAME");
    sub.add_flag("--all-variants", ops_.all_variants, "Every variant, in turns");
    sub.add_flag("--overhead", overhead_,
                 "Instead of ops: the host's time per enqueued kernel of whole plans");
    add_sets(sub);
    add_seconds(sub, ops_.seconds);
    add_json(sub, ops_.json);
  }

  void add_sets(CLI::App& sub) {
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

  SetOptions set_options() const {
    SetOptions options = sets_;
    options.device = ops_.device;
    options.filter = ops_.filter;
    options.variant = ops_.variant;
    options.seconds = ops_.seconds;
    options.json = ops_.json;
    return options;
  }

  void check_ops_flags() const {
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

  void add_nets() {
    CLI::App& sub = subcommand("nets", "Measures whole networks", [this] {
      check_nets_flags();
      return run_nets(nets_);
    });
    sub.add_option("nets", nets_.nets, "Which (default: all)")->type_name("NAME");
    sub.add_option("--mode", nets_.mode, "inference, training or all")
        ->check(CLI::IsMember({"inference", "training", "all"}))
        ->type_name("MODE")
        ->capture_default_str();
    sub.add_option("--batch", nets_.batches, "Samples of a run, several joined by commas")
        ->delimiter(',')
        ->check(CLI::Range(1, 65536))
        ->type_name("N");
    sub.add_option("--device", nets_.device, "Which device (default: the fastest)")
        ->type_name("SPEC");
    sub.add_flag("--peers", nets_.peers, "Other frameworks in turns with ours, where they are");
    sub.add_flag("--profile", nets_.profile, "Also the time of each step of the plans");
    sub.add_flag("--first-result", nets_.first_result,
                 "Instead: from a process's start to its first result, cold and warm");
    sub.add_flag("--once", nets_.once, "Instead: one inference, as --first-result starts it");
    sub.add_option("--save", nets_.save,
                   "Instead: write the net to FILE, as ONNX if its name ends in .onnx")
        ->type_name("FILE");
    add_without_pass(sub, nets_.without_passes);
    add_seconds(sub, nets_.seconds);
    add_json(sub, nets_.json);
  }

  void check_nets_flags() const {
    if (!nets_.save.empty()) {
      if (nets_.nets.size() != 1) throw ArgumentError("takes one net", "--save");
      if (nets_.peers || nets_.profile || nets_.first_result || nets_.once || nets_.json) {
        throw ArgumentError("measures nothing; only a net's name goes with it", "--save");
      }
      return;
    }
    if (!nets_.first_result && !nets_.once) return;
    const std::string flag = nets_.once ? "--once" : "--first-result";
    if (nets_.peers || nets_.profile || !nets_.batches.empty() || nets_.mode != "all" ||
        (nets_.once && nets_.first_result)) {
      throw ArgumentError(
          "runs one sample in its own way; only names, --device and --json go "
          "with it",
          flag);
    }
    if (nets_.once && nets_.nets.size() != 1) throw ArgumentError("takes one net", flag);
  }

  void add_model() {
    CLI::App& sub = subcommand("model", "Measures models from ONNX files", [this] {
      if (model_.files.empty()) throw no_file("model");
      if (model_.once && model_.files.size() != 1) throw ArgumentError("takes one file", "--once");
      return run_model(model_);
    });
    sub.footer(
        "Examples:\n"
        "  pinnacle-bench model resnet50.onnx --batch 8 --peers onnxruntime\n"
        "  pinnacle-bench model bert.onnx --shape input_ids=1x128 --profile --trace run.json");
    sub.add_option("files", model_.files, "Which")->type_name("FILE");
    sub.add_option("--device", model_.device, "Which device (default: the fastest)")
        ->type_name("SPEC");
    add_work(sub, model_.batch, model_.shapes, model_.inputs);
    sub.add_option("--peers", model_.peers, "Also, in turns with ours: onnxruntime")
        ->type_name("NAME");
    sub.add_flag("--profile", model_.profile, "Also the time of each step of the plan");
    sub.add_option("--trace", model_.trace,
                   "Write the calls of one run to FILE, for chrome://tracing or Perfetto")
        ->type_name("FILE");
    sub.add_flag_callback(
        "--no-first-result", [this] { model_.first_result = false; },
        "Do not measure how long a process takes to its first result");
    sub.add_flag("--once", model_.once, "Instead: one run, as the first result is measured");
    add_without_pass(sub, model_.without_passes);
    add_seconds(sub, model_.seconds);
    add_json(sub, model_.json);
  }

  void add_check() {
    CLI::App& sub = subcommand("check", "Compares each node of a model on two devices", [this] {
      if (check_.file.empty()) throw no_file("check");
      return run_check(check_);
    });
    sub.footer(
        "Examples:\n"
        "  pinnacle-bench check model.onnx --device gpu\n"
        "  pinnacle-bench check model.onnx --device 0 --against 1 --inputs test_data_set_0\n"
        "The exit code is 1 if a node is out of tolerance.");
    sub.add_option("file", check_.file, "Which")->type_name("FILE");
    sub.add_option("--device", check_.device, "The device to check (default: the fastest)")
        ->type_name("SPEC");
    sub.add_option("--against", check_.against, "The device to compare with")
        ->type_name("SPEC")
        ->capture_default_str();
    add_work(sub, check_.batch, check_.shapes, check_.inputs);
    sub.add_option("--rtol", check_.rtol, "Tolerance, relative to each element")
        ->check(CLI::Range(0.0, 1.0))
        ->type_name("X")
        ->capture_default_str();
    sub.add_option("--atol", check_.atol,
                   "Absolute tolerance (default: 1e-4 of the node's largest value)")
        ->check(CLI::NonNegativeNumber)
        ->type_name("X");
    add_without_pass(sub, check_.without_passes);
    add_json(sub, check_.json);
  }

  void add_train() {
    CLI::App& sub = subcommand("train", "Trains a net on several devices together",
                               [this] { return run_train(train_); });
    sub.footer(
        "Examples:\n"
        "  pinnacle-bench train lenet --devices cpu\n"
        "  pinnacle-bench train resnet18 --devices sub:0,sub:1 --strategy data --batch 16 "
        "--check\n");
    sub.add_option("net", train_.net, "One of those that nets --help lists, such as lenet")
        ->capture_default_str();
    sub.add_option("--devices", train_.devices, "Which devices")
        ->type_name("LIST")
        ->capture_default_str();
    sub.add_option(
           "--strategy", train_.strategy,
           "auto: what is measured to be fastest, one of the devices or a CPU's parts included; "
           "data: each gets a share of the batch")
        ->check(CLI::IsMember({"auto", "data", "pipeline", "hybrid"}))
        ->capture_default_str();
    sub.add_option("--batch", train_.batch, "Samples of a step (default: the net's usual number)")
        ->type_name("N")
        ->check(CLI::Range(std::int64_t{1}, std::int64_t{65536}));
    sub.add_flag("--own-statistics", train_.own_statistics,
                 "batch_norm uses each device's samples alone");
    sub.add_flag("--check", train_.check, "Compare losses with those of the first device, too");
    sub.add_option("--save", train_.save, "Write the shares to FILE")->type_name("FILE");
    sub.add_option("--load", train_.load, "Take the shares of FILE")->type_name("FILE");
    add_seconds(sub, train_.seconds);
    add_json(sub, train_.json);
  }

  void add_place() {
    CLI::App& sub = subcommand("place", "Runs a model on several devices, a part on each", [this] {
      if (place_.file.empty()) throw no_file("place");
      return run_place(place_);
    });
    sub.footer(
        "Examples:\n"
        "  pinnacle-bench place model.onnx --devices 0,1\n"
        "  pinnacle-bench place model.onnx --devices sub:0,sub:1 --save cut.json\n"
        "  pinnacle-bench place model.onnx --devices sub:0,sub:1 --load cut.json\n"
        "The exit code is 1 if the outputs differ from those of the first device alone.");
    sub.add_option("file", place_.file, "Which")->type_name("FILE");
    sub.add_option("--devices", place_.devices, "Which devices, in the order of the parts")
        ->type_name("LIST")
        ->capture_default_str();
    sub.add_option("--save", place_.save, "Write where it was cut to FILE")->type_name("FILE");
    sub.add_option("--load", place_.load, "Cut it as FILE says, instead of measuring its nodes")
        ->type_name("FILE");
    add_work(sub, place_.batch, place_.shapes, place_.inputs);
    add_seconds(sub, place_.seconds);
    add_json(sub, place_.json);
  }

  static ArgumentError no_file(const char* subcommand_name) {
    return ArgumentError("a model file is missing", subcommand_name,
                         fmt::format("write pinnacle-bench {} FILE.onnx", subcommand_name));
  }

  void add_tune() {
    CLI::App& sub =
        subcommand("tune", "Finds and keeps the fastest variants and parameters of shapes",
                   [this] { return run_tune(tune_); });
    sub.add_flag("--ops", tune_.work.ops, "The shapes that \"ops\" measures");
    sub.add_option("--model", tune_.work.model, "The shapes of a net: lenet or mlp")
        ->check(CLI::IsMember({"lenet", "mlp"}))
        ->type_name("NAME");
    sub.add_option("--batch", tune_.work.batch, "Samples of the model's training step")
        ->check(CLI::Range(1, 65536))
        ->type_name("N")
        ->capture_default_str();
    sub.add_option("--device", tune_.device, "Which device (default: the fastest)")
        ->type_name("SPEC");
    sub.add_option("--op", tune_.work.op, "Only this op")->type_name("NAME");
    sub.add_option("--filter", tune_.work.filter, "Only shapes with TEXT in their name")
        ->type_name("TEXT");
    sub.add_flag("--again", tune_.again, "Known shapes, too");
    sub.add_option("--seconds", tune_.seconds, "Time for measuring a candidate, about")
        ->check(is_sensible_time)
        ->type_name("S")
        ->capture_default_str();
    sub.add_option("--time-limit", tune_.time_limit, "A candidate that takes longer is stopped")
        ->check(seconds_from_to(0.5, 3600))
        ->type_name("S")
        ->capture_default_str();
    sub.add_option("--budget", tune_.budget, "Begin no further shape after this time")
        ->check(seconds_from_to(1, 1e7))
        ->type_name("S");
    sub.add_option("--import", tune_.import_file, "First take over the choices of FILE")
        ->type_name("FILE");
    sub.add_option("--export", tune_.export_file, "At the end write all choices to FILE")
        ->type_name("FILE");
    sub.add_option("--least-gain", tune_.least_gain,
                   "Export only choices that gain so much over the heuristic's")
        ->check(CLI::Range(0.0, 1000.0))
        ->type_name("%");
    CLI::App& worker = subcommand("tune-worker", "", [this] { return run_tune_worker(worker_); });
    worker.add_option("--device", worker_);
    worker.group("");
  }

  CLI::App app_;
  TuneOptions tune_;
  std::string worker_;
  DevicesOptions devices_;
  CompareOptions compare_;
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

}  // namespace
}  // namespace pinnacle::bench

int main(int argc, char** argv) {
  try {
    return pinnacle::bench::CommandLine().run(argc, argv);
  } catch (const pinnacle::KernelError& error) {
    fmt::print(stderr, "pinnacle-bench: {}\n{}\n", error.what(), error.log());
  } catch (const std::exception& error) {
    fmt::print(stderr, "pinnacle-bench: {}\n", error.what());
  }
  return 1;
}
