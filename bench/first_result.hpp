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

/// Starts this program per net: first with empty caches, Pinnacle's and PoCL's, then again. Returns
/// the exit code.
int run_first_result(const std::vector<Net>& nets, const std::string& device, const Output& output);

}  // namespace pinnacle::bench
