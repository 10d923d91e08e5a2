// Cases of all_reduce, of a participant alone. What several do together: runtime/exchange_test.cpp;
// gradients through moments: passes/split_batch_norm_test.cpp.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> all_reduce_cases() {
  return {{.op = "all_reduce", .name = "one", .in = {f32({7})}},
          {.op = "all_reduce",
           .name = "three",
           .in = {f32({}), f32({3, 5}), f32({2, 1, 4})},
           .gradient = false},
          {.op = "all_reduce_moments",
           .name = "moments",
           .in = {f32({6}), f32({6})},
           .attributes = {{"share", 1.0}},
           .gradient = false}};
}

}  // namespace pinnacle::test
