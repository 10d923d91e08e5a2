// Intervals of medians: they hold what they claim, and repeat.
// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/interval.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "base/random.hpp"

namespace pinnacle::bench {
namespace {

std::vector<double> noisy(std::uint64_t seed, int count, double mean) {
  Random random(seed);
  std::vector<double> samples;
  for (int i = 0; i < count; ++i) samples.push_back(mean * (1 + 0.05 * random.normal()));
  return samples;
}

TEST_CASE("interval: it holds the true median about as often as it says") {
  int held = 0;
  constexpr int kTrials = 400;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Interval interval =
        bootstrap_median(noisy(static_cast<std::uint64_t>(trial) + 1, 15, 10));
    CHECK(interval.low <= interval.median);
    CHECK(interval.median <= interval.high);
    held += interval.low <= 10 && 10 <= interval.high ? 1 : 0;
  }
  // The percentile bootstrap of few samples is a little too narrow.
  CHECK(held >= 0.88 * kTrials);
  CHECK(held <= 0.99 * kTrials);
}

TEST_CASE("interval: the same samples give the same, few give their range") {
  const std::vector<double> samples = noisy(3, 9, 1);
  CHECK(bootstrap_median(samples).low == bootstrap_median(samples).low);
  const std::vector<double> two = {4, 2};
  CHECK(bootstrap_median(two).median == 3);
  CHECK(bootstrap_median(two).low == 2);
  CHECK(bootstrap_median(two).high == 4);
}

TEST_CASE("interval: of a ratio") {
  const std::vector<double> a = noisy(1, 15, 10);
  const Interval same = bootstrap_ratio(a, noisy(2, 15, 10));
  CHECK(same.low < 1);
  CHECK(same.high > 1);
  const Interval slower = bootstrap_ratio(a, noisy(2, 15, 13));
  CHECK(slower.low > 1.15);
  CHECK(slower.high < 1.45);
  CHECK(bootstrap_ratio(std::vector<double>{2}, std::vector<double>{4, 6}).low == 2);
  CHECK(bootstrap_ratio(std::vector<double>{2}, std::vector<double>{4, 6}).high == 3);
}

}  // namespace
}  // namespace pinnacle::bench
