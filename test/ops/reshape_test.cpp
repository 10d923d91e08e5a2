// Cases of reshape and flatten.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> reshape_cases() {
  return {
      {.op = "reshape",
       .name = "free",
       .in = {f32({4, 6})},
       .attributes = {{"shape", Attributes::Ints{3, -1}}}},
      {.op = "reshape",
       .name = "copy",
       .in = {f32({4, 6})},
       .attributes = {{"shape", Attributes::Ints{0, 2, 3}}}},
      {.op = "reshape",
       .name = "scalar",
       .in = {f32({1, 1})},
       .attributes = {{"shape", Attributes::Ints{}}}},
      {.op = "flatten", .name = "image", .in = {f32({3, 2, 4, 5})}},
  };
}

}  // namespace pinnacle::test
