// Cases of region_pool.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> region_pool_cases() { return {}; }

}  // namespace pinnacle::test
