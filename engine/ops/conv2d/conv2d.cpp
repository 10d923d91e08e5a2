// conv2d and its two backward ops: 2-D cross-correlation with stride, padding, dilation, groups.
// The three are each other's gradients, so derivatives of any order exist.
// SPDX-License-Identifier: Apache-2.0
#include "ops/conv2d/conv2d.hpp"

#include <algorithm>

#include "ops/blocked.hpp"
#include "ops/conv2d/blocked.hpp"
#include "ops/epilogue.hpp"

namespace pinnacle {
namespace {

void check_types(const OpView& op) {
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (op.in[i] && op.in[i]->dtype != DType::f32) {
      shape_error(op, "input {} is {}; expected f32", i, *op.in[i]);
    }
  }
}

Shape shape_option(const OpView& op, std::string_view name) {
  if (!op.attributes().has(name)) shape_error(op, "option {} is absent", name);
  return Shape(op.attributes().ints(name));
}

void check_dy(const OpView& op, const Shape& dy, const Shape& expected) {
  if (dy != expected) shape_error(op, "dy is {}; expected {}", dy, expected);
}

// The attributes of one op of the family for another of it.
Attributes options(const Node& node) {
  Attributes result;
  for (const char* name : {"strides", "pads", "dilations", "group"}) {
    const auto it = node.attributes.items().find(name);
    if (it != node.attributes.items().end()) result.set(name, it->second);
  }
  return result;
}

ValueId forward(const GradientView& g, ValueId x, ValueId w) {
  return g.b.apply("conv2d", {x, w}, options(g.node));
}

ValueId backward_data(const GradientView& g, ValueId dy, ValueId w, ValueId x) {
  Attributes attributes = options(g.node);
  attributes.set("input_shape", g.b.shape(x).dims());
  return g.b.apply("conv2d_backward_data", {dy, w}, attributes);
}

ValueId backward_filter(const GradientView& g, ValueId x, ValueId dy, ValueId w) {
  Attributes attributes = options(g.node);
  attributes.set("weight_shape", g.b.shape(w).dims());
  return g.b.apply("conv2d_backward_filter", {x, dy}, attributes);
}

// The shape [N, C, H, W] of a value that may have its channels in blocks.
Shape rows_of(const OpView& op, const Shape& shape, std::int64_t channels) {
  if (!is_blocked(shape)) return shape;
  const Shape rows = plain_shape(shape, channels);
  if (blocked_shape(rows, shape[4]) != shape) {
    shape_error(op, "{} does not hold {} channels in blocks of {}", shape, channels, shape[4]);
  }
  return rows;
}

// The option "block" asks for a result in blocks of that many channels.
Shape stored(const OpView& op, const Shape& rows) {
  const std::int64_t block = op.attributes().integer("block", 0);
  if (block < 0) shape_error(op, "block is {}; expected 0 or more", block);
  return block == 0 ? rows : blocked_shape(rows, block);
}

Array stored(const OpView& op, Array rows) {
  const std::int64_t block = op.attributes().integer("block", 0);
  return block == 0 ? std::move(rows) : to_blocked(rows, block);
}

// The option "shuffle": the output channels, as a matrix of that many rows, are stored transposed.
std::int64_t shuffle_option(const OpView& op, std::int64_t channels) {
  const std::int64_t rows = op.attributes().integer("shuffle", 1);
  if (rows < 1 || channels % rows != 0) {
    shape_error(op, "shuffle is {}; expected 1 or another divisor of the {} filters", rows,
                channels);
  }
  return rows;
}

Array shuffled(const Array& y, std::int64_t rows) {
  Array result(y.shape);
  const std::int64_t columns = y.shape[1] / rows;
  const std::int64_t plane = y.shape[2] * y.shape[3];
  for (std::int64_t i = 0; i < y.shape[0] * y.shape[1]; ++i) {
    const std::int64_t c = i % y.shape[1];
    const std::int64_t to = i - c + c % columns * rows + c / columns;
    std::copy_n(y.data.begin() + i * plane, plane, result.data.begin() + to * plane);
  }
  return result;
}

std::vector<TensorType> infer_forward(const OpView& op) {
  check_inputs(op, 2, 4);
  check_types(op);
  const Shape x = rows_of(op, op.shape(0), input_channels(op, op.shape(1)));
  const Shape y = conv_output_shape(op, x, op.shape(1));
  shuffle_option(op, y[1]);
  if (op.has_input(2) && op.shape(2) != Shape({y[1]})) {
    shape_error(op, "bias is {}; expected [{}]", op.shape(2), y[1]);
  }
  if (op.has_input(3) && op.shape(3) != stored(op, y)) {
    shape_error(op, "residual is {}; expected {}", op.shape(3), stored(op, y));
  }
  return {{stored(op, y), DType::f32}};
}

std::vector<TensorType> infer_data(const OpView& op) {
  check_inputs(op, 2, 2);
  check_types(op);
  const Shape x = shape_option(op, "input_shape");
  const Shape dy = rows_of(op, op.shape(0), op.shape(1)[0]);
  check_dy(op, dy, conv_output_shape(op, x, op.shape(1)));
  return {{stored(op, x), DType::f32}};
}

std::vector<TensorType> infer_filter(const OpView& op) {
  check_inputs(op, 2, 2);
  check_types(op);
  const Shape w = shape_option(op, "weight_shape");
  const Shape x = rows_of(op, op.shape(0), input_channels(op, w));
  check_dy(op, rows_of(op, op.shape(1), w[0]), conv_output_shape(op, x, w));
  return {{w, DType::f32}};
}

std::vector<Array> reference_forward(const OpView& op, std::span<const Array> in) {
  const Shape& w = in[1].shape;
  const Array x = to_plain(in[0], input_channels(op, w));
  const Shape shape = conv_output_shape(op, x.shape, w);
  Array y = conv_reference(conv_geometry(op, x.shape, w, shape), x, in[1], shape);
  const auto plane = static_cast<std::size_t>(shape[2] * shape[3]);
  const auto channels = static_cast<std::size_t>(shape[1]);
  if (op.has_input(2)) {
    for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] += in[2].data[i / plane % channels];
  }
  y = stored(op, shuffled(y, shuffle_option(op, shape[1])));
  const std::string epilogue = op.attributes().text("epilogue", "");
  if (!epilogue.empty()) {
    const auto f = compile_expression(epilogue);
    for (std::size_t i = 0; i < y.data.size(); ++i) {
      const double operands[2] = {y.data[i], op.has_input(3) ? in[3].data[i] : 0.0};
      y.data[i] = f(operands);
    }
  }
  return {std::move(y)};
}

