// onnx_corpus: runs cases of the ONNX project's backend tests (folders with a model.onnx and
// test_data_set_*/input_N.pb, output_N.pb), and says what passed by group of operators.
//   onnx_corpus [--device NAME] [--filter REGEX] [--part I/N] [--export FOLDER] [--markdown FILE]
//               [--verbose] DIR...
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <pinnacle/pinnacle.hpp>
#include <regex>
#include <string>
#include <vector>

#include "onnx/operator_groups.hpp"
#include "targets.hpp"

namespace fs = std::filesystem;
using namespace pinnacle;

namespace {

enum class Verdict { passed, failed, unsupported };

struct Result {
  std::string name;
  std::string op;
  Verdict verdict = Verdict::passed;
  std::string why;
  int host_steps = 0;
};

struct Options {
  std::vector<std::string> folders;
  std::string device;
  std::string filter;
  std::string part = "1/1";
  std::string markdown;
  std::string export_folder;
  double rtol = 1e-3;
  bool verbose = false;
};

// Absolute: what rounding in f32 leaves of numbers of the tensor's size.
constexpr double kScaleTolerance = 1e-5;
constexpr double kLeastTolerance = 1e-7;

std::vector<Tensor> tensors(const fs::path& folder, const std::string& stem) {
  std::vector<Tensor> all;
  for (int i = 0; fs::exists(folder / fmt::format("{}_{}.pb", stem, i)); ++i) {
    all.push_back(load_onnx_tensor(folder / fmt::format("{}_{}.pb", stem, i)));
  }
  return all;
}

// Empty: they agree.
std::string difference(const Tensor& got, const Tensor& wanted, double rtol, double step) {
  if (got.type() != wanted.type()) {
    return fmt::format("is {}, expected {}", got.type(), wanted.type());
  }
  const bool real = got.dtype() == DType::f32 || got.dtype() == DType::f16;
  const Array a = to_array(got);
  const Array b = to_array(wanted);
  double scale = 0;
  for (const double y : b.data) {
    if (std::isfinite(y)) scale = std::max(scale, std::fabs(y));
  }
  const double atol = kScaleTolerance * scale + kLeastTolerance;
  for (std::size_t i = 0; i < a.data.size(); ++i) {
    const double x = a.data[i];
    const double y = b.data[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    if (std::fabs(x - y) <= (real ? atol + rtol * std::fabs(y) : step)) continue;
    return fmt::format("element {} is {}, expected {}", i, x, y);
  }
  return "";
}

std::string run_data_set(const OnnxModel& model, const fs::path& folder, const Device& device,
                         const Options& options, Result& result) {
  for (const std::vector<OnnxPort>* ports : {&model.inputs(), &model.outputs()}) {
    for (const OnnxPort& port : *ports) {
      if (!port.supported)
        throw UnsupportedError("is no tensor, or of another element type", {}, port.name);
    }
  }
  const std::vector<Tensor> given = tensors(folder, "input");
  const std::vector<Tensor> wanted = tensors(folder, "output");
  OnnxBinding binding;
  if (given.size() > model.inputs().size()) {
    return fmt::format("{} inputs for {}", given.size(), model.inputs().size());
  }
  for (std::size_t i = 0; i < given.size(); ++i) {
    binding.contents[model.inputs()[i].name] = given[i];
  }
  Graph graph = model.graph(binding);
  if (!options.export_folder.empty()) {
    // Written as ONNX and read again: it must still give the same.
    const fs::path file = fs::path(options.export_folder) / (result.name + ".onnx");
    save_onnx(graph, file);
    graph = load(file).graph();
  }
  Session session = compile(graph, device);
  // What a device with kernels leaves to the host, whatever this one is.
  result.host_steps = make_plan(model.graph(binding), test::wide_target()).host_count();
  // A number half way between two steps may be rounded to either.
  const double step = test::group_of(result.op) == "quantization" ? 1 : 0;
  std::map<std::string, Tensor> inputs;
  for (const ValueId id : session.graph().inputs) {
    const std::string& name = session.graph().value(id).name;
    const auto it = binding.contents.find(name);
    if (it == binding.contents.end()) return fmt::format("input \"{}\" has no data", name);
    inputs[name] = it->second;
  }
  const std::vector<Tensor> got = session.run(inputs);
  if (got.size() < wanted.size()) {
    return fmt::format("{} outputs, expected {}", got.size(), wanted.size());
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string text = difference(got[i], wanted[i], options.rtol, step);
    if (!text.empty()) return fmt::format("output {} {}", i, text);
  }
  return wanted.empty() ? "there is no expected output" : "";
}

// What the case is about: in its name, as the ONNX project gives it, or its file's first node.
std::string first_line(const std::string& text) {
  return text.substr(0, std::min(text.find('\n'), std::size_t{200}));
}

Result run_case(const fs::path& folder, const Device& device, const Options& options) {
  Result result{.name = folder.filename().string(), .op = test::operator_of(folder), .why = {}};
  try {
    const OnnxModel model = load(folder / "model.onnx");
    std::vector<fs::path> sets;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.is_directory() &&
          entry.path().filename().string().find("test_data_set") != std::string::npos) {
        sets.push_back(entry.path());
      }
    }
    std::sort(sets.begin(), sets.end());
    if (sets.empty()) result.why = "there is no data set";
    for (const fs::path& set : sets) {
      if (result.why.empty()) {
        result.why = run_data_set(model, set, device, options, result);
      }
    }
    if (!result.why.empty()) result.verdict = Verdict::failed;
  } catch (const UnsupportedError& error) {
    result.verdict = Verdict::unsupported;
    result.why = error.items().empty() ? error.what() : error.items().front();
  } catch (const Error& error) {
    result.verdict = Verdict::failed;
    result.why = error.what();
  }
  return result;
}

