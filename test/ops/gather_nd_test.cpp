// Cases of gather_nd: tuples of one index, of some and of all, batches, types of 1 and 8 bytes.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> gather_nd_cases() {
  const auto batch = [](std::int64_t dims) { return Attributes{{"batch_dims", dims}}; };
  return {
      value_case("gather_nd", "elements",
                 {counted(DType::f32, {2, 3}), i64_values({3, 2}, {0, 0, 1, -1, -2, 1})}),
      value_case("gather_nd", "slices",
                 {counted(DType::i64, {3, 2, 5}), i32_values({2, 2, 1}, {2, -1, 0, 1})}),
      value_case("gather_nd", "batches",
                 {counted(DType::boolean, {2, 3, 4}), i64_values({2, 2, 1}, {1, -1, 0, 2})},
                 batch(1)),
      value_case("gather_nd", "out of range",
                 {counted(DType::f32, {2, 2}), i32_values({2, 2}, {7, -7, -2147483647, 1})}),
  };
}

}  // namespace pinnacle::test
