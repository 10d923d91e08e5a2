// Cases of grid_sample.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> grid_sample_cases() { return {}; }

}  // namespace pinnacle::test
