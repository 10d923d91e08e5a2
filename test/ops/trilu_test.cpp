// Cases of trilu: both triangles, borders inside and outside, batches.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> trilu_cases() {
  const auto with = [](std::int64_t k, std::int64_t upper) {
    return Attributes{{"k", k}, {"upper", upper}};
  };
  return {
      {.op = "trilu", .name = "upper", .in = {f32({5, 5})}, .attributes = with(0, 1)},
      {.op = "trilu", .name = "lower", .in = {f32({2, 3, 7})}, .attributes = with(1, 0)},
      {.op = "trilu", .name = "far", .in = {f32({4, 3})}, .attributes = with(-99, 0)},
      value_case("trilu", "bytes", {counted(DType::u8, {3, 4})}, with(-1, 1)),
  };
}

}  // namespace pinnacle::test
