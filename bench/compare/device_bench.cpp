// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/device_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "bench/peak.hpp"
#include "bench/table.hpp"
#include "bench/workloads.hpp"

namespace pinnacle::bench {
namespace {

constexpr double kHostRate = 2e8;        // flop per second of the reference loops, about
constexpr double kFirstGuess = 0.05;     // of the peak, before anything is measured
constexpr double kNetworkShare = 0.3;    // of the rate of a kernel alone, before a network ran
constexpr double kFirstBuildGuess = .1;  // seconds of one kernel
constexpr double kFewRuns = 3;
constexpr std::size_t kEnoughSamples = 8;
constexpr std::size_t kMostSamples = 15;
constexpr double kMostRuns = 1000;  // of one sample: what may wait in a queue

std::vector<std::string> kernels_of(const Plan& plan) {
  std::vector<std::string> all;
  for (const Step& step : plan.steps) {
    for (const std::vector<Call>* calls : {&step.prepare, &step.calls}) {
      for (const Call& call : *calls) {
        const auto* kernel = std::get_if<KernelCall>(&call);
        if (kernel == nullptr) continue;
        std::string text = kernel->file + '\n' + kernel->kernel + '\n' + kernel->prelude;
        for (const auto& [name, value] : kernel->defines) text += '\n' + name + '=' + value;
        all.push_back(std::move(text));
      }
    }
  }
  return all;
}

}  // namespace

DeviceBench::DeviceBench(Device device, const Limits& limits)
    : device_(std::move(device)), limits_(limits) {
  const Target& target = device_.target();
  if (!target.host) roofs_ = {target.peak_gflops, target.bandwidth_gbs};
}

void DeviceBench::raise_roofs(const Measurement& peak) {
  double* const roof = peak.subject == "FMA f32"              ? &roofs_.fma_gflops
                       : peak.subject == "copy on the device" ? &roofs_.copy_gbs
                                                              : nullptr;
  if (roof == nullptr) return;
  for (const double sample : peak.samples) *roof = std::max(*roof, sample);
}

// A copy is faster the nearer the cache that holds its arrays, and slower where it hardly lasts longer
// than its launch: only one of about the same size is a roof.
double DeviceBench::copy_gbs(double bytes) {
  constexpr int kSmallest = 12;
  constexpr int kLargest = 26;  // from there on the roof of the device's memory
  constexpr double kSeconds = 0.02;
  const int power = std::max(kSmallest, 2 * static_cast<int>(std::round(std::log2(bytes) / 2)));
  if (power >= kLargest) return roofs_.copy_gbs;
  const auto [place, fresh] = small_copies_.emplace(power, 0);
  if (fresh) {
    const CopyRuns copies = copy_runs(device_, std::exp2(power));
    for (const Timing& timing : time_interleaved(copies.runs, {.seconds = kSeconds})) {
      place->second = std::max(place->second, 1e-9 * copies.bytes / timing.fastest);
    }
  }
  return place->second;
}

void DeviceBench::set_roof(Measurement& measurement, double flop, double bytes, double seconds) {
  measurement.flop = flop;
  measurement.bytes = bytes;
  if (is_host() || roofs_.fma_gflops <= 0 || seconds <= 0 || bytes < 1) return;
  const double arithmetic = 1e-9 * flop / roofs_.fma_gflops;
  const double traffic = 1e-9 * bytes / copy_gbs(bytes);
  measurement.of_roof = std::max(arithmetic, traffic) / seconds;
  measurement.roof = traffic > arithmetic ? "copy" : "FMA";
}

void DeviceBench::need(double running, double building) const {
  if (limits_.item > 0 && running > limits_.item) {
    throw NoValue(fmt::format("too slow: about {} s expected, {} s allowed", number(running),
                              number(limits_.item)));
  }
  if (limits_.device > 0 && spent_ + running + building > limits_.device) {
    throw NoValue(
        fmt::format("too slow: about {} s expected, {} s left of {} s", number(running + building),
                    number(std::max(limits_.device - spent_, 0.0)), number(limits_.device)));
  }
}

double DeviceBench::rate(Size size) const {
  const double first = is_host() ? kHostRate : 1e9 * kFirstGuess * roofs_.fma_gflops;
  const double kernel = std::max(kernel_rate_ > 0 ? kernel_rate_ : first, 1.0);
  if (size == Size::kernel || is_host()) return kernel;
  return std::max(network_rate_, kNetworkShare * kernel);
}

std::shared_ptr<Session> DeviceBench::start(const Graph& graph, Size size, double flop,
                                            bool profile) {
  need(kFewRuns * flop / rate(size));
  CompileOptions how;
  how.profile = profile;
  std::set<std::string> fresh;
  for (std::string& kernel : kernels_of(make_plan(graph, device_.target(), how))) {
    if (!built_.contains(kernel)) fresh.insert(std::move(kernel));
  }
  const double each =
      built_.empty() ? kFirstBuildGuess : build_seconds_ / static_cast<double>(built_.size());
  need(kFewRuns * flop / rate(size), each * static_cast<double>(fresh.size()));
  const double begin = now();
  auto session = std::make_shared<Session>(compile(graph, device_, how));
  fill_inputs(*session);
  session->enqueue();
  session->finish();  // drivers finish compiling at a first launch
  const double first = now() - begin;
  // What a run alone takes is part of it, but known only when the kernels are there.
  const double run = flop / rate(size);
  build_seconds_ += std::max(first - run, 0.0);
  built_.merge(fresh);
  return session;
}

std::vector<double> DeviceBench::sample(const Run& run) {
  const double begin = now();
  const double one = std::max(run(1), 1e-9);
  std::vector<double> samples;
  if (limits_.item > 0 && one * kEnoughSamples > limits_.item) samples.push_back(one);
  const double wanted = limits_.sampling / kMostSamples;
  auto count = static_cast<std::int64_t>(std::clamp(wanted / one, 1.0, kMostRuns));
  if (count > 1) {  // the first of many tells little
    const double again = std::max(run(count) / static_cast<double>(count), 1e-9);
    count = static_cast<std::int64_t>(std::clamp(wanted / again, 1.0, kMostRuns));
  }
  while (samples.size() < kMostSamples) {
    const double elapsed = now() - begin;
    const bool enough = samples.size() >= kEnoughSamples && elapsed > limits_.sampling;
    const bool late = !samples.empty() && limits_.item > 0 && elapsed + one > limits_.item / 2;
    if (enough || late) break;
    samples.push_back(run(count) / static_cast<double>(count));
  }
  return samples;
}

std::vector<double> DeviceBench::sample(const Run& run, Size size, double flop) {
  std::vector<double> samples = sample(run);
  const double seconds = median(samples);
  if (seconds <= 0 || flop <= 0) return samples;
  if (size == Size::kernel) {
    kernel_rate_ = flop / seconds;
  } else if (flop >= network_flop_) {
    network_flop_ = flop;
    network_rate_ = flop / seconds;
  }
  return samples;
}

}  // namespace pinnacle::bench
