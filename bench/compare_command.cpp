// pinnacle-bench compare: the same work on each device. What is measured is in compare/suite.cpp.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>

#include <algorithm>
#include <optional>

#include "base/files.hpp"
#include "bench/commands.hpp"
#include "bench/compare/measure.hpp"
#include "bench/compare/page.hpp"
#include "bench/compare/text.hpp"
#include "bench/exit_code.hpp"
#include "bench/output.hpp"

namespace pinnacle::bench {
namespace {

// How select_devices() names the devices of a file. throws ArgumentError if it cannot
std::string spec_of(const Comparison& comparison) {
  std::vector<std::string> words;
  for (const ComparedDevice& device : comparison.devices) {
    if (device.index < 0 && device.kind != "host") {
      throw ArgumentError(fmt::format("\"{}\" has no number", device.name), "--resume",
                          "name the devices with --devices");
    }
    words.push_back(device.kind == "host" ? "host" : std::to_string(device.index));
  }
  return fmt::format("{}", fmt::join(words, ","));
}

}  // namespace

int run_compare(const CompareOptions& options) {
  std::optional<Comparison> earlier;
  if (!options.resume.empty()) earlier = load_comparison(options.resume);
  JsonOption json = options.json;
  if (!json && !options.resume.empty()) json = options.resume;
  const Output output(json);
  if (!options.csv.empty()) check_writable(options.csv, "--csv");
  if (!options.html.empty()) check_writable(options.html, "--html");
  std::string suite = options.suite;
  std::string spec = options.devices;
  if (suite.empty()) suite = earlier ? earlier->suite : "standard";
  if (spec.empty()) spec = earlier ? spec_of(*earlier) : "all";
  const std::vector<Device> devices = select_devices(spec);
  const std::vector<Item> items = make_items(suite, {options.models.begin(), options.models.end()});
  Comparison comparison = start_comparison(suite, devices);
  if (earlier) {
    check_resumable(*earlier, comparison, options.resume);
    comparison.measurements = std::move(earlier->measurements);
  }

  const auto save = [&](const Comparison& state) {
    if (json && !json->empty()) output.json(to_json(state));
  };
  bool interrupted = false;
  {
    const Interruption interruption;
    measure_items(items, devices, options.only, comparison, save);
    interrupted = Interruption::is_asked();
  }
  output.text(to_text(comparison.environment) + comparison_text(comparison));
  output.json(to_json(comparison));
  if (!options.csv.empty()) write_file_atomically(options.csv, comparison_csv(comparison));
  if (!options.html.empty()) write_page(comparison, options.html);
  if (interrupted) return static_cast<int>(ExitCode::interrupted);
  const bool failed = std::any_of(comparison.measurements.begin(), comparison.measurements.end(),
                                  [](const Measurement& m) { return m.failed; });
  return failed ? 1 : 0;
}

}  // namespace pinnacle::bench