std::vector<Array> reference_data(const OpView& op, std::span<const Array> in) {
  const Shape x(op.attributes().ints("input_shape"));
  const Array dy = to_plain(in[0], in[1].shape[0]);
  return {
      stored(op, conv_data_reference(conv_geometry(op, x, in[1].shape, dy.shape), dy, in[1], x))};
}

std::vector<Array> reference_filter(const OpView& op, std::span<const Array> in) {
  const Shape w = infer_filter(op)[0].shape;
  const Array x = to_plain(in[0], input_channels(op, w));
  const Array dy = to_plain(in[1], w[0]);
  return {conv_filter_reference(conv_geometry(op, x.shape, w, dy.shape), x, dy, w)};
}

std::vector<ValueId> gradient_forward(const GradientView& g) {
  if (!g.node.attributes.text("epilogue", "").empty()) {
    throw UnsupportedError(
        "has no gradient once an epilogue is fused into it", {g.node.attributes.text("epilogue")},
        fmt::format("conv2d \"{}\"", g.node.name), "differentiate before fusing");
  }
  if (g.node.attributes.integer("shuffle", 1) != 1) {
    throw UnsupportedError("has no gradient once its channels are stored in another order",
                           {"shuffle"}, fmt::format("conv2d \"{}\"", g.node.name),
                           "differentiate before folding shuffles");
  }
  const ValueId dy = g.dy[0];
  std::vector<ValueId> result(g.x.size(), kNoValue);
  if (g.wanted[0]) result[0] = backward_data(g, dy, g.x[1], g.x[0]);
  if (g.wanted[1]) result[1] = backward_filter(g, g.x[0], dy, g.x[1]);
  if (g.x.size() > 2 && g.x[2] != kNoValue && g.wanted[2]) {
    result[2] = g.b.apply("reduce_sum", {dy}, {{"axes", Attributes::Ints{0, 2, 3}}});
  }
  return result;
}

