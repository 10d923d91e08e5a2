// Cases of trilu.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> trilu_cases() { return {}; }

}  // namespace pinnacle::test
