// SPDX-License-Identifier: Apache-2.0
#include "bench/agreement.hpp"

#include <pinnacle/op.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include "bench/table.hpp"

namespace pinnacle::bench {

Agreement compare(const Tensor& got, const Tensor& wanted, const Tolerance& tolerance) {
  Agreement result;
  if (got.type() != wanted.type()) {
    result.problem = fmt::format("is {}, expected {}", got.type(), wanted.type());
    result.within = false;
    return result;
  }
  const bool real = got.dtype() == DType::f32 || got.dtype() == DType::f16;
  const Array a = to_array(got);
  const Array b = to_array(wanted);
  for (const double y : b.data) {
    if (std::isfinite(y)) result.scale = std::max(result.scale, std::fabs(y));
  }
  const double absolute = !real ? 0 : tolerance.absolute.value_or(kScaleTolerance * result.scale);
  const double relative = real ? tolerance.relative : 0;
  double worst = 0;  // difference less what is allowed
  for (std::size_t i = 0; i < a.data.size(); ++i) {
    const double x = a.data[i];
    const double y = b.data[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    const bool finite = std::isfinite(x) && std::isfinite(y);
    const double difference = finite ? std::fabs(x - y) : std::numeric_limits<double>::infinity();
    result.largest = std::max(result.largest, difference);
    const double excess = finite ? difference - absolute - relative * std::fabs(y) : difference;
    if (excess <= worst) continue;
    worst = excess;
    result.within = false;
    result.element = i;
    result.got = x;
    result.wanted = y;
  }
  return result;
}

std::string describe_range(const Tensor& tensor) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  std::size_t odd = 0;
  for (const double value : to_array(tensor).data) {
    if (!std::isfinite(value)) {
      ++odd;
      continue;
    }
    low = std::min(low, value);
    high = std::max(high, value);
  }
  std::string text = fmt::format("{}", tensor.type());
  if (low <= high) text += fmt::format(" in [{}, {}]", number(low), number(high));
  if (odd > 0) text += fmt::format(", {} not finite", odd);
  return text;
}

}  // namespace pinnacle::bench
