// Cases of det.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> det_cases() {
  std::vector<OpCase> cases;
  for (const auto& [name, x] : {std::pair{"one", Shape{1, 1}}, {"batches", Shape{2, 3, 4, 4}}}) {
    cases.push_back({.op = "det", .name = name, .in = {f32(x)}, .gradient = false});
  }
  return cases;
}

}  // namespace pinnacle::test
