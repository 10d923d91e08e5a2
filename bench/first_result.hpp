// The time from the start of a process to its first inference result, cold and warm.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "bench/nets.hpp"
#include "bench/output.hpp"

namespace pinnacle::bench {

/// What the measured process does: one inference of one sample, then a line of JSON with the seconds
/// that its parts took.
int run_once(const Net& net, const Device& device);

/// From the start of a process to its first result.
struct FirstResult {
  double seconds = 0;
  Json parts;  ///< what the process said: the seconds that its parts took
};
struct FirstResults {
  FirstResult cold;                  ///< with empty caches, Pinnacle's and PoCL's
  FirstResult warm;                  ///< the median of a few after that
  std::vector<double> warm_seconds;  ///< all of those, in their order
};
/// Starts this program with `words`, several times. The process prints one JSON object after its
/// first result. `name` is for errors. throws DeviceError if it fails
FirstResults measure_first_result(const std::vector<std::string>& words, const std::string& name);

/// Starts this program per net: first with empty caches, Pinnacle's and PoCL's, then again. Returns
/// the exit code.
int run_first_result(const std::vector<Net>& nets, const std::string& device, const Output& output);

}  // namespace pinnacle::bench
