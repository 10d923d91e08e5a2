// Cases of gather_elements.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> gather_elements_cases() { return {}; }

}  // namespace pinnacle::test
