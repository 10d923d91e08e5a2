// A comparison for people at a terminal, and for spreadsheets.
// Thread safety: plain functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "bench/compare/comparison.hpp"

namespace pinnacle::bench {

/// A table per group, notes on what they leave out, and a paragraph that says which device is better
/// for what and why. At most 80 columns.
std::string comparison_text(const Comparison& comparison);

/// One line per measurement below a line of titles (RFC 4180, but lines end with '\n').
std::string comparison_csv(const Comparison& comparison);

}  // namespace pinnacle::bench
