// One run as a trace for the viewers of browsers (chrome://tracing, https://ui.perfetto.dev).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/session.hpp>

#include <string>
#include <vector>

#include "bench/environment.hpp"

namespace pinnacle::bench {

/// In the trace event format: one complete event per call of the device, in us.
Json trace_json(const std::vector<TraceEvent>& events, const std::vector<StepTime>& steps,
                const std::string& process, const std::string& device);

}  // namespace pinnacle::bench
