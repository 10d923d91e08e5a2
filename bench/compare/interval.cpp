// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/interval.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/median.hpp"
#include "base/random.hpp"

namespace pinnacle::bench {
namespace {

constexpr std::size_t kDraws = 2000;
constexpr std::size_t kLeastSamples = 3;  // fewer say nothing about what others would be
constexpr double kTail = 0.025;
constexpr std::uint64_t kSeed = 20;

double median_of(std::span<const double> samples) {
  return median(std::vector<double>(samples.begin(), samples.end()));
}

double drawn_median(std::span<const double> samples, Random& random) {
  std::vector<double> drawn(samples.size());
  for (double& value : drawn) value = samples[random.below(samples.size())];
  return median(std::move(drawn));
}

// The middle 95 % of what draw() gives.
template <class Draw>
Interval middle(double median, Draw draw) {
  std::vector<double> values(kDraws);
  for (double& value : values) value = draw();
  std::sort(values.begin(), values.end());
  const auto tail = static_cast<std::size_t>(kTail * kDraws);
  return {.median = median, .low = values[tail], .high = values[kDraws - 1 - tail]};
}

}  // namespace

Interval bootstrap_median(std::span<const double> samples) {
  if (samples.size() < kLeastSamples) {
    const auto [low, high] = std::minmax_element(samples.begin(), samples.end());
    return {.median = median_of(samples), .low = *low, .high = *high};
  }
  Random random(kSeed);
  return middle(median_of(samples), [&] { return drawn_median(samples, random); });
}

Interval bootstrap_ratio(std::span<const double> a, std::span<const double> b) {
  const double ratio = median_of(b) / median_of(a);
  if (std::min(a.size(), b.size()) < kLeastSamples) {
    const auto [low_a, high_a] = std::minmax_element(a.begin(), a.end());
    const auto [low_b, high_b] = std::minmax_element(b.begin(), b.end());
    return {.median = ratio, .low = *low_b / *high_a, .high = *high_b / *low_a};
  }
  Random random(kSeed);
  return middle(ratio, [&] {
    const double drawn_a = drawn_median(a, random);
    return drawn_median(b, random) / drawn_a;
  });
}

}  // namespace pinnacle::bench
