// Cases of scatter_nd.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> scatter_nd_cases() { return {}; }

}  // namespace pinnacle::test
