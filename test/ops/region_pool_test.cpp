// Cases of region_pool: regions inside, across the border and beyond; both ways of pooling.
// SPDX-License-Identifier: Apache-2.0
#include "ops/typed.hpp"

namespace pinnacle::test {

std::vector<OpCase> region_pool_cases() {
  const Tensor x = counted(DType::f32, {2, 2, 5, 6});
  const auto align = [](const char* mode, std::int64_t half_pixel, std::int64_t ratio) {
    return Attributes{{"mode", std::string(mode)},       {"half_pixel", half_pixel},
                      {"sampling_ratio", ratio},         {"output_height", std::int64_t{2}},
                      {"output_width", std::int64_t{3}}, {"spatial_scale", 0.5}};
  };
  const Tensor regions = f32_values({2, 4}, {0, 0, 8, 6, -3, 2, 40, 1});
  return {
      value_case("roi_align", "average", {x, regions, i64_values({2}, {1, 0})}, align("avg", 1, 2)),
      value_case("roi_align", "maximum", {x, regions, i32_values({2}, {0, 1})}, align("max", 0, 0)),
      value_case("max_roi_pool", "regions",
                 {x, f32_values({2, 5}, {0, 0, 0, 8, 6, 1, 3, 2, 40, 50})},
                 {{"output_height", std::int64_t{2}},
                  {"output_width", std::int64_t{2}},
                  {"spatial_scale", 0.5}}),
  };
}

}  // namespace pinnacle::test
