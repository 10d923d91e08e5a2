// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/difference.hpp"

#include <pinnacle/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "base/median.hpp"
#include "base/text.hpp"
#include "bench/compare/interval.hpp"
#include "bench/compare/significance.hpp"

namespace pinnacle::bench {
namespace {

constexpr double kFalseDiscoveries = 0.05;
constexpr std::size_t kLeastSamples = 3;
constexpr double kFewFactor = 1.5;       // for quantities that do not show their noise
constexpr double kSigmas95 = 1.95996;    // half a 95 % interval
constexpr double kMadToSigma = 1.4826;   // of a normal distribution
constexpr std::size_t kLeastPairs = 20;  // to learn a device's noise between runs
constexpr double kUsualSpread = 0.02;    // where there are fewer
constexpr double kLeastSpread = 0.01;    // two runs of one program on a quiet machine
constexpr double kMostSpread = 0.08;     // beyond it, many quantities changed
constexpr double kLeastShare = 0.8;      // of the slowdowns, for a kernel to be called shared
constexpr double kLeastLift = 0.5;       // over its share of the others

bool has_noise(const Measurement& m) {
  return m.samples.size() >= kLeastSamples && *m.value > 0 && *m.low > 0 &&
         *std::min_element(m.samples.begin(), m.samples.end()) > 0;
}

bool is_counted(const Measurement& m) { return m.group == "memory"; }

// Positive where it became worse, whichever way the unit points.
double slowdown(const Change& change) {
  const double logarithm = std::log(change.ratio);
  return change.after.lower_is_better ? logarithm : -logarithm;
}

// The variance of the median's logarithm, from its interval.
double variance(const Measurement& m) {
  const double width = std::log(*m.high) - std::log(*m.low);
  return width * width / (4 * kSigmas95 * kSigmas95);
}

bool overlap(const Measurement& a, const Measurement& b) {
  return *a.low <= *b.high && *b.low <= *a.high;
}

Verdict direction(const Change& change) {
  const bool larger = *change.after.value > *change.before.value;
  return larger == change.after.lower_is_better ? Verdict::worse : Verdict::better;
}

// What a quantity without known noise shows.
Verdict plain_verdict(const Change& change, double threshold) {
  const Measurement& a = change.before;
  const Measurement& b = change.after;
  if (*a.value == *b.value) return Verdict::unchanged;
  if (*a.value <= 0 || *b.value <= 0) return direction(change);
  const double least = is_counted(a) ? 1 + threshold : kFewFactor;
  const bool apart = is_counted(a) || !overlap(a, b);
  return apart && change.size() > least ? direction(change) : Verdict::unchanged;
}

// Fills drift and spread from the device's quantities that have noise.
void learn_noise(DevicePair& device, const std::vector<const Change*>& changes, double limit) {
  device.tested = changes.size();
  device.spread = kUsualSpread;
  if (changes.size() < kLeastPairs) return;
  std::vector<double> moves;
  std::vector<double> within;
  for (const Change* change : changes) {
    moves.push_back(slowdown(*change));
    within.push_back(variance(change->before) + variance(change->after));
  }
  const double middle = median(moves);
  for (double& move : moves) move = std::fabs(move - middle);
  const double sigma = kMadToSigma * median(moves);
  const double between = std::sqrt(std::max(0.0, sigma * sigma - median(within)));
  device.drift = std::exp(std::clamp(middle, -limit, limit));
  device.spread = std::clamp(between, kLeastSpread, kMostSpread);
}

double p_value(const Change& change, const DevicePair& device) {
  const std::array variances = {variance(change.before), variance(change.after),
                                device.spread * device.spread};
  const std::array degrees = {static_cast<double>(change.before.samples.size()) - 1,
                              static_cast<double>(change.after.samples.size()) - 1,
                              static_cast<double>(std::max(device.tested, kLeastPairs))};
  const double sum = variances[0] + variances[1] + variances[2];
  const double t = (slowdown(change) - std::log(device.drift)) / std::sqrt(sum);
  return two_sided_p(t, satterthwaite(variances, degrees));
}

// Judges the quantities with noise, all together.
void judge(Difference& result) {
  std::vector<std::vector<const Change*>> by_device(result.devices.size());
  std::vector<Change*> tested;
  for (Change& change : result.changes) {
    if (!change.before.value || !change.after.value) continue;
    if (!has_noise(change.before) || !has_noise(change.after)) continue;
    by_device[change.device].push_back(&change);
    tested.push_back(&change);
  }
  const double limit = std::log1p(result.threshold);
  for (std::size_t i = 0; i < by_device.size(); ++i) {
    learn_noise(result.devices[i], by_device[i], limit);
  }
  std::vector<double> p_values;
  for (Change* change : tested) {
    change->p = p_value(*change, result.devices[change->device]);
    p_values.push_back(change->p);
  }
  const std::vector<bool> found = significant(p_values, kFalseDiscoveries);
  for (std::size_t i = 0; i < tested.size(); ++i) {
    Change& change = *tested[i];
    const double moved = slowdown(change) - std::log(result.devices[change.device].drift);
    const bool excludes_1 = change.low > 1 || change.high < 1;
    const bool exceeds = std::fabs(slowdown(change)) > limit && std::fabs(moved) > limit;
    if (found[i] && exceeds && excludes_1 && !overlap(change.before, change.after)) {
      change.verdict = direction(change);
    }
  }
}

Change compare(const Measurement& before, const Measurement& after, std::size_t device,
               double threshold) {
  Change change{.before = before, .after = after, .device = device};
  if (!after.value) {
    const bool worse = before.value || (after.failed && !before.failed);
    if (worse) change.verdict = Verdict::problem;
    return change;
  }
  if (!before.value) {
    change.verdict = Verdict::solved;
    return change;
  }
  change.ratio = *after.value / *before.value;
  change.low = change.high = change.ratio;
  if (!has_noise(before) || !has_noise(after)) {
    if (*before.value > 0 && *before.low > 0) {
      change.low = *after.low / *before.high;
      change.high = *after.high / *before.low;
    }
    change.verdict = plain_verdict(change, threshold);
    return change;
  }
  const Interval interval = bootstrap_ratio(before.samples, after.samples);
  change.low = interval.low;
  change.high = interval.high;
  return change;
}

std::vector<DevicePair> pair_devices(const Comparison& before, const Comparison& after) {
  std::vector<DevicePair> pairs;
  std::vector<bool> taken(after.devices.size(), false);
  for (std::size_t i = 0; i < before.devices.size(); ++i) {
    const ComparedDevice& a = before.devices[i];
    for (std::size_t j = 0; j < after.devices.size(); ++j) {
      const ComparedDevice& b = after.devices[j];
      if (taken[j] || a.name != b.name || a.platform != b.platform) continue;
      taken[j] = true;
      pairs.push_back({.before = i, .after = j, .name = a.name});
      break;
    }
  }
  if (pairs.empty() && before.devices.size() == 1 && after.devices.size() == 1) {
    pairs.push_back({.name = after.devices[0].name, .by_position = true});
  }
  if (pairs.empty()) {
    const auto names = [](const Comparison& comparison) {
      std::vector<std::string> list;
      for (const ComparedDevice& device : comparison.devices) {
        list.push_back(fmt::format("{} ({})", device.name, device.platform));
      }
      return fmt::format("{}", fmt::join(list, ", "));
    };
    throw ArgumentError(fmt::format("the files have no device in common: A has {}; B has {}",
                                    names(before), names(after)),
                        "diff", "compare files of the same devices, or of one device each");
  }
  return pairs;
}

void pair_quantities(Difference& result, const Comparison& before, const Comparison& after) {
  std::vector<bool> taken(after.measurements.size(), false);
  std::map<std::pair<std::size_t, std::string>, std::size_t> known;  // of B, first of each
  for (std::size_t i = 0; i < after.measurements.size(); ++i) {
    known.insert({{after.measurements[i].device, after.measurements[i].key}, i});
  }
  for (const Measurement& a : before.measurements) {
    const auto device =
        std::find_if(result.devices.begin(), result.devices.end(),
                     [&](const DevicePair& pair) { return pair.before == a.device; });
    const auto found =
        device == result.devices.end() ? known.end() : known.find({device->after, a.key});
    // In another unit it is another quantity.
    if (found == known.end() || taken[found->second] ||
        after.measurements[found->second].unit != a.unit ||
        after.measurements[found->second].lower_is_better != a.lower_is_better) {
      result.only_before.push_back({before.devices[a.device].name, a});
      continue;
    }
    taken[found->second] = true;
    const auto index = static_cast<std::size_t>(device - result.devices.begin());
    result.changes.push_back(
        compare(a, after.measurements[found->second], index, result.threshold));
  }
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const Measurement& b = after.measurements[i];
    if (!taken[i]) result.only_after.push_back({after.devices[b.device].name, b});
  }
}

std::set<std::string> kernel_names(const std::string& text) {
  std::set<std::string> names;
  for (const std::string& part : split(text, ',')) {
    if (std::string name = trim(part); !name.empty()) names.insert(std::move(name));
  }
  return names;
}

std::vector<SharedKernel> shared_kernels(const std::vector<Change>& changes) {
  std::map<std::string, SharedKernel> counts;
  std::size_t slower = 0;
  std::size_t others = 0;
  for (const Change& change : changes) {
    if (!change.before.value || !change.after.value || change.after.kernel.empty()) continue;
    const bool worse = change.verdict == Verdict::worse;
    (worse ? slower : others) += 1;
    for (const std::string& name : kernel_names(change.after.kernel)) {
      SharedKernel& count = counts[name];
      (worse ? count.slower : count.others) += 1;
    }
  }
  std::vector<SharedKernel> shared;
  for (auto& [name, count] : counts) {
    count.name = name;
    count.of_slower = slower;
    count.of_others = others;
    const double share = static_cast<double>(count.slower) / std::max<double>(1, slower);
    const double usual = static_cast<double>(count.others) / std::max<double>(1, others);
    if (count.slower >= 2 && share >= kLeastShare && share - usual >= kLeastLift) {
      shared.push_back(count);
    }
  }
  std::stable_sort(shared.begin(), shared.end(), [](const SharedKernel& a, const SharedKernel& b) {
    return std::pair(b.slower, a.others) < std::pair(a.slower, b.others);
  });
  return shared;
}

std::vector<std::string> notes_on(const Comparison& before, const Comparison& after,
                                  const std::vector<DevicePair>& devices) {
  std::vector<std::string> notes;
  const auto differs = [&notes](const char* what, const std::string& a, const std::string& b) {
    if (a != b) notes.push_back(fmt::format("{}: {} in A, {} in B", what, a, b));
  };
  differs("suite", before.suite, after.suite);
  differs("processor", before.environment.cpu, after.environment.cpu);
  differs("cores", std::to_string(before.environment.cores),
          std::to_string(after.environment.cores));
  differs("system", before.environment.system, after.environment.system);
  differs("build", before.environment.build, after.environment.build);
  if (!before.complete) notes.emplace_back("A does not hold all of its suite");
  if (!after.complete) notes.emplace_back("B does not hold all of its suite");
  for (const DevicePair& pair : devices) {
    const ComparedDevice& a = before.devices[pair.before];
    const ComparedDevice& b = after.devices[pair.after];
    if (pair.by_position) {
      notes.push_back(
          fmt::format("two devices, compared because each file has one alone: {} ({}) in "
                      "A, {} ({}) in B",
                      a.name, a.platform, b.name, b.platform));
    }
    differs(fmt::format("driver of {}", pair.name).c_str(), a.driver, b.driver);
  }
  return notes;
}

// Slowdowns and new problems first, each by size.
int rank(Verdict verdict) {
  switch (verdict) {
    case Verdict::problem:
      return 0;
    case Verdict::worse:
      return 1;
    case Verdict::better:
      return 2;
    case Verdict::solved:
      return 3;
    case Verdict::unchanged:
      break;
  }
  return 4;
}

}  // namespace

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::better:
      return "faster";
    case Verdict::worse:
      return "slower";
    case Verdict::problem:
      return "problem";
    case Verdict::solved:
      return "solved";
    case Verdict::unchanged:
      break;
  }
  return "unchanged";
}

