// Which device is better for what, by how much and why: computed from a comparison's numbers, with what
// their intervals leave open.
// Thread safety: pure functions of plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/compare/comparison.hpp"

namespace pinnacle::bench {

/// How many times as good a device is as another one, with the 95 % interval.
struct Advantage {
  double ratio = 1, low = 1, high = 1;
  bool beyond_noise = false;  ///< the intervals of the two numbers do not overlap
};

/// One piece of work: its measurement on each device that has one, else nullptr.
/// Thread safety: points into the comparison, which must outlive it.
struct Work {
  const Measurement* first = nullptr;  ///< any of them: what was measured
  std::vector<const Measurement*> on;  ///< by device
};

/// The works of a group, in the file's order.
std::vector<Work> works_of(const Comparison& comparison, std::string_view group);
/// "resnet18, batch 8"
std::string work_name(const Measurement& measurement);
/// The value, if it is a number that a plot can show: above 0, neither huge nor tiny.
std::optional<double> positive_value(const Measurement* measurement);
/// Its 95 % interval, as far as a plot can show it; both or none.
std::pair<std::optional<double>, std::optional<double>> shown_interval(
    const Measurement& measurement);
/// Of `of` over `over`; nothing unless both have positive values in the same unit.
std::optional<Advantage> advantage(const Measurement* of, const Measurement* over);
/// "2.31 times (2.20 to 2.41)"
std::string to_text(const Advantage& advantage);

/// GFLOP/s and GB/s of a device, as measured for the comparison or else when it was first seen.
std::optional<double> fma_peak(const Comparison& comparison, std::size_t device);
std::optional<double> copy_bandwidth(const Comparison& comparison, std::size_t device);
/// Microseconds.
std::optional<double> launch_time(const Comparison& comparison, std::size_t device);
/// GFLOP/s: the value itself, or from a time and its flop.
std::optional<double> arithmetic_rate(const Measurement& measurement);
/// "Radeon (A)"
std::string device_label(const Comparison& comparison, std::size_t device);

struct Finding {
  std::string topic;                ///< "Networks, inference latency"
  std::vector<std::string> claims;  ///< sentences
};
struct Headline {
  std::vector<std::string> verdicts;  ///< which device leads in what, by how much
  std::vector<Finding> findings;
  std::vector<std::string> reasons;  ///< why
};
Headline make_headline(const Comparison& comparison);

}  // namespace pinnacle::bench
