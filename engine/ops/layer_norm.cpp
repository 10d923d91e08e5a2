// layer_norm(x, scale, bias?): x normalised over the axes from `axis` on, as in ONNX
// (LayerNormalization). The gradient is built from ordinary nodes.
// Source: Ba, Kiros, Hinton, 2016, arXiv:1607.06450.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <cmath>

#include "ops/gradients.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// [rows, cols]; each row is normalised.
struct Rows {
  std::int64_t rows = 1, cols = 1;
};

std::size_t axis_of(const OpView& op) {
  const std::int64_t axis = op.attributes().integer("axis");
  if (axis < 0 || axis >= static_cast<std::int64_t>(op.shape(0).rank())) {
    shape_error(op, "axis {} does not exist in {}", axis, op.shape(0));
  }
  return static_cast<std::size_t>(axis);
}

Rows rows_of(const OpView& op) {
  const Shape& x = op.shape(0);
  const std::size_t axis = axis_of(op);
  return {.rows = x.elements(0, axis), .cols = x.elements(axis, x.rank())};
}

double epsilon_of(const Attributes& attributes) { return attributes.number("epsilon", 1e-5); }

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 2, 3);
  check_f32(op, 0, "x");
  const Shape& x = op.shape(0);
  const std::size_t axis = axis_of(op);
  std::vector<std::int64_t> normal;
  for (std::size_t i = axis; i < x.rank(); ++i) normal.push_back(x[i]);
  const Shape expected(std::move(normal));
  for (std::size_t i = 1; i < op.in.size(); ++i) {
    if (!op.has_input(i)) continue;
    const char* name = i == 1 ? "scale" : "bias";
    check_f32(op, i, name);
    if (op.shape(i) != expected) {
      shape_error(op, "{} is {} but x is {}; expected {}", name, op.shape(i), x, expected);
    }
  }
  return {*op.in[0]};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Rows size = rows_of(op);
  const auto cols = static_cast<std::size_t>(size.cols);
  Array y(in[0].shape);
  for (std::size_t r = 0; r < static_cast<std::size_t>(size.rows); ++r) {
    const double* x = in[0].data.data() + r * cols;
    double mean = 0;
    for (std::size_t c = 0; c < cols; ++c) mean += x[c] / static_cast<double>(cols);
    double variance = 0;
    for (std::size_t c = 0; c < cols; ++c) {
      variance += (x[c] - mean) * (x[c] - mean) / static_cast<double>(cols);
    }
    const double deviation = std::sqrt(variance + epsilon_of(op.attributes()));
    for (std::size_t c = 0; c < cols; ++c) {
      y.data[r * cols + c] =
          (x[c] - mean) / deviation * in[1].data[c] + (op.has_input(2) ? in[2].data[c] : 0);
    }
  }
  return {std::move(y)};
}

// With n = (x - mean) / deviation and t = dy * scale:
//   dx = (t - mean(t) - n * mean(t * n)) / deviation;  dscale = sum(dy * n);  dbias = sum(dy)
std::vector<ValueId> gradient(const GradientView& g) {
  Builder& b = g.b;
  const Shape x_shape = b.shape(g.x[0]);
  const Shape scale_shape = b.shape(g.x[1]);
  Attributes::Ints axes;
  const std::int64_t axis = g.node.attributes.integer("axis");
  const auto epsilon = static_cast<float>(epsilon_of(g.node.attributes));
  for (std::int64_t i = axis; i < static_cast<std::int64_t>(x_shape.rank()); ++i) axes.push_back(i);
  const auto mean = [&](ValueId v) {
    return b.apply("reduce_mean", {v}, {{"axes", axes}, {"keepdims", std::int64_t{1}}});
  };
  std::vector<ValueId> dx(g.x.size(), kNoValue);
  if (g.wanted[0] || g.wanted[1]) {
    const ValueId centred = b.apply("sub", {g.x[0], mean(g.x[0])});
    const ValueId variance = mean(b.apply("square", {centred}));
    const ValueId deviation = b.apply("sqrt", {b.apply("add", {variance, b.constant(epsilon)})});
    const ValueId normal = b.apply("div", {centred, deviation});
    if (g.wanted[0]) {
      const ValueId t = b.apply("mul", {g.dy[0], g.x[1]});
      const ValueId along = b.apply("mul", {normal, mean(b.apply("mul", {t, normal}))});
      const ValueId rest = b.apply("sub", {b.apply("sub", {t, mean(t)}), along});
      dx[0] = b.apply("div", {rest, deviation});
    }
    if (g.wanted[1]) dx[1] = sum_to(b, b.apply("mul", {g.dy[0], normal}), scale_shape);
  }
  if (g.x.size() > 2 && g.x[2] != kNoValue && g.wanted[2]) {
    dx[2] = sum_to(b, g.dy[0], scale_shape);
  }
  return dx;
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const Rows size = rows_of(op);
  const bool bias = op.has_input(2);
  Lowering lowering;
  lowering.may_share = {{0, 0}};
  KernelCall& call =
      lowering.call(family == Family::wide ? "layer_norm/wide.cl" : "layer_norm/simt.cl");
  call.arg(in(0)).arg(in(1));
  if (bias) call.arg(in(2));
  call.arg(out()).arg(to_int(size.rows));
  if (family == Family::wide) {
    const std::int64_t vw = target.vector_width;
    const std::int64_t loops = 1 + 3 * (size.cols / vw + size.cols % vw);
    const std::int64_t each = units_each(size.rows, 3 * size.cols, loops, target);
    call.define("VW", vw).define("COLS", size.cols);
    call.arg(to_int(each));
    call.range({static_cast<std::size_t>(ceil_div(size.rows, each)), 1, 1}, {1, 1, 1});
    call.loops(each * loops);
  } else {
    const LineGroup group = line_group(size.cols, size.rows, target);
    const auto lx = static_cast<std::size_t>(group.lx);
    const auto ly = static_cast<std::size_t>(group.ly);
    call.define("LX", group.lx).define("LY", group.ly);
    call.arg(to_int(size.cols));
    call.range({lx, static_cast<std::size_t>(ceil_div(size.rows, group.ly)) * ly, 1}, {lx, ly, 1});
    call.loops(3 * ceil_div(size.cols, group.lx) + 32);
  }
  call.define("HAS_BIAS", bias ? 1 : 0);
  call.arg(static_cast<float>(epsilon_of(op.attributes())));
  return lowering;
}

}  // namespace

std::vector<OpDef> layer_norm_ops() {
  return {{.name = "layer_norm",
           .infer = infer,
           .reference = reference,
           .gradient = gradient,
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = 8 * static_cast<double>(op.shape(0).elements()),
                             .bytes = op.operand_bytes()};
               },
           .variants = both_families(lower)}};
}

}  // namespace pinnacle
