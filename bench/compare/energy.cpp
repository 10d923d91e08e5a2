// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/energy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/files.hpp"
#include "base/text.hpp"

namespace pinnacle::bench {
namespace {

std::optional<std::uint64_t> read_count(const std::filesystem::path& file) {
  const std::optional<std::string> text = try_read_file(file);
  if (!text) return std::nullopt;
  const std::string digits = trim(*text);
  std::uint64_t value = 0;
  const auto end = digits.data() + digits.size();
  const auto result = std::from_chars(digits.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return value;
}

}  // namespace

EnergyCounter::EnergyCounter(const std::filesystem::path& folder) {
  std::error_code error;
  bool seen = false;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    // "intel-rapl:0" is a package, "intel-rapl:0:1" a part of it.
    if (name.rfind("intel-rapl:", 0) != 0 || std::count(name.begin(), name.end(), ':') != 1) {
      continue;
    }
    seen = true;
    Package package{.file = entry.path() / "energy_uj"};
    const std::optional<std::uint64_t> count = read_count(package.file);
    if (!count) continue;
    package.last = *count;
    package.range = read_count(entry.path() / "max_energy_range_uj").value_or(0);
    packages_.push_back(std::move(package));
  }
  if (!packages_.empty()) return;
  problem_ = seen ? fmt::format("the energy counters in {} may not be read", folder.string())
                  : fmt::format("there are no energy counters in {}", folder.string());
}

double EnergyCounter::joules() {
  double sum = 0;
  for (Package& package : packages_) {
    const std::uint64_t count = read_count(package.file).value_or(package.last);
    const std::uint64_t wrapped = count < package.last ? package.range : 0;
    sum += 1e-6 * static_cast<double>(count + wrapped - package.last);
    package.last = count;
  }
  return sum;
}

}  // namespace pinnacle::bench
