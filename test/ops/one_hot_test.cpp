// Cases of one_hot.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> one_hot_cases() { return {}; }

}  // namespace pinnacle::test
