// What the three convolution ops and their variants share: the shape of the work and its checks.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/op.hpp>

#include <span>
#include <string>
#include <vector>

namespace pinnacle {

/// One convolution as the kernels see it (clkernels/conv2d/geometry.clh): output pixel o reads
/// position u = o * stride - pad + k * dilation of an input spread out by `spread`. conv2d and the
/// filter pass have spread 1; conv2d_backward_data has stride 1 and spread = the op's stride.
struct ConvGeometry {
  std::int64_t n = 0, groups = 1;
  std::int64_t ci = 0, hi = 0, wi = 0;  ///< channels of one group
  std::int64_t co = 0, ho = 0, wo = 0;
  std::int64_t kh = 1, kw = 1;
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t spread_h = 1, spread_w = 1;
  std::int64_t pad_top = 0, pad_left = 0;
  std::int64_t weight_row = 0, weight_channel = 0;  ///< strides of output and input channels
  bool flipped = false;
  std::int64_t shuffle = 1;  ///< output channels [shuffle, ...] are stored as [..., shuffle]
  std::int64_t x_block = 0, y_block = 0;  ///< channels of a block of input and output; 0: rows

  std::int64_t taps() const { return kh * kw; }
  std::int64_t outputs() const { return n * groups * co * ho * wo; }
  std::int64_t weights() const { return groups * co * ci * taps(); }
  double flop() const {
    return 2.0 * static_cast<double>(outputs()) * static_cast<double>(ci * taps());
  }
};

/// The shape of conv2d's output. throws ShapeError
Shape conv_output_shape(const OpView& op, const Shape& x, const Shape& w);
/// REQUIRES: shapes that conv_output_shape accepts
ConvGeometry conv_geometry(const OpView& op, const Shape& x, const Shape& w, const Shape& y);
/// Channels of x by the weight's shape and the option group.
std::int64_t input_channels(const OpView& op, const Shape& w);
/// The pass that `op` is, as its kernels see it. Only for nodes with inferred shapes.
ConvGeometry forward_pass(const OpView& op);
ConvGeometry data_pass(const OpView& op);
ConvGeometry filter_pass(const OpView& op);

/// For the variants on rows: declines channels in blocks, and what fits_32_bits declines.
Decline rows_only(const ConvGeometry& g);
/// Declines output channels that are stored in another order.
Decline in_order_only(const ConvGeometry& g);
/// Declines what 32-bit positions cannot address.
Decline fits_32_bits(const ConvGeometry& g);
/// Adds the geometry as compile-time parameters.
void describe(KernelCall& call, const ConvGeometry& g);
/// Bias, residual and epilogue of a conv2d (other ops have none): parameters and arguments, in this
/// order. `others`: widths besides `width` in which results meet a residual.
void add_epilogue(KernelCall& call, const OpView& op, int width,
                  const std::vector<int>& others = {});
/// Adds that and the other arguments: x, w, [bias], [residual], y.
void finish_forward(KernelCall& call, const OpView& op, int width,
                    const std::vector<int>& others = {});
/// A parameter given by the tuner, or `heuristic` if it is absent or 0.
std::int64_t tuned(const Params& params, std::string_view name, std::int64_t heuristic);
/// Where the filter pass writes `parts` partial sums: scratch, or the output if there is one part.
BufferRef add_partials(Lowering& lowering, const ConvGeometry& g, std::int64_t parts);
/// The call that adds them up in a fixed order; nothing for one part.
void sum_partials(Lowering& lowering, const ConvGeometry& g, BufferRef partial, std::int64_t parts,
                  const Target& target);

Array conv_reference(const ConvGeometry& g, const Array& x, const Array& w, const Shape& y);
Array conv_data_reference(const ConvGeometry& g, const Array& dy, const Array& w, const Shape& dx);
Array conv_filter_reference(const ConvGeometry& g, const Array& x, const Array& dy,
                            const Shape& dw);

/// Which pass a variant is made for.
using Pass = ConvGeometry (*)(const OpView&);
Variant conv2d_depthwise(Pass pass);
Variant conv2d_filter_depthwise();
Variant conv2d_blocked(Pass pass);
Variant conv2d_winograd(Pass pass, std::int64_t tile);
Variant conv2d_winograd_staged(Pass pass);
Variant conv2d_col2im();
Variant conv2d_depthwise_rows(Pass pass);
Variant conv2d_flat(Pass pass);
Variant conv2d_wide(Pass pass);
Variant conv2d_filter_blocked();
Variant conv2d_filter_few_channels();
Variant conv2d_filter_wide();
Variant conv2d_simt(Pass pass);
Variant conv2d_filter_simt();
Variant conv2d_direct(Pass pass);
Variant conv2d_filter_direct();

}  // namespace pinnacle
