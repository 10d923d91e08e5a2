// Cases of top_k.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> top_k_cases() { return {}; }

}  // namespace pinnacle::test
