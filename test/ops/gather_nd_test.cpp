// Cases of gather_nd.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> gather_nd_cases() { return {}; }

}  // namespace pinnacle::test
