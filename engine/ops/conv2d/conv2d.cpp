// conv2d and its two backward ops: 2-D cross-correlation with stride, padding, dilation, groups.
// The three are each other's gradients, so derivatives of any order exist.
// SPDX-License-Identifier: Apache-2.0
#include "ops/conv2d/conv2d.hpp"

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

std::vector<TensorType> infer_forward(const OpView& op) {
  check_inputs(op, 2, 3);
  check_types(op);
  const Shape y = conv_output_shape(op, op.shape(0), op.shape(1));
  if (op.has_input(2) && op.shape(2) != Shape({y[1]})) {
    shape_error(op, "bias is {}; expected [{}]", op.shape(2), y[1]);
  }
  return {{y, DType::f32}};
}

std::vector<TensorType> infer_data(const OpView& op) {
  check_inputs(op, 2, 2);
  check_types(op);
  const Shape x = shape_option(op, "input_shape");
  check_dy(op, op.shape(0), conv_output_shape(op, x, op.shape(1)));
  return {{x, DType::f32}};
}

std::vector<TensorType> infer_filter(const OpView& op) {
  check_inputs(op, 2, 2);
  check_types(op);
  const Shape w = shape_option(op, "weight_shape");
  check_dy(op, op.shape(1), conv_output_shape(op, op.shape(0), w));
  return {{w, DType::f32}};
}

std::vector<Array> reference_forward(const OpView& op, std::span<const Array> in) {
  const Shape shape = conv_output_shape(op, in[0].shape, in[1].shape);
  Array y = conv_reference(conv_geometry(op, in[0].shape, in[1].shape, shape), in[0], in[1], shape);
  const auto plane = static_cast<std::size_t>(shape[2] * shape[3]);
  const auto channels = static_cast<std::size_t>(shape[1]);
  if (op.has_input(2)) {
    for (std::size_t i = 0; i < y.data.size(); ++i) y.data[i] += in[2].data[i / plane % channels];
  }
  const std::string epilogue = op.attributes().text("epilogue", "");
  if (!epilogue.empty()) {
    const auto f = compile_expression(epilogue);
    for (double& value : y.data) value = f({&value, 1});
  }
  return {std::move(y)};
}

std::vector<Array> reference_data(const OpView& op, std::span<const Array> in) {
  const Shape x = infer_data(op)[0].shape;
  return {conv_data_reference(conv_geometry(op, x, in[1].shape, in[0].shape), in[0], in[1], x)};
}

std::vector<Array> reference_filter(const OpView& op, std::span<const Array> in) {
  const Shape w = infer_filter(op)[0].shape;
  return {conv_filter_reference(conv_geometry(op, in[0].shape, w, in[1].shape), in[0], in[1], w)};
}

std::vector<ValueId> gradient_forward(const GradientView& g) {
  if (!g.node.attributes.text("epilogue", "").empty()) {
    throw UnsupportedError(
        "has no gradient once an epilogue is fused into it", {g.node.attributes.text("epilogue")},
        fmt::format("conv2d \"{}\"", g.node.name), "differentiate before fusing");
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
  return {conv_geometry(op, op.out_shape(), op.shape(1), op.shape(0)).flop(), op.operand_bytes()};
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
       .variants = std::vector<Variant>{conv2d_wide(forward_pass), conv2d_simt(forward_pass),
                                        conv2d_direct(forward_pass)},
       .takes_epilogue = true},
      {.name = "conv2d_backward_data",
       .infer = infer_data,
       .reference = reference_data,
       .gradient = gradient_data,
       .cost = cost_data,
       .variants = std::vector<Variant>{conv2d_wide(data_pass), conv2d_simt(data_pass),
                                        conv2d_direct(data_pass)}},
      {.name = "conv2d_backward_filter",
       .infer = infer_filter,
       .reference = reference_filter,
       .gradient = gradient_filter,
       .cost = cost_filter,
       .variants = std::vector<Variant>{conv2d_filter_wide(), conv2d_filter_simt(),
                                        conv2d_filter_direct()}},
  };
}

}  // namespace pinnacle
