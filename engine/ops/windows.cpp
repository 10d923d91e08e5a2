// SPDX-License-Identifier: Apache-2.0
#include "ops/windows.hpp"

namespace pinnacle {

std::vector<std::int64_t> list_option(const OpView& op, std::string_view name, std::size_t count,
                                      std::int64_t absent, std::int64_t least) {
  std::vector<std::int64_t> values = op.attributes().ints(name, Attributes::Ints(count, absent));
  if (values.size() != count) {
    shape_error(op, "{} has {} entries; expected {}", name, values.size(), count);
  }
  for (const std::int64_t value : values) {
    if (value < least || value > INT32_MAX) {
      shape_error(op, "{} contains {}; expected {} or more, below 2^31", name, value, least);
    }
  }
  return values;
}

WindowsND read_windows(const OpView& op, const std::vector<std::int64_t>& in,
                       const std::vector<std::int64_t>& kernel) {
  const std::size_t axes = in.size();
  WindowsND w;
  w.in = in, w.kernel = kernel;
  w.strides = list_option(op, "strides", axes, 1, 1);
  w.dilations = list_option(op, "dilations", axes, 1, 1);
  w.pads = list_option(op, "pads", 2 * axes, 0, 0);
  for (std::size_t i = 0; i < axes; ++i) {
    if (in[i] < 1 || kernel[i] < 1 || in[i] > INT32_MAX || kernel[i] > INT32_MAX) {
      shape_error(op,
                  "the input has {} elements and the kernel {} on spatial axis {}; expected 1 "
                  "or more",
                  in[i], kernel[i], i);
    }
    const std::int64_t span = w.dilations[i] * (kernel[i] - 1) + 1;
    const std::int64_t padded = in[i] + w.pads[i] + w.pads[i + axes];
    if (padded < span) {
      shape_error(op, "the kernel spans {} but the padded input has {} on spatial axis {}", span,
                  padded, i);
    }
    w.out.push_back((padded - span) / w.strides[i] + 1);
  }
  w.pads.resize(axes);
  return w;
}

}  // namespace pinnacle