std::vector<fs::path> find_cases(const Options& options) {
  std::vector<fs::path> cases;
  for (const std::string& folder : options.folders) {
    if (!fs::is_directory(folder)) throw FileError("is no folder", folder);
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().filename() == "model.onnx") cases.push_back(entry.path().parent_path());
    }
  }
  std::sort(cases.begin(), cases.end());
  if (!options.filter.empty()) {
    const std::regex pattern(options.filter);
    std::erase_if(cases, [&](const fs::path& path) {
      return !std::regex_search(path.filename().string(), pattern);
    });
  }
  int part = 1;
  int parts = 1;
  if (std::sscanf(options.part.c_str(), "%d/%d", &part, &parts) != 2 || part < 1 || part > parts) {
    throw ArgumentError(fmt::format("is \"{}\"", options.part), "--part", "write it like 1/2");
  }
  std::vector<fs::path> own;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (static_cast<int>(i % static_cast<std::size_t>(parts)) == part - 1) own.push_back(cases[i]);
  }
  return own;
}

struct Tally {
  int passed = 0;
  int failed = 0;
  int unsupported = 0;
  int on_host = 0;

  void add(const Result& result) {
    passed += result.verdict == Verdict::passed ? 1 : 0;
    failed += result.verdict == Verdict::failed ? 1 : 0;
    unsupported += result.verdict == Verdict::unsupported ? 1 : 0;
    on_host += result.verdict == Verdict::passed && result.host_steps > 0 ? 1 : 0;
  }
};

void print_tally(const std::string& name, const Tally& tally) {
  fmt::print("{:24} {:6} passed {:6} failed {:6} unsupported", name, tally.passed, tally.failed,
             tally.unsupported);
  if (tally.on_host > 0) fmt::print("   ({} partly on the host)", tally.on_host);
  fmt::print("\n");
}

