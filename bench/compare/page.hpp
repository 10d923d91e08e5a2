// A comparison as one HTML page that needs nothing else: no network, no script, no font. Its plots are
// inline SVG, and each has a table with the same numbers.
// Thread safety: pure functions of plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/compare/comparison.hpp"

namespace pinnacle::bench {

/// Groups without measurements leave their sections out. Texts of the comparison are escaped.
std::string comparison_page(const Comparison& comparison);
/// As a whole or not at all.
/// throws   FileError
void write_page(const Comparison& comparison, const std::filesystem::path& file);

/// The first of the throughputs, by rising batch, that is within 5 % of the best.
/// REQUIRES: not empty
std::size_t sweet_spot(const std::vector<double>& throughputs);

}  // namespace pinnacle::bench
