// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/significance.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>

namespace pinnacle::bench {
namespace {

constexpr double kMostDegrees = 1000;  // from there on it is the normal distribution

}  // namespace

// Abramowitz, Stegun, "Handbook of mathematical functions", 26.7.3 and 26.7.4.
double two_sided_p(double t, double degrees) {
  if (degrees >= kMostDegrees) return std::erfc(std::fabs(t) / std::numbers::sqrt2);
  const int count = std::max(1, static_cast<int>(degrees));
  const double angle = std::atan(std::fabs(t) / std::sqrt(count));
  const double square = std::cos(angle) * std::cos(angle);
  const bool odd = count % 2 == 1;
  double term = odd ? std::cos(angle) : 1;
  double sum = count == 1 ? 0 : term;
  for (int i = odd ? 3 : 2; i < count - 1; i += 2) {
    term *= square * (i - 1) / i;
    sum += term;
  }
  sum *= std::sin(angle);
  const double inside = odd ? 2 / std::numbers::pi * (angle + sum) : sum;
  return std::clamp(1 - inside, 0.0, 1.0);
}

double satterthwaite(std::span<const double> variances, std::span<const double> degrees) {
  double sum = 0;
  double parts = 0;
  for (std::size_t i = 0; i < variances.size(); ++i) {
    sum += variances[i];
    parts += variances[i] * variances[i] / std::max(1.0, degrees[i]);
  }
  return parts > 0 ? std::max(1.0, sum * sum / parts) : kMostDegrees;
}

std::vector<bool> significant(std::span<const double> p_values, double rate) {
  std::vector<std::size_t> order(p_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return p_values[a] < p_values[b]; });
  std::size_t found = 0;  // of the smallest
  for (std::size_t i = 0; i < order.size(); ++i) {
    const double limit = rate * static_cast<double>(i + 1) / static_cast<double>(order.size());
    if (p_values[order[i]] <= limit) found = i + 1;
  }
  std::vector<bool> result(p_values.size(), false);
  for (std::size_t i = 0; i < found; ++i) result[order[i]] = true;
  return result;
}

}  // namespace pinnacle::bench
