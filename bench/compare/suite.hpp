// What `pinnacle-bench compare` measures: a list of items, from small to large, each with the numbers
// that it gives and how one device comes to them.
// Thread safety: one thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/compare/comparison.hpp"
#include "bench/compare/device_bench.hpp"

namespace pinnacle::bench {

inline constexpr std::string_view kSuites[] = {"quick", "standard", "full"};

/// Work that is measured at once.
struct Item {
  std::string name;  ///< for people and --only: "networks: lenet inference, batch 1"
  std::vector<Measurement> outline;  ///< its numbers, without values; not empty
  /// Fills in the measurements, first of which are those of the outline; it may add some behind.
  /// throws   NoValue, Error
  std::function<void(DeviceBench&, std::vector<Measurement>&)> measure;
};

Limits suite_limits(std::string_view suite);

/// The items of a suite and of model files.
/// throws   ArgumentError if two files have the same name; what load() throws
std::vector<Item> make_items(std::string_view suite,
                             const std::vector<std::filesystem::path>& models);

}  // namespace pinnacle::bench
