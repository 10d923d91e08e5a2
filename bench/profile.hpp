// Where the time of a plan goes, step by step, from the device's own clock.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/session.hpp>

#include <string>
#include <vector>

#include "bench/environment.hpp"

namespace pinnacle::bench {

/// The median of each step over several runs.
/// REQUIRES: the session was compiled with CompileOptions::profile
std::vector<StepTime> median_profile(Session& session, double seconds);
/// Sums by op and variant, then all steps, each sorted by time.
std::string profile_text(std::vector<StepTime> steps);
Json profile_json(const std::vector<StepTime>& steps);

}  // namespace pinnacle::bench
