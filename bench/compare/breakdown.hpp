// Where the time of a network goes on one device: the steps of its plan as sorted bars and as a table.
// Thread safety: a pure function.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "bench/compare/comparison.hpp"

namespace pinnacle::bench {

/// HTML. The slowest 12 steps have bars of their own, the others one together; the table has all.
/// REQUIRES: steps of one plan with positive values, at least one
std::string breakdown(const std::string& id, const std::string& device,
                      std::vector<const Measurement*> steps);

}  // namespace pinnacle::bench
