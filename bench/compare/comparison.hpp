// What `pinnacle-bench compare` measured: plain data, written as JSON and read again by the page and by
// `pinnacle-bench diff`. The format is described in docs/compare.schema.json.
// Thread safety: plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/environment.hpp"

namespace pinnacle::bench {

/// One number of one device. Optional numbers are absent where there is nothing to say.
struct Measurement {
  std::string key;  ///< of the same work in every run, on every device; '/' between its parts
  std::size_t device = 0;  ///< index into Comparison::devices
  std::string group;       ///< one of kGroups
  std::string subject;     ///< "FMA f32", "GEMM 512 x 512 x 512", "resnet18"
  std::string quantity;    ///< "rate", "inference latency", "training throughput"
  std::string unit;        ///< of value, low, high and samples
  bool lower_is_better = false;
  std::optional<double> value = {};           ///< the median of the samples; none: see problem
  std::optional<double> low = {}, high = {};  ///< its 95 % interval
  std::vector<double> samples =
      {};  ///< one per batch of runs, in the order in which they were taken
  std::optional<std::int64_t> batch = {};
  std::optional<double> flop = {}, bytes = {};  ///< of one run
  std::optional<double> of_roof =
      {};                    ///< share of this device's own limit; above 1 with fewer products
  std::string roof = {};     ///< which limit: "FMA" or "copy"
  std::string kernel = {};   ///< variants or kernels that ran
  std::string problem = {};  ///< why there is no value
  bool failed = false;       ///< the problem is an error, not a limit of the device

  bool operator==(const Measurement&) const = default;
};

inline constexpr std::string_view kGroups[] = {"peaks",   "kernels", "networks", "layers",
                                               "compile", "memory",  "accuracy", "energy"};

/// What "layers" also has: the whole run, with kAllSteps as the last part of its key.
inline constexpr std::string_view kAllSteps = "all steps";
/// One step of a plan, not the sum of them.
bool is_step(const Measurement& measurement);

/// Fills value, low and high from the samples. REQUIRES: samples, all finite
void summarize_samples(Measurement& measurement);

struct ComparedDevice {
  int index = 0;  ///< as `pinnacle-bench devices` counts
  std::string name, platform, driver, kind;
  Json details;  ///< device_json(): limits and roofs
};

struct Comparison {
  std::string suite;      ///< "quick", "standard" or "full"
  bool complete = false;  ///< all of the suite was measured
  Environment environment;
  std::vector<ComparedDevice> devices;
  std::vector<Measurement> measurements;

  /// nullptr if there is none.
  const Measurement* find(std::string_view key, std::size_t device) const;
};

Json to_json(const Comparison& comparison);
/// throws   ParseError, `where` being `name`, if the text is not exactly such a file
Comparison parse_comparison(std::string_view text, const std::string& name);
/// throws   FileError; ParseError as parse_comparison()
Comparison load_comparison(const std::filesystem::path& file);

}  // namespace pinnacle::bench
