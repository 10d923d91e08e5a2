// Windows: where a convolution's or pooling's kernel lies on each spatial axis, from the attributes
// kernel_shape, strides, dilations, pads, auto_pad and ceil_mode of an ONNX node and static shapes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/onnx/node_import.hpp"

namespace pinnacle::onnx {

/// One entry for each spatial axis. Output o reads position o * stride - begin + tap * dilation.
struct Windows {
  using Ints = NodeImport::Ints;

  Ints in, kernel, strides, dilations;
  Ints begin, end;  ///< padding as the node asks for it
  Ints out;

  std::size_t axes() const { return in.size(); }
  /// What the kernel covers of the input.
  std::int64_t span(std::size_t i) const { return dilations[i] * (kernel[i] - 1) + 1; }
  /// The trailing padding that the last window needs: what lies behind it is not counted, and with
  /// ceil_mode it may be more than `end`.
  std::int64_t reached(std::size_t i) const;
  bool has_gaps() const;
};

/// The spatial extents of [N, C, ...]. throws ParseError for a rank below 3
Windows::Ints spatial_extents(const NodeImport& node, const Shape& x);
/// Entries of a list attribute, one (or `each`) for every axis. throws ParseError unless they are in
/// [least, 2^31)
Windows::Ints list_attribute(const NodeImport& node, std::string_view name, std::size_t count,
                             std::int64_t absent, std::int64_t least);
/// Windows of a convolution or pooling over `in`. throws ParseError if no window fits
Windows read_windows(const NodeImport& node, const Windows::Ints& in, const Windows::Ints& kernel);

/// throws UnsupportedError if a tensor of this shape is larger than any memory
void check_size(const NodeImport& node, const Shape& shape);
/// {begin..., end...}
Windows::Ints joined(const Windows::Ints& begin, const Windows::Ints& end);
/// x padded by `value` on its last axes. x itself if nothing is to be padded.
ValueId pad_last(NodeImport& node, ValueId x, const Windows::Ints& begin, const Windows::Ints& end,
                 double value = 0);
/// An f32 constant of one element.
ValueId scalar(NodeImport& node, double value);
/// The extents of x with those from `first` on replaced.
Shape with_last(const Shape& x, std::size_t first, const Windows::Ints& extents);

}  // namespace pinnacle::onnx
