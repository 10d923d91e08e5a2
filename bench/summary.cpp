// SPDX-License-Identifier: Apache-2.0
#include "bench/summary.hpp"

#include <algorithm>
#include <cmath>

namespace pinnacle::bench {

double geometric_mean(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += std::log(value);
  return values.empty() ? 0 : std::exp(sum / static_cast<double>(values.size()));
}

std::vector<Summary> summarize(std::span<const Compared> rows) {
  struct Sums {
    double logs = 0, ms = 0, peer_ms = 0;
  };
  std::vector<Summary> result;
  std::vector<Sums> sums;
  for (const Compared& row : rows) {
    const double ratio = row.peer_ms / row.ms;
    auto at = std::find_if(result.begin(), result.end(),
                           [&row](const Summary& s) { return s.group == row.group; });
    if (at == result.end()) {
      result.push_back({.group = row.group, .min = ratio});
      sums.emplace_back();
      at = result.end() - 1;
    }
    Sums& sum = sums[static_cast<std::size_t>(at - result.begin())];
    ++at->shapes;
    at->min = std::min(at->min, ratio);
    sum.logs += std::log(ratio);
    sum.ms += row.count * row.ms;
    sum.peer_ms += row.count * row.peer_ms;
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i].geomean = std::exp(sums[i].logs / result[i].shapes);
    result[i].total = sums[i].peer_ms / sums[i].ms;
  }
  return result;
}

}  // namespace pinnacle::bench
