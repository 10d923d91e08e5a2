// What the convolutions on blocked channels share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/conv2d/conv2d.hpp"

namespace pinnacle {

/// The taps of one axis that one call meets.
struct ConvAxis {
  std::int64_t in, out;  ///< extents: input, outputs of this call
  std::int64_t taps, stride, dilation, pad;
  std::int64_t first_tap, tap_step;  ///< where they are in the weights
  std::int64_t out_first = 0, out_step = 1;
};

/// One call: a convolution without zeros between the inputs.
struct ConvWork {
  ConvAxis h, w;
  static bool inside(const ConvAxis& a) {
    return a.pad <= 0 && (a.out - 1) * a.stride - a.pad + (a.taps - 1) * a.dilation < a.in;
  }
  /// Nothing outside the input is read.
  bool reads_inside() const { return (inside(h) && inside(w)) || taps() == 0; }
  std::int64_t taps() const { return h.taps * w.taps; }
};
/// The calls of a pass: one, or one for each phase of a backward pass with strides.
std::vector<ConvWork> conv_works(const ConvGeometry& g);
/// Adds the geometry of a call, and where its taps lie in the weights.
void describe(KernelCall& call, const ConvGeometry& g, const ConvWork& w);
void describe_taps(KernelCall& call, const ConvGeometry& g, const ConvWork& w);

/// Both channels fill blocks: weights can be packed by whole vectors (clkernels/conv2d/pack.clh).
bool reads_whole_vectors(const ConvGeometry& g);
/// Loop iterations of that, and of packing a block by a block number by number.
std::int64_t pack_loops(std::int64_t block, std::int64_t taps);
/// Floats of local memory that a group takes: most of the cache of one core.
inline constexpr std::int64_t kLocalFloats = 176 << 10;
/// Of a filter, whose vectors a work-item keeps in registers.
inline constexpr std::int64_t kMostTaps = 25;
/// 32 go with 16 lanes, 16 with fewer.
std::int64_t vector_registers(const Target& target);
/// Declines rows, devices of the other family and groups that do not fill blocks.
Decline blocked_only(const ConvGeometry& g, const Target& target);
/// One channel and one filter per group.
bool is_depthwise(const ConvGeometry& g);

/// The pixels of a 1 x 1 pass come from memory, and those of a block are far from the next block's.
bool reads_far(const ConvGeometry& g);
/// What the variant blocked takes, about. Units: cycles of the busiest unit, one multiply of a vector
/// each.
double blocked_cycles(const OpView& op, const ConvGeometry& g, const Target& target);
/// The same for a backward data pass by col2im; 1e300 if that declines.
double col2im_cycles(const ConvGeometry& g, const Target& target);

/// Declines what Winograd's method is not made for.
Decline winograd_only(const ConvGeometry& g, const Target& target);
/// What the fused Winograd variants or a direct one would take, whichever is less, in these units.
double winograd_cycles(const OpView& op, const ConvGeometry& g, const Target& target);
/// Transforming weights that change takes so much in each run.
double pack_winograd_cycles(const OpView& op, std::int64_t floats, const Target& target);
struct WinogradPack {
  std::int64_t tile = 4;
  std::int64_t columns = 16;  ///< filters of a panel
  bool by_element = false;    ///< panels ordered by element of the tile first: a matrix for each
};
/// Adds the call that transforms the weights, once if they are fixed; returns where they are.
BufferRef pack_winograd(Lowering& lowering, const OpView& op, const ConvGeometry& g,
                        const WinogradPack& p);

/// How conv2d and its two backward ops run on blocked channels: see OpDef::blocked.
std::optional<BlockedForm> conv2d_form(const OpView& op, std::int64_t block, const Target& target);
std::optional<BlockedForm> conv2d_data_form(const OpView& op, std::int64_t block,
                                            const Target& target);
std::optional<BlockedForm> conv2d_filter_form(const OpView& op, std::int64_t block,
                                              const Target& target);

}  // namespace pinnacle
