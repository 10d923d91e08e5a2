// Cases of grid_sample: modes, paddings, positions far outside, one and three axes.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> grid_sample_cases() {
  const auto with = [](const char* mode, const char* padding, std::int64_t align) {
    return Attributes{{"mode", std::string(mode)},
                      {"padding_mode", std::string(padding)},
                      {"align_corners", align}};
  };
  std::vector<OpCase> cases = {
      {.op = "grid_sample",
       .name = "linear",
       .in = {f32({2, 3, 4, 5}), f32({2, 3, 2, 2})},
       .attributes = with("linear", "zeros", 0)},
      {.op = "grid_sample",
       .name = "cubic, one axis",
       .in = {f32({1, 2, 9}), f32({1, 7, 1})},
       .attributes = with("cubic", "reflection", 1)},
      {.op = "grid_sample",
       .name = "nearest, three axes",
       .in = {f32({1, 1, 3, 2, 4}), f32({1, 2, 2, 2, 3})},
       .attributes = with("nearest", "border", 0)},
      value_case("grid_sample", "far outside",
                 {counted(DType::f32, {1, 1, 1, 3}), f32_values({1, 1, 2, 2}, {1e30, 0, -1e30, 5})},
                 with("linear", "reflection", 1)),
  };
  for (OpCase& c : cases) c.gradient = false;
  return cases;
}

}  // namespace pinnacle::test
