// Cases of deform_conv.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> deform_conv_cases() {
  using Ints = Attributes::Ints;
  return {{.op = "deform_conv",
           .name = "2x2",
           .in = {f32({1, 2, 4, 5}), f32({3, 2, 2, 2}), f32({1, 8, 3, 4})},
           .gradient = false},
          {.op = "deform_conv",
           .name = "groups, bias, mask",
           .in = {f32({2, 4, 5, 5}), f32({2, 2, 2, 2}), f32({2, 16, 3, 3}), f32({2}),
                  f32({2, 8, 3, 3})},
           .attributes = {{"group", std::int64_t{2}},
                          {"offset_group", std::int64_t{2}},
                          {"strides", Ints{2, 2}},
                          {"pads", Ints{1, 1, 0, 0}}},
           .gradient = false}};
}

}  // namespace pinnacle::test
