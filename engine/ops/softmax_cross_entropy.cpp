// softmax_cross_entropy: the mean over rows of -sum(labels * log_softmax(logits)), from logits and
// stable, and the probabilities, which its gradient needs. Labels are classes (i32 [N]) or weights
// of the classes (f32 [N, C], for example one-hot rows). A class outside [0, C) makes the loss NaN.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cmath>

#include "ops/epilogue.hpp"
#include "ops/launch.hpp"
#include "ops/reduce/reduce.hpp"

namespace pinnacle {
namespace {

bool is_dense(const OpView& op) { return op.in[1]->dtype == DType::f32; }

void check_rows(const OpView& op, const char* name) {
  check_f32(op, 0, name);
  const Shape& x = op.shape(0);
  if (x.rank() != 2 || x.elements() == 0) shape_error(op, "{} are {}; expected [N, C]", name, x);
  const TensorType& labels = *op.in[1];
  const bool classes = labels.dtype == DType::i32 && labels.shape == Shape{x[0]};
  const bool weights = labels.dtype == DType::f32 && labels.shape == x;
  if (!classes && !weights) {
    shape_error(op, "labels are {} but {} are {}; expected i32[{}] or f32{}", labels, name, x, x[0],
                x);
  }
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 2, 2);
  check_rows(op, "logits");
  return {{Shape{}, DType::f32}, *op.in[0]};
}

std::vector<TensorType> infer_backward(const OpView& op) {
  check_inputs(op, 3, 3);
  check_rows(op, "probabilities");
  check_f32(op, 2, "dloss");
  if (op.shape(2).elements() != 1) shape_error(op, "dloss is {}; expected a scalar", op.shape(2));
  return {*op.in[0]};
}

// The weight of class c in row r.
double weight(const OpView& op, const Array& labels, std::size_t r, std::size_t c,
              std::size_t classes) {
  if (is_dense(op)) return labels.data[r * classes + c];
  return labels.data[r] == static_cast<double>(c) ? 1 : 0;
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const auto rows = static_cast<std::size_t>(in[0].shape[0]);
  const auto cols = static_cast<std::size_t>(in[0].shape[1]);
  Array loss{Shape{}};
  Array probabilities(in[0].shape);
  for (std::size_t r = 0; r < rows; ++r) {
    const double* x = in[0].data.data() + r * cols;
    const double top = *std::max_element(x, x + cols);
    double sum = 0;
    for (std::size_t c = 0; c < cols; ++c) sum += std::exp(x[c] - top);
    double weights = 0;
    for (std::size_t c = 0; c < cols; ++c) {
      probabilities.data[r * cols + c] = std::exp(x[c] - top) / sum;
      const double w = weight(op, in[1], r, c, cols);
      weights += w;
      loss.data[0] += w * (top + std::log(sum) - x[c]) / static_cast<double>(rows);
    }
    if (!is_dense(op) && weights == 0) loss.data[0] = NAN;
  }
  return {std::move(loss), std::move(probabilities)};
}

std::vector<Array> reference_backward(const OpView& op, std::span<const Array> in) {
  const auto rows = static_cast<std::size_t>(in[0].shape[0]);
  const auto cols = static_cast<std::size_t>(in[0].shape[1]);
  const double g = in[2].data[0] / static_cast<double>(rows);
  Array dx(in[0].shape);
  for (std::size_t r = 0; r < rows; ++r) {
    double weights = is_dense(op) ? 0 : 1;
    for (std::size_t c = 0; is_dense(op) && c < cols; ++c) weights += weight(op, in[1], r, c, cols);
    for (std::size_t c = 0; c < cols; ++c) {
      const double p = in[0].data[r * cols + c];
      dx.data[r * cols + c] = (p * weights - weight(op, in[1], r, c, cols)) * g;
    }
  }
  return {std::move(dx)};
}

std::vector<ValueId> gradient(const GradientView& g) {
  if (g.dy.size() > 1 && g.dy[1] != kNoValue) {
    throw UnsupportedError(
        "has a gradient for the loss only", {"the probabilities are used by another loss"},
        fmt::format("{} \"{}\"", g.node.op, g.node.name), "use softmax for those");
  }
  if (g.dy[0] == kNoValue || !g.wanted[0]) return {kNoValue, kNoValue};
  return {g.b.apply("softmax_cross_entropy_backward", {g.y[1], g.x[1], g.dy[0]}), kNoValue};
}

struct Size {
  std::int64_t rows, cols;
};
Size size_of_rows(const OpView& op) { return {op.shape(0)[0], op.shape(0)[1]}; }

Lowering lower(const OpView& op, const Target& target, Family family) {
  const std::int64_t rows = size_of_rows(op).rows;
  const std::int64_t cols = size_of_rows(op).cols;
  const std::int64_t dense = is_dense(op) ? 1 : 0;
  const auto mean = static_cast<float>(1.0 / static_cast<double>(rows));
  Lowering lowering;
  // Partial losses of the groups go to scratch, and their sum needs another launch: avoid it for
  // small batches by one group.
  const auto finish = [&](KernelCall call, std::int64_t groups, auto rest) {
    const BufferRef losses =
        groups == 1 ? out(0)
                    : lowering.add_scratch(static_cast<std::size_t>(groups) * sizeof(float));
    call.arg(in(0)).arg(in(1)).arg(losses).arg(out(1)).arg(to_int(rows));
    call.arg(to_int(rest)).arg(mean);
    lowering.calls.emplace_back(std::move(call));
    if (groups > 1) add_sum(lowering, groups, losses, out(0), family, target);
  };
  if (family == Family::wide) {
    const std::int64_t vw = target.vector_width;
    const std::int64_t loops = 8 + 3 * ceil_div(cols, vw) + 3 * vw + (dense != 0 ? cols : 0);
    constexpr std::int64_t kOneGroup = 16384;  // elements, about as long as one more launch
    std::int64_t each = rows;
    if (rows * cols > kOneGroup || fits_loop_limit(target, rows * loops)) {
      each = units_each(rows, 4 * cols, loops, target);
    }
    const std::int64_t groups = ceil_div(rows, each);
    KernelCall call("softmax_cross_entropy/wide.cl");
    call.define("VW", vw).define("COLS", cols).define("DENSE", dense);
    call.range({static_cast<std::size_t>(groups), 1, 1}, {1, 1, 1}).loops((each + vw) * loops);
    finish(std::move(call), groups, each);
  } else {
    const LineGroup group = line_group(cols, rows, target);
    const std::int64_t groups = ceil_div(rows, group.ly);
    KernelCall call("softmax_cross_entropy/simt.cl");
    call.define("LX", group.lx).define("LY", group.ly).define("DENSE", dense);
    call.range({static_cast<std::size_t>(group.lx), static_cast<std::size_t>(groups * group.ly), 1},
               {static_cast<std::size_t>(group.lx), static_cast<std::size_t>(group.ly), 1});
    call.loops(4 * ceil_div(cols, group.lx) + 48 + group.ly);
    finish(std::move(call), groups, cols);
  }
  return lowering;
}

Lowering lower_backward(const OpView& op, const Target& target, Family family) {
  const auto [rows, cols] = size_of_rows(op);
  const std::int64_t dense = is_dense(op) ? 1 : 0;
  const auto mean = static_cast<float>(1.0 / static_cast<double>(rows));
  Lowering lowering;
  lowering.may_share = {{0, 0}};
  const bool wide = family == Family::wide;
  KernelCall& call = lowering.call(wide ? "softmax_cross_entropy/backward_wide.cl"
                                        : "softmax_cross_entropy/backward_simt.cl");
  call.arg(in(0)).arg(in(1)).arg(in(2)).arg(out()).arg(to_int(rows)).arg(to_int(cols));
  if (wide) {
    const std::int64_t vw = target.vector_width;
    const std::int64_t loops =
        2 + (dense != 0 ? 2 * (ceil_div(cols, vw) + vw) : ceil_div(cols, vw) + 1);
    const std::int64_t each = units_each(rows, cols, loops, target);
    call.define("VW", vw).define("DENSE", dense).arg(to_int(each)).arg(mean);
    call.range({static_cast<std::size_t>(ceil_div(rows, each)), 1, 1}, {1, 1, 1});
    call.loops(each * loops + vw);
  } else {
    const LineGroup group = line_group(cols, rows, target);
    call.define("LX", group.lx).define("LY", group.ly).define("DENSE", dense).arg(mean);
    call.range({static_cast<std::size_t>(group.lx),
                static_cast<std::size_t>(ceil_div(rows, group.ly) * group.ly), 1},
               {static_cast<std::size_t>(group.lx), static_cast<std::size_t>(group.ly), 1});
    call.loops(2 * ceil_div(cols, group.lx) + 16);
  }
  return lowering;
}

Cost cost(const OpView& op, double flop) {
  return {.flop = flop * static_cast<double>(op.shape(0).elements()), .bytes = op.operand_bytes()};
}

}  // namespace

std::vector<OpDef> softmax_cross_entropy_ops() {
  return {{.name = "softmax_cross_entropy",
           .infer = infer,
           .reference = reference,
           .gradient = gradient,
           .cost = [](const OpView& op) { return cost(op, 5); },
           .variants = both_families(lower)},
          {.name = "softmax_cross_entropy_backward",
           .infer = infer_backward,
           .reference = reference_backward,
           .gradient = no_gradient("second derivatives are not supported"),
           .cost = [](const OpView& op) { return cost(op, 2); },
           .variants = both_families(lower_backward)}};
}

}  // namespace pinnacle
