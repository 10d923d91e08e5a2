// Windows over any number of spatial axes, as the host references walk them: plain odometers.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <pinnacle/op.hpp>

namespace pinnacle {

/// Steps to the next position in row-major order; false after the last one.
/// REQUIRES: extents of 1 or more
inline bool next_position(std::vector<std::int64_t>& at, const std::vector<std::int64_t>& extents) {
  for (std::size_t i = at.size(); i-- > 0;) {
    if (++at[i] < extents[i]) return true;
    at[i] = 0;
  }
  return false;
}

/// A kernel's windows over an input: output o reads o * stride - pad + tap * dilation.
struct WindowsND {
  std::vector<std::int64_t> in, kernel, out;
  std::vector<std::int64_t> strides, dilations, pads;  ///< pads before each axis

  std::size_t axes() const { return in.size(); }
  std::int64_t inputs() const { return Shape(in).elements(); }
  std::int64_t taps() const { return Shape(kernel).elements(); }
  std::int64_t outputs() const { return Shape(out).elements(); }
  /// The element that `tap` of window `o` reads, or nothing in the padding.
  std::optional<std::int64_t> element(const std::vector<std::int64_t>& o,
                                      const std::vector<std::int64_t>& tap) const {
    std::int64_t position = 0;
    for (std::size_t i = 0; i < in.size(); ++i) {
      const std::int64_t at = o[i] * strides[i] - pads[i] + tap[i] * dilations[i];
      if (at < 0 || at >= in[i]) return std::nullopt;
      position = position * in[i] + at;
    }
    return position;
  }
};

/// From the options strides, dilations and pads ({before..., after...}) of a node.
/// throws ShapeError if they do not fit or no window does
WindowsND read_windows(const OpView& op, const std::vector<std::int64_t>& in,
                       const std::vector<std::int64_t>& kernel);
/// Entries of a list option, `count` of them in [least, 2^31). throws ShapeError
std::vector<std::int64_t> list_option(const OpView& op, std::string_view name, std::size_t count,
                                      std::int64_t absent, std::int64_t least);

}  // namespace pinnacle