void write_markdown(const std::string& file, const std::vector<Result>& results) {
  std::map<std::string, std::map<std::string, Tally>> groups;
  std::map<std::string, std::string> reasons;
  for (const Result& result : results) {
    groups[test::group_of(result.op)][result.op].add(result);
    if (result.verdict == Verdict::unsupported && !reasons.contains(result.op)) {
      reasons[result.op] = first_line(result.why);
    }
  }
  std::string text =
      "# Operators of ONNX\n\n"
      "Made by `build/test/onnx_corpus --device host --markdown docs/ops.md CASES` from the "
      "backend tests "
      "of the ONNX project.\nA case is \"partly on the host\" where a device has no kernel for a "
      "part of "
      "it. An operator of several groups stands\nwhere its cases' names put it.\n";
  for (const auto& [group, ops] : groups) {
    text += fmt::format(
        "\n## {}\n\n| operator | passed | of these partly on the host | unsupported | the first "
        "reason |\n"
        "| --- | --- | --- | --- | --- |\n",
        group);
    for (const auto& [op, tally] : ops) {
      std::string reason = tally.unsupported > 0 ? reasons[op] : "";
      std::replace(reason.begin(), reason.end(), '|', '/');
      text += fmt::format("| {} | {} | {} | {} | {} |\n", op, tally.passed, tally.on_host,
                          tally.unsupported, reason);
    }
  }
  std::ofstream out(file);
  out << text;
  if (!out.flush()) throw FileError("cannot be written", file);
}

int run(const Options& options) {
  const Device device = options.device.empty() ? Device::fastest() : select_device(options.device);
  std::vector<Result> results;
  for (const fs::path& folder : find_cases(options)) {
    results.push_back(run_case(folder, device, options));
    const Result& result = results.back();
    if (result.verdict == Verdict::failed) {
      fmt::print("FAILED {}: {}\n", result.name, first_line(result.why));
    } else if (options.verbose && result.verdict == Verdict::unsupported) {
      fmt::print("unsupported {}: {}\n", result.name, first_line(result.why));
    } else if (options.verbose) {
      fmt::print("passed {}\n", result.name);
    }
    std::fflush(stdout);
  }
  std::map<std::string, Tally> groups;
  Tally all;
  Tally asked;
  for (const Result& result : results) {
    const std::string group = test::group_of(result.op);
    groups[group].add(result);
    all.add(result);
    const bool foreign_type = result.why.find("element type") != std::string::npos;
    if (test::is_core_group(group) && !(result.verdict == Verdict::unsupported && foreign_type)) {
      asked.add(result);
    }
  }
  for (const auto& [group, tally] : groups) print_tally(group, tally);
  const int count = asked.passed + asked.failed + asked.unsupported;
  if (count > 0) {
    fmt::print("core groups, types that Pinnacle has: {:.1f} % of {} cases pass\n",
               100.0 * asked.passed / count, count);
  }
  if (!options.markdown.empty()) write_markdown(options.markdown, results);
  fmt::print("passed {}, failed {}, unsupported {}\n", all.passed, all.failed, all.unsupported);
  return all.failed > 0 || results.empty() ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Runs the backend tests of the ONNX project");
  app.add_option("DIR", options.folders, "folders to look for cases in")->required();
  app.add_option("--device", options.device, "a device's name, or host (default: the fastest)");
  app.add_option("--filter", options.filter, "only cases whose name this regular expression finds");
  app.add_option("--part", options.part, "every N-th case, from the I-th: I/N");
  app.add_option("--rtol", options.rtol, "relative tolerance");
  app.add_option("--export", options.export_folder,
                 "write each case as ONNX into this folder, and run what is read from there");
  app.add_option("--markdown", options.markdown, "write the results by operator to this file");
  app.add_flag("--verbose", options.verbose, "name every case");
  CLI11_PARSE(app, argc, argv);
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::cerr << "onnx_corpus: " << error.what() << "\n";
    return 1;
  }
}
