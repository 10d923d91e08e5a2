// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/map/windows.hpp"

#include <algorithm>

namespace pinnacle::onnx {
namespace {

using Ints = Windows::Ints;

// Sums and products of a few of such numbers do not overflow.
constexpr std::int64_t kMost = std::int64_t{1} << 31;

bool any(const Ints& values) {
  return std::any_of(values.begin(), values.end(), [](std::int64_t v) { return v != 0; });
}

}  // namespace

std::int64_t Windows::reached(std::size_t i) const {
  return std::max<std::int64_t>((out[i] - 1) * strides[i] + span(i) - in[i] - begin[i], 0);
}

bool Windows::has_gaps() const {
  return std::any_of(dilations.begin(), dilations.end(), [](std::int64_t d) { return d != 1; });
}

Ints spatial_extents(const NodeImport& node, const Shape& x) {
  if (x.rank() < 3) {
    node.invalid(fmt::format("x is {}; expected [N, C, ...] with spatial axes", x));
  }
  for (const std::int64_t extent : x) {
    if (extent < 1 || extent >= kMost) {
      node.unsupported(fmt::format("x is {}; extents must be 1 or more", x));
    }
  }
  return {x.begin() + 2, x.end()};
}

Ints list_attribute(const NodeImport& node, std::string_view name, std::size_t count,
                    std::int64_t absent, std::int64_t least) {
  Ints values = node.ints(name, Ints(count, absent));
  if (values.size() != count) {
    node.invalid(fmt::format("{} has {} entries; expected {}", name, values.size(), count));
  }
  for (const std::int64_t value : values) {
    if (value < least || value >= kMost) {
      node.invalid(fmt::format("{} contains {}; expected {} or more", name, value, least));
    }
  }
  return values;
}

Windows read_windows(const NodeImport& node, const Ints& in, const Ints& kernel) {
  const std::size_t axes = in.size();
  Windows w;
  w.in = in, w.kernel = kernel;
  w.strides = list_attribute(node, "strides", axes, 1, 1);
  w.dilations = list_attribute(node, "dilations", axes, 1, 1);
  w.begin.resize(axes), w.end.resize(axes), w.out.resize(axes);
  const std::string automatic = node.text("auto_pad", "NOTSET");
  const bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (!same && automatic != "NOTSET" && automatic != "VALID" && !automatic.empty()) {
    node.invalid(fmt::format("auto_pad is \"{}\"", automatic));
  }
  const Ints pads = list_attribute(node, "pads", 2 * axes, 0, 0);
  const bool ceil = node.integer("ceil_mode", 0) != 0 && !same && automatic != "VALID";
  for (std::size_t i = 0; i < axes; ++i) {
    if (kernel[i] < 1 || kernel[i] >= kMost || w.dilations[i] * (kernel[i] - 1) >= kMost) {
      node.invalid(fmt::format("the kernel has {} taps {} apart", kernel[i], w.dilations[i]));
    }
    const std::int64_t stride = w.strides[i];
    if (same) {
      w.out[i] = (in[i] - 1) / stride + 1;
      const std::int64_t total =
          std::max<std::int64_t>((w.out[i] - 1) * stride + w.span(i) - in[i], 0);
      w.begin[i] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      w.end[i] = total - w.begin[i];
      continue;
    }
    if (automatic != "VALID") w.begin[i] = pads[i], w.end[i] = pads[i + axes];
    const std::int64_t room = in[i] + w.begin[i] + w.end[i] - w.span(i);
    if (room < 0) {
      node.invalid(fmt::format("the kernel spans {} but the padded input has {} on spatial axis {}",
                               w.span(i), in[i] + w.begin[i] + w.end[i], i));
    }
    w.out[i] = room / stride + 1;
    // A last window that is cut, unless it starts behind the input.
    if (ceil && room % stride != 0 && w.out[i] * stride < in[i] + w.begin[i]) ++w.out[i];
  }
  check_size(node, Shape(w.out));
  return w;
}

void check_size(const NodeImport& node, const Shape& shape) {
  double elements = 1;
  for (const std::int64_t extent : shape) elements *= static_cast<double>(extent);
  if (elements > 1e12) node.unsupported(fmt::format("a tensor of {} is too large", shape));
}

Ints joined(const Ints& begin, const Ints& end) {
  Ints both = begin;
  both.insert(both.end(), end.begin(), end.end());
  return both;
}

ValueId pad_last(NodeImport& node, ValueId x, const Ints& begin, const Ints& end, double value) {
  if (!any(begin) && !any(end)) return x;
  const std::size_t others = node.b().shape(x).rank() - begin.size();
  Ints pads(others, 0);
  pads.insert(pads.end(), begin.begin(), begin.end());
  pads.resize(pads.size() + others, 0);
  pads.insert(pads.end(), end.begin(), end.end());
  Shape padded = node.b().shape(x);
  for (std::size_t i = 0; i < begin.size(); ++i) padded[others + i] += begin[i] + end[i];
  check_size(node, padded);
  return node.apply("pad", {x}, {{"pads", pads}, {"value", value}});
}

ValueId scalar(NodeImport& node, double value) {
  return node.b().constant(static_cast<float>(value));
}

Shape with_last(const Shape& x, std::size_t first, const Ints& extents) {
  Ints dims(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(first));
  dims.insert(dims.end(), extents.begin(), extents.end());
  return Shape(std::move(dims));
}

}  // namespace pinnacle::onnx