// dx = data(dy, w) is linear in both.
std::vector<ValueId> gradient_data(const GradientView& g) {
  const ValueId ddx = g.dy[0];
  return {g.wanted[0] ? forward(g, ddx, g.x[1]) : kNoValue,
          g.wanted[1] ? backward_filter(g, ddx, g.x[0], g.x[1]) : kNoValue};
}

// dw = filter(x, dy) is linear in both.
std::vector<ValueId> gradient_filter(const GradientView& g) {
  const ValueId ddw = g.dy[0];
  return {g.wanted[0] ? backward_data(g, g.x[1], ddw, g.x[0]) : kNoValue,
          g.wanted[1] ? forward(g, g.x[0], ddw) : kNoValue};
}

Cost cost_forward(const OpView& op) { return {forward_pass(op).flop(), op.operand_bytes()}; }

// Counted as the forward pass's products, not those with the zeros of a spread input.
Cost cost_data(const OpView& op) {
  const ConvGeometry g = data_pass(op);
  const double taps = 2.0 * static_cast<double>(g.n * g.groups * g.ci * g.hi * g.wi) *
                      static_cast<double>(g.co * g.taps());
  return {taps, op.operand_bytes()};
}

Cost cost_filter(const OpView& op) { return {filter_pass(op).flop(), op.operand_bytes()}; }

}  // namespace

std::vector<OpDef> conv2d_ops() {
  return {
      {.name = "conv2d",
       .infer = infer_forward,
       .reference = reference_forward,
       .gradient = gradient_forward,
       .cost = cost_forward,
       .variants =
           std::vector<Variant>{conv2d_depthwise(forward_pass),
                                conv2d_winograd_staged(forward_pass),
                                conv2d_winograd(forward_pass, 4), conv2d_winograd(forward_pass, 2),
                                conv2d_blocked(forward_pass), conv2d_depthwise_rows(forward_pass),
                                conv2d_flat(forward_pass), conv2d_wide(forward_pass),
                                conv2d_simt(forward_pass), conv2d_direct(forward_pass)},
       .takes_epilogue = true,
       .blocked = conv2d_form},
      {.name = "conv2d_backward_data",
       .infer = infer_data,
       .reference = reference_data,
       .gradient = gradient_data,
       .cost = cost_data,
       .variants =
           std::vector<Variant>{
               conv2d_depthwise(data_pass), conv2d_winograd_staged(data_pass),
               conv2d_winograd(data_pass, 4), conv2d_winograd(data_pass, 2), conv2d_col2im(),
               conv2d_blocked(data_pass), conv2d_depthwise_rows(data_pass), conv2d_flat(data_pass),
               conv2d_wide(data_pass), conv2d_simt(data_pass), conv2d_direct(data_pass)},
       .blocked = conv2d_data_form},
      {.name = "conv2d_backward_filter",
       .infer = infer_filter,
       .reference = reference_filter,
       .gradient = gradient_filter,
       .cost = cost_filter,
       .variants = std::vector<Variant>{conv2d_filter_depthwise(), conv2d_filter_blocked(),
                                        conv2d_filter_few_channels(), conv2d_filter_wide(),
                                        conv2d_filter_simt(), conv2d_filter_direct()},
       .blocked = conv2d_filter_form},
  };
}

}  // namespace pinnacle
