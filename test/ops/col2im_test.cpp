// Cases of col2im.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> col2im_cases() {
  using Ints = Attributes::Ints;
  return {{.op = "col2im",
           .name = "overlapping",
           .in = {f32({2, 12, 12})},
           .attributes = {{"image_shape", Ints{4, 5}}, {"block_shape", Ints{2, 2}}},
           .gradient = false},
          {.op = "col2im",
           .name = "strides, dilations, padding",
           .in = {f32({1, 4, 6})},
           .attributes = {{"image_shape", Ints{4, 5}},
                          {"block_shape", Ints{2, 2}},
                          {"strides", Ints{2, 2}},
                          {"dilations", Ints{2, 1}},
                          {"pads", Ints{1, 0, 1, 1}}},
           .gradient = false}};
}

}  // namespace pinnacle::test
