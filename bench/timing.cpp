// SPDX-License-Identifier: Apache-2.0
#include "bench/timing.hpp"

#include <time.h>

#include <algorithm>
#include <chrono>

namespace pinnacle::bench {
namespace {

constexpr double kLongestColdStart = 15;  // seconds
constexpr double kColdFactor = 8;

// How many runs a batch takes, found by doubling; nothing if one run alone is too long.
std::int64_t batch_size(const Run& run, const TimingOptions& options, double& one) {
  one = run(1);
  const double wanted = options.seconds / (options.batches + 1);
  if (one > wanted) return 1;
  std::int64_t count = 1;
  double spent = one;
  double time = one;
  while (time < wanted / 2 && count < options.most_runs && spent < options.seconds) {
    const double share = wanted / std::max(time, 1e-9) * static_cast<double>(count);
    count = std::clamp(static_cast<std::int64_t>(share), count + 1, 8 * count);
    count = std::min(count, options.most_runs);
    time = run(count);
    spent += time;
  }
  return count;
}

}  // namespace

std::vector<Timing> time_interleaved(std::span<const Run> runs, const TimingOptions& options) {
  std::vector<Timing> timings(runs.size());
  std::vector<std::vector<double>> samples(runs.size());
  std::vector<double> first(runs.size());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    // The first run may build kernels; only the second tells how long one takes. Unless there is no
    // end to it.
    const double cold = runs[i](1);
    if (cold > std::max(kLongestColdStart, kColdFactor * options.seconds)) {
      first[i] = cold;
      timings[i].runs = 1;
    } else {
      timings[i].runs = batch_size(runs[i], options, first[i]);
    }
  }
  for (int batch = 0; batch < options.batches; ++batch) {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      if (first[i] * (batch + 1) > options.seconds) continue;  // too slow for another
      samples[i].push_back(runs[i](timings[i].runs) / static_cast<double>(timings[i].runs));
    }
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (samples[i].empty()) samples[i].push_back(first[i]);
    timings[i].batches = static_cast<int>(samples[i].size());
    timings[i].fastest = *std::min_element(samples[i].begin(), samples[i].end());
    timings[i].seconds = median(samples[i]);
  }
  return timings;
}

Timing time_run(const Run& run, const TimingOptions& options) {
  return time_interleaved(std::span<const Run>(&run, 1), options).front();
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double thread_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace pinnacle::bench
