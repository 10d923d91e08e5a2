// layer_norm(x, scale, bias?): x normalised over the axes from `axis` on, as in ONNX
// (LayerNormalization). layer_norm_backward(dy, x, scale): dx, dscale and dbias.
// Source: Ba, Kiros, Hinton, 2016, arXiv:1607.06450.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cmath>

#include "ops/epilogue.hpp"
#include "ops/launch.hpp"
#include "ops/reduce/reduce.hpp"

namespace pinnacle {
namespace {

// [rows, cols]; each row is normalised.
struct Rows {
  std::int64_t rows = 1, cols = 1;
};

// Of x, or of dy, which has the same shape: input 0.
std::size_t axis_of(const OpView& op) {
  const std::int64_t axis = op.attributes().integer("axis");
  if (axis < 0 || axis >= static_cast<std::int64_t>(op.shape(0).rank())) {
    shape_error(op, "axis {} does not exist in {}", axis, op.shape(0));
  }
  return static_cast<std::size_t>(axis);
}

Shape normal_shape(const OpView& op) {
  const Shape& x = op.shape(0);
  std::vector<std::int64_t> normal;
  for (std::size_t i = axis_of(op); i < x.rank(); ++i) normal.push_back(x[i]);
  return Shape(std::move(normal));
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
  const Shape expected = normal_shape(op);
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

std::vector<ValueId> gradient(const GradientView& g) {
  std::vector<ValueId> dx = g.b.apply_all(
      find_op("layer_norm_backward"), {g.dy[0], g.x[0], g.x[1]},
      {{"axis", g.node.attributes.integer("axis")}, {"epsilon", epsilon_of(g.node.attributes)}});
  dx.resize(g.x.size());
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
    const std::int64_t loops = 5 + 3 * (size.cols / vw + size.cols % vw) + 2 * vw;
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

// ---- layer_norm_backward(dy, x, scale) -> dx, dscale, dbias -------------------------------------

std::vector<TensorType> infer_backward(const OpView& op) {
  check_inputs(op, 3, 3);
  for (const auto& [i, name] : {std::pair{0, "dy"}, {1, "x"}, {2, "scale"}}) {
    check_f32(op, static_cast<std::size_t>(i), name);
  }
  if (op.shape(0) != op.shape(1)) {
    shape_error(op, "dy is {} but x is {}; expected the same", op.shape(0), op.shape(1));
  }
  const Shape expected = normal_shape(op);
  if (op.shape(2) != expected) {
    shape_error(op, "scale is {} but x is {}; expected {}", op.shape(2), op.shape(1), expected);
  }
  if (op.shape(1).elements() == 0) shape_error(op, "x is {}: nothing to sum", op.shape(1));
  return {*op.in[1], *op.in[2], *op.in[2]};
}

// With n = (x - mean) / deviation and t = dy * scale:
//   dx = (t - mean(t) - n * mean(t * n)) / deviation;  dscale = sum(dy * n);  dbias = sum(dy)
std::vector<Array> reference_backward(const OpView& op, std::span<const Array> in) {
  const Rows size = rows_of(op);
  const auto cols = static_cast<std::size_t>(size.cols);
  const auto count = static_cast<double>(size.cols);
  Array dx(in[1].shape);
  Array dscale(in[2].shape);
  Array dbias(in[2].shape);
  std::vector<double> n(cols);
  for (std::size_t r = 0; r < static_cast<std::size_t>(size.rows); ++r) {
    const double* dy = in[0].data.data() + r * cols;
    const double* x = in[1].data.data() + r * cols;
    double mean = 0;
    for (std::size_t c = 0; c < cols; ++c) mean += x[c] / count;
    double variance = 0;
    for (std::size_t c = 0; c < cols; ++c) variance += (x[c] - mean) * (x[c] - mean) / count;
    const double deviation = std::sqrt(variance + epsilon_of(op.attributes()));
    double mean_t = 0;
    double mean_tn = 0;
    for (std::size_t c = 0; c < cols; ++c) {
      n[c] = (x[c] - mean) / deviation;
      mean_t += dy[c] * in[2].data[c] / count;
      mean_tn += dy[c] * in[2].data[c] * n[c] / count;
      dscale.data[c] += dy[c] * n[c];
      dbias.data[c] += dy[c];
    }
    for (std::size_t c = 0; c < cols; ++c) {
      dx.data[r * cols + c] = (dy[c] * in[2].data[c] - mean_t - n[c] * mean_tn) / deviation;
    }
  }
  return {std::move(dx), std::move(dscale), std::move(dbias)};
}

// Sums over `rows` rows of [rows, cols].
void add_column_sums(Lowering& lowering, std::int64_t rows, std::int64_t cols, BufferRef source,
                     BufferRef result, Family family, const Target& target) {
  add_reduction(lowering, Reduction::sum,
                {{.extent = rows, .stride = cols, .reduced = true},
                 {.extent = cols, .stride = 1, .reduced = false}},
                source, result, 1.0f, family, target);
}

// Wide: each group sums up its own rows. Others: products are written and summed afterwards.
Lowering lower_backward(const OpView& op, const Target& target, Family family) {
  const Rows size = rows_of(op);
  const auto epsilon = static_cast<float>(epsilon_of(op.attributes()));
  const auto matrix = [&](std::int64_t rows) {
    return static_cast<std::size_t>(rows * size.cols) * sizeof(float);
  };
  Lowering lowering;
  if (family == Family::wide) {
    lowering.may_share = {{0, 0}, {0, 1}};
    const std::int64_t vw = target.vector_width;
    const std::int64_t loops = 5 + 4 * (size.cols / vw + size.cols % vw) + 4 * vw;
    // Few groups: the sums of each are read again.
    const std::int64_t most = 2 * std::max(target.compute_units, 1);
    std::int64_t each = units_each(size.rows, 6 * size.cols, loops, target);
    while (each < ceil_div(size.rows, most) && !fits_loop_limit(target, (2 * each + 1) * loops)) {
      each *= 2;
    }
    const std::int64_t groups = ceil_div(size.rows, each);
    const bool whole = groups == 1;
    const BufferRef dscale = whole ? out(1) : lowering.add_scratch(matrix(groups));
    const BufferRef dbias = whole ? out(2) : lowering.add_scratch(matrix(groups));
    KernelCall& call = lowering.call("layer_norm/backward_wide.cl");
    call.define("VW", vw).define("COLS", size.cols);
    call.arg(in(0)).arg(in(1)).arg(in(2)).arg(out(0)).arg(dscale).arg(dbias);
    call.arg(to_int(size.rows)).arg(to_int(each)).arg(epsilon);
    call.range({static_cast<std::size_t>(groups), 1, 1}, {1, 1, 1});
    call.loops((each + 1) * loops);
    if (whole) return lowering;
    add_column_sums(lowering, groups, size.cols, dscale, out(1), family, target);
    add_column_sums(lowering, groups, size.cols, dbias, out(2), family, target);
    return lowering;
  }
  lowering.may_share = {{0, 1}};  // dy is read again
  const BufferRef products = lowering.add_scratch(matrix(size.rows));
  const LineGroup group = line_group(size.cols, size.rows, target);
  const auto lx = static_cast<std::size_t>(group.lx);
  const auto ly = static_cast<std::size_t>(group.ly);
  KernelCall& call = lowering.call("layer_norm/backward_simt.cl");
  call.define("LX", group.lx).define("LY", group.ly);
  call.arg(in(0)).arg(in(1)).arg(in(2)).arg(out(0)).arg(products);
  call.arg(to_int(size.rows)).arg(to_int(size.cols)).arg(epsilon);
  call.range({lx, static_cast<std::size_t>(ceil_div(size.rows, group.ly)) * ly, 1}, {lx, ly, 1});
  call.loops(4 * ceil_div(size.cols, group.lx) + 64);
  add_column_sums(lowering, size.rows, size.cols, products, out(1), family, target);
  add_column_sums(lowering, size.rows, size.cols, in(0), out(2), family, target);
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
           .variants = both_families(lower)},
          {.name = "layer_norm_backward",
           .infer = infer_backward,
           .reference = reference_backward,
           .gradient = no_gradient("second derivatives are not supported"),
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = 17 * static_cast<double>(op.shape(0).elements()),
                             .bytes = op.operand_bytes()};
               },
           .variants = both_families(lower_backward)}};
}

}  // namespace pinnacle
