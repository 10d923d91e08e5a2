// Random numbers that are the same on every platform: SplitMix64 with integer and exactly rounded
// arithmetic only, no std:: distributions, no transcendental functions.
// Thread safety: one generator per thread; streams of different numbers are independent.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace pinnacle {

/// Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0)
      : state_(mix(seed + kStep) ^ mix(stream + 2 * kStep)) {}

  std::uint64_t next() { return mix(state_ += kStep); }
  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// In [low, high).
  double uniform(double low, double high) { return low + uniform() * (high - low); }
  /// In [0, bound). REQUIRES: 0 < bound < 2^32
  std::uint64_t below(std::uint64_t bound) { return ((next() >> 32) * bound) >> 32; }
  /// Mean 0, variance 1: the sum of twelve uniform numbers, so within +-6.
  double normal() {
    std::uint64_t sum = 0;
    for (int i = 0; i < 3; ++i) {
      const std::uint64_t bits = next();
      sum += (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
    }
    return (static_cast<double>(sum) - 6 * 65535.0) * 0x1p-16;
  }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ULL;
  static constexpr std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

}  // namespace pinnacle
