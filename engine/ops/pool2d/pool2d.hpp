// What the pooling ops and their variants share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/op.hpp>

#include <array>
#include <cstdint>

namespace pinnacle {

enum class PoolKind : std::uint8_t { max, average };

/// One pooling as the kernels see it (clkernels/pool2d/geometry.clh).
struct PoolGeometry {
  std::int64_t planes = 0;  ///< images x channels, or x blocks of channels
  std::int64_t block = 1;   ///< channels of a block: the elements of a pixel
  std::int64_t hi = 0, wi = 0, ho = 0, wo = 0;
  std::int64_t kh = 1, kw = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t pad_top = 0, pad_left = 0;
  /// Padding above, left, below and right that a mean counts as zeros.
  std::array<std::int64_t, 4> counted = {0, 0, 0, 0};

  bool counts_padding() const { return counted != std::array<std::int64_t, 4>{0, 0, 0, 0}; }
  bool has_gaps() const { return dilation_h != 1 || dilation_w != 1; }
  std::int64_t taps() const { return kh * kw; }
  /// Pixels.
  std::int64_t inputs() const { return planes * hi * wi; }
  std::int64_t outputs() const { return planes * ho * wo; }
};
/// REQUIRES: shapes that fit `op`'s options
PoolGeometry pool_geometry(const OpView& op, const Shape& x, const Shape& y);

/// Declines what 32-bit positions cannot address.
Decline fits_32_bits(const PoolGeometry& g);
/// Declines windows with gaps, and what fits_32_bits declines.
Decline whole_windows(const PoolGeometry& g);
/// Adds the geometry as compile-time parameters.
void describe(KernelCall& call, const PoolGeometry& g, PoolKind kind);
/// Adds the op's inputs in their order, then its output.
void add_operands(KernelCall& call, const OpView& op);

/// The shapes of x and y in a node of that pass.
using PoolPass = PoolGeometry (*)(const OpView&);
Variant pool2d_blocked(PoolKind kind, PoolPass pass);
Variant pool2d_wide(PoolKind kind);
Variant pool2d_direct(PoolKind kind);
Variant pool2d_dilated(PoolKind kind);
Variant pool2d_backward_blocked(PoolKind kind, PoolPass pass);
Variant pool2d_backward_wide(PoolKind kind, PoolPass pass);
Variant pool2d_backward_direct(PoolKind kind, PoolPass pass);

/// How a pooling runs on channels in blocks.
std::optional<BlockedForm> pool2d_form(const OpView& op, std::int64_t block, const Target& target);

}  // namespace pinnacle
