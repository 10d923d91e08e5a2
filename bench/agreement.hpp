// How well two tensors that should be the same agree.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/tensor.hpp>

#include <optional>
#include <string>

namespace pinnacle::bench {

struct Tolerance {
  double relative = 1e-3;               ///< of the wanted element
  std::optional<double> absolute = {};  ///< none: kScaleTolerance of the tensor's largest element
};
/// What rounding in f32 leaves of numbers of the tensor's size.
inline constexpr double kScaleTolerance = 1e-4;

struct Agreement {
  std::string problem;         ///< types that differ; empty: they can be compared
  double largest = 0;          ///< difference; infinite where one alone is not finite
  double scale = 0;            ///< the largest finite |wanted|
  std::size_t element = 0;     ///< where the tolerance is missed most
  double got = 0, wanted = 0;  ///< there
  bool within = true;          ///< integers: equal

  double relative() const { return scale > 0 ? largest / scale : largest; }
};
Agreement compare(const Tensor& got, const Tensor& wanted, const Tolerance& tolerance);

/// "f32[1, 3] in [-1, 1]", with NaN counted.
std::string describe_range(const Tensor& tensor);

}  // namespace pinnacle::bench
