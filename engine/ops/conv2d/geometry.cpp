// Shapes of convolutions: checks, the three passes as one geometry, and what all variants define.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/blocked.hpp"
#include "ops/conv2d/conv2d.hpp"
#include "ops/epilogue.hpp"

namespace pinnacle {
namespace {

Attributes::Ints option(const OpView& op, std::string_view name, std::size_t count,
                        std::int64_t absent, std::int64_t least) {
  const Attributes::Ints values = op.attributes().ints(name, Attributes::Ints(count, absent));
  if (values.size() != count) {
    shape_error(op, "{} has {} entries; expected {}", name, values.size(), count);
  }
  for (const std::int64_t value : values) {
    if (value < least) shape_error(op, "{} contains {}; expected {} or more", name, value, least);
  }
  return values;
}

std::int64_t extent(const OpView& op, std::string_view axis, std::int64_t size, std::int64_t pads,
                    std::int64_t kernel, std::int64_t stride, std::int64_t dilation) {
  const std::int64_t room = size + pads - dilation * (kernel - 1) - 1;
  if (room < 0) {
    shape_error(op, "the kernel spans {} {} but the padded input has {}; expected at most that",
                dilation * (kernel - 1) + 1, axis, size + pads);
  }
  return room / stride + 1;
}

}  // namespace

Shape conv_output_shape(const OpView& op, const Shape& x, const Shape& w) {
  if (x.rank() != 4) shape_error(op, "x is {}; expected [N, C, H, W]", x);
  if (w.rank() != 4) shape_error(op, "weight is {}; expected [F, C / group, kh, kw]", w);
  const std::int64_t groups = op.attributes().integer("group", 1);
  if (groups < 1) shape_error(op, "group is {}; expected 1 or more", groups);
  if (x[1] % groups != 0 || w[0] % groups != 0) {
    shape_error(op, "x has {} channels and weight {} filters; expected multiples of group = {}",
                x[1], w[0], groups);
  }
  if (w[1] != x[1] / groups) {
    shape_error(op, "weight is {} but x has {} channels in {} group{}; expected {}", w, x[1],
                groups, groups == 1 ? "" : "s", Shape({w[0], x[1] / groups, w[2], w[3]}));
  }
  if (std::min({w[0], w[1], w[2], w[3], x[0], x[2], x[3]}) < 1) {
    shape_error(op, "x is {} and weight {}; expected extents of 1 or more", x, w);
  }
  const Attributes::Ints strides = option(op, "strides", 2, 1, 1);
  const Attributes::Ints dilations = option(op, "dilations", 2, 1, 1);
  const Attributes::Ints pads = option(op, "pads", 4, 0, 0);
  return {x[0], w[0], extent(op, "rows", x[2], pads[0] + pads[2], w[2], strides[0], dilations[0]),
          extent(op, "columns", x[3], pads[1] + pads[3], w[3], strides[1], dilations[1])};
}

ConvGeometry conv_geometry(const OpView& op, const Shape& x, const Shape& w, const Shape& y) {
  const Attributes& a = op.attributes();
  const Attributes::Ints strides = a.ints("strides", {1, 1});
  const Attributes::Ints dilations = a.ints("dilations", {1, 1});
  const Attributes::Ints pads = a.ints("pads", {0, 0, 0, 0});
  ConvGeometry g;
  g.n = x[0];
  g.groups = a.integer("group", 1);
  g.ci = x[1] / g.groups, g.hi = x[2], g.wi = x[3];
  g.co = w[0] / g.groups, g.ho = y[2], g.wo = y[3];
  g.kh = w[2], g.kw = w[3];
  g.stride_h = strides[0], g.stride_w = strides[1];
  g.dilation_h = dilations[0], g.dilation_w = dilations[1];
  g.pad_top = pads[0], g.pad_left = pads[1];
  g.weight_row = g.ci * g.taps(), g.weight_channel = g.taps();
  return g;
}

std::int64_t input_channels(const OpView& op, const Shape& w) {
  return w.rank() == 4 ? w[1] * op.attributes().integer("group", 1) : 0;
}

namespace {

std::int64_t block_of(const Shape& shape) { return is_blocked(shape) ? shape[4] : 0; }

}  // namespace

ConvGeometry forward_pass(const OpView& op) {
  const Shape& w = op.shape(1);
  ConvGeometry g = conv_geometry(op, plain_shape(op.shape(0), input_channels(op, w)), w,
                                 plain_shape(op.out_shape(), w[0]));
  g.x_block = block_of(op.shape(0)), g.y_block = block_of(op.out_shape());
  g.shuffle = op.attributes().integer("shuffle", 1);
  return g;
}

ConvGeometry filter_pass(const OpView& op) {
  const Shape& w = op.out_shape();
  ConvGeometry g = conv_geometry(op, plain_shape(op.shape(0), input_channels(op, w)), w,
                                 plain_shape(op.shape(1), w[0]));
  g.x_block = block_of(op.shape(0)), g.y_block = block_of(op.shape(1));
  return g;
}

ConvGeometry data_pass(const OpView& op) {
  const Shape& w = op.shape(1);
  const ConvGeometry f = conv_geometry(op, plain_shape(op.out_shape(), input_channels(op, w)), w,
                                       plain_shape(op.shape(0), w[0]));
  ConvGeometry g = f;
  g.x_block = block_of(op.shape(0)), g.y_block = block_of(op.out_shape());
  g.ci = f.co, g.hi = f.ho, g.wi = f.wo;
  g.co = f.ci, g.ho = f.hi, g.wo = f.wi;
  g.stride_h = 1, g.stride_w = 1;
  g.spread_h = f.stride_h, g.spread_w = f.stride_w;
  g.pad_top = f.dilation_h * (f.kh - 1) - f.pad_top;
  g.pad_left = f.dilation_w * (f.kw - 1) - f.pad_left;
  g.weight_row = f.weight_channel, g.weight_channel = f.weight_row;
  g.flipped = true;
  return g;
}

Decline fits_32_bits(const ConvGeometry& g) {
  const std::int64_t inputs = g.n * g.groups * g.ci * g.hi * g.wi;
  if (std::max({inputs, g.outputs(), g.weights()}) > INT32_MAX - (1 << 16)) {
    return "a tensor has about 2^31 elements or more";
  }
  return std::nullopt;
}

Decline in_order_only(const ConvGeometry& g) {
  if (g.shuffle != 1) return "stores channels in their order; here they are shuffled";
  return std::nullopt;
}

Decline rows_only(const ConvGeometry& g) {
  if (g.x_block != 0 || g.y_block != 0) return "made for rows; here channels are in blocks";
  return fits_32_bits(g);
}

void describe(KernelCall& call, const ConvGeometry& g) {
  call.define("N", g.n).define("G", g.groups);
  call.define("CI", g.ci).define("HI", g.hi).define("WI", g.wi);
  call.define("CO", g.co).define("HO", g.ho).define("WO", g.wo);
  call.define("KH", g.kh).define("KW", g.kw);
  call.define("SH", g.stride_h).define("SW", g.stride_w);
  call.define("DH", g.dilation_h).define("DW", g.dilation_w);
  call.define("UPH", g.spread_h).define("UPW", g.spread_w);
  call.define("PT", g.pad_top).define("PL", g.pad_left);
  call.define("A_ROW", g.weight_row).define("A_CHANNEL", g.weight_channel);
  call.define("FLIP", g.flipped ? 1 : 0);
  if (g.shuffle != 1) call.define("SHUFFLE", g.shuffle);
}

void add_epilogue(KernelCall& call, const OpView& op, int width, const std::vector<int>& others) {
  const bool residual = op.has_input(3);
  std::vector<int> widths = {width};
  for (const int other : others) {
    if (residual && other != width) widths.push_back(other);
  }
  call.prelude = epilogue_prelude(op.attributes().text("epilogue", ""), widths, residual ? 2 : 1);
  if (op.has_input(2)) call.define("HAS_BIAS", 1).arg(in(2));
  if (residual) call.define("HAS_RESIDUAL", 1).arg(in(3));
}

void finish_forward(KernelCall& call, const OpView& op, int width, const std::vector<int>& others) {
  call.arg(in(0)).arg(in(1));
  add_epilogue(call, op, width, others);
  call.arg(out());
}

std::int64_t tuned(const Params& params, std::string_view name, std::int64_t heuristic) {
  const auto it = params.find(name);
  return it == params.end() || it->second <= 0 ? heuristic : it->second;
}

BufferRef add_partials(Lowering& lowering, const ConvGeometry& g, std::int64_t parts) {
  if (parts == 1) return out();
  return lowering.add_scratch(static_cast<std::size_t>(parts * g.weights()) * sizeof(float));
}

void sum_partials(Lowering& lowering, const ConvGeometry& g, BufferRef partial, std::int64_t parts,
                  const Target& target) {
  if (parts == 1) return;
  const std::size_t local = std::min<std::size_t>(64, target.max_work_group);
  const auto count = static_cast<std::size_t>(g.weights());
  KernelCall& call = lowering.call("conv2d/sum_partials.cl");
  call.define("PARTS", parts).define("COUNT", g.weights()).arg(partial).arg(out());
  call.range({(count + local - 1) / local * local, 1, 1}, {local, 1, 1}).loops(parts);
}

}  // namespace pinnacle
