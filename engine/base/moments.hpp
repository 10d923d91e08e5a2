// Mean and variance of several sets of samples, from those of each.
// Source: Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983, equation 2.1.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace pinnacle {

struct Moments {
  double mean = 0;
  double variance = 0;  ///< biased
};

/// moments(i) of set i and its share(i) of all samples, added in the order of the sets. Sets without a
/// share do not count, whatever their numbers are.
template <class MomentsOf, class ShareOf>
Moments join_moments(std::size_t sets, MomentsOf moments, ShareOf share) {
  double whole = 0;
  for (std::size_t i = 0; i < sets; ++i) whole += share(i);
  Moments all;
  for (std::size_t i = 0; i < sets; ++i) {
    if (share(i) > 0) all.mean += share(i) / whole * moments(i).mean;
  }
  for (std::size_t i = 0; i < sets; ++i) {
    if (!(share(i) > 0)) continue;
    const double away = moments(i).mean - all.mean;
    all.variance += share(i) / whole * (moments(i).variance + away * away);
  }
  return all;
}

}  // namespace pinnacle