double Change::size() const {
  const bool usual = ratio > 0 && std::isfinite(ratio);  // not from or to 0
  return usual ? std::exp(std::fabs(std::log(ratio))) : std::numeric_limits<double>::infinity();
}

std::size_t Difference::count(Verdict verdict) const {
  return static_cast<std::size_t>(
      std::count_if(changes.begin(), changes.end(),
                    [verdict](const Change& change) { return change.verdict == verdict; }));
}

bool Difference::is_worse() const {
  const auto bad = [](const Change& change) {
    return change.verdict == Verdict::worse ||
           (change.verdict == Verdict::problem && change.after.failed);
  };
  return std::any_of(changes.begin(), changes.end(), bad) ||
         std::any_of(only_after.begin(), only_after.end(),
                     [](const Unpaired& only) { return only.measurement.failed; });
}

Difference difference(const Comparison& before, const Comparison& after, double threshold) {
  Difference result;
  result.threshold = threshold;
  result.devices = pair_devices(before, after);
  pair_quantities(result, before, after);
  judge(result);
  result.shared = shared_kernels(result.changes);
  result.notes = notes_on(before, after, result.devices);
  std::stable_sort(result.changes.begin(), result.changes.end(),
                   [](const Change& a, const Change& b) {
                     const int rank_a = rank(a.verdict);
                     const int rank_b = rank(b.verdict);
                     return rank_a != rank_b ? rank_a < rank_b : a.size() > b.size();
                   });
  return result;
}

}  // namespace pinnacle::bench
