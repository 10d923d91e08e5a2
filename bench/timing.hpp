// Timing by medians: a warm-up, then batches of runs, alternating between the candidates so that
// what else happens on the machine hits all of them alike.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/median.hpp"

namespace pinnacle::bench {

/// Enqueues `count` runs, waits once, returns the seconds that it took.
using Run = std::function<double(std::int64_t count)>;

struct TimingOptions {
  double seconds = 1;             ///< per candidate, about
  int batches = 9;                ///< at least 1
  std::int64_t most_runs = 1000;  ///< of one batch: what may wait in a queue
};

struct Timing {
  double seconds = 0;     ///< of one run: the median over the batches
  double fastest = 0;     ///< of one run: the best batch
  int batches = 0;        ///< 1: it was too slow for more
  std::int64_t runs = 0;  ///< of one batch
};

Timing time_run(const Run& run, const TimingOptions& options = {});
/// Batch by batch in turns.
std::vector<Timing> time_interleaved(std::span<const Run> runs, const TimingOptions& options = {});

using pinnacle::median;

/// Seconds since some fixed moment.
double now();
/// Seconds that the calling thread has worked, waits left out.
double thread_seconds();

}  // namespace pinnacle::bench
