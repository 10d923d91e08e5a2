// How sure a median is: its 95 % interval by the bootstrap.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

namespace pinnacle::bench {

struct Interval {
  double median = 0;
  double low = 0;   ///< with 95 % probability the median of many such samples lies
  double high = 0;  ///< from low to high
};

/// The percentile bootstrap (Efron, 1979) with a fixed seed: the same samples give the same interval.
/// With fewer than 3 samples it is their range. REQUIRES: at least one sample, all finite
Interval bootstrap_median(std::span<const double> samples);

/// The interval of median(b) / median(a), both drawn anew.
/// REQUIRES: at least one sample in each, all positive
Interval bootstrap_ratio(std::span<const double> a, std::span<const double> b);

}  // namespace pinnacle::bench
