// The processor's own energy counter (RAPL), as Linux shows it.
// Thread safety: one thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pinnacle::bench {

class EnergyCounter {
 public:
  /// Finds the packages: folders intel-rapl:N with energy_uj in microjoules.
  explicit EnergyCounter(const std::filesystem::path& folder = "/sys/class/powercap");

  /// Why there is none; empty: it can be read.
  const std::string& problem() const { return problem_; }
  /// Joules of all packages since the last call or the construction. A counter that wrapped once
  /// is understood. REQUIRES: problem() is empty
  double joules();

 private:
  struct Package {
    std::filesystem::path file;
    std::uint64_t last = 0;
    std::uint64_t range = 0;  // where it wraps
  };
  std::vector<Package> packages_;
  std::string problem_;
};

}  // namespace pinnacle::bench
