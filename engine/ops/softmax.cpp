// softmax and log_softmax along one axis, and their gradients from their results.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cmath>

#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// [outer, count, inner]; the middle axis is normalised.
struct Lines {
  std::int64_t outer = 1, count = 1, inner = 1;
};

Lines lines_of(const OpView& op) {
  const Shape& x = op.shape(0);
  const std::int64_t axis = op.attributes().integer("axis");
  if (axis < 0 || axis >= static_cast<std::int64_t>(x.rank())) {
    shape_error(op, "axis {} does not exist in {}", axis, x);
  }
  const auto i = static_cast<std::size_t>(axis);
  return {.outer = x.elements(0, i), .count = x[i], .inner = x.elements(i + 1, x.rank())};
}

bool is_log(const OpView& op) { return op.node->op.rfind("log_", 0) == 0; }

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  check_f32(op, 0, "x");
  lines_of(op);
  return {*op.in[0]};
}

std::vector<TensorType> infer_backward(const OpView& op) {
  check_inputs(op, 2, 2);
  check_f32(op, 0, "y");
  check_f32(op, 1, "dy");
  if (!(op.shape(0) == op.shape(1))) {
    shape_error(op, "y is {} but dy is {}", op.shape(0), op.shape(1));
  }
  lines_of(op);
  return {*op.in[0]};
}

// Calls line(first element, distance of neighbours) for each line.
template <class Line>
void for_each_line(const Lines& lines, Line line) {
  for (std::int64_t o = 0; o < lines.outer; ++o) {
    for (std::int64_t i = 0; i < lines.inner; ++i) {
      line(static_cast<std::size_t>(o * lines.count * lines.inner + i),
           static_cast<std::size_t>(lines.inner));
    }
  }
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Lines lines = lines_of(op);
  const auto count = static_cast<std::size_t>(lines.count);
  const std::vector<double>& x = in[0].data;
  Array y(in[0].shape);
  for_each_line(lines, [&](std::size_t at, std::size_t step) {
    double top = -INFINITY;
    for (std::size_t k = 0; k < count; ++k) top = std::max(top, x[at + k * step]);
    double sum = 0;
    for (std::size_t k = 0; k < count; ++k) sum += std::exp(x[at + k * step] - top);
    for (std::size_t k = 0; k < count; ++k) {
      const double log_y = x[at + k * step] - top - std::log(sum);
      y.data[at + k * step] = is_log(op) ? log_y : std::exp(log_y);
    }
  });
  return {std::move(y)};
}

std::vector<Array> reference_backward(const OpView& op, std::span<const Array> in) {
  const Lines lines = lines_of(op);
  const auto count = static_cast<std::size_t>(lines.count);
  const std::vector<double>& y = in[0].data;
  const std::vector<double>& dy = in[1].data;
  Array dx(in[0].shape);
  for_each_line(lines, [&](std::size_t at, std::size_t step) {
    double sum = 0;
    for (std::size_t k = 0; k < count; ++k) {
      sum += is_log(op) ? dy[at + k * step] : y[at + k * step] * dy[at + k * step];
    }
    for (std::size_t k = 0; k < count; ++k) {
      const std::size_t e = at + k * step;
      dx.data[e] = is_log(op) ? dy[e] - std::exp(y[e]) * sum : y[e] * (dy[e] - sum);
    }
  });
  return {std::move(dx)};
}

std::vector<ValueId> gradient(const GradientView& g) {
  return {g.b.apply(g.node.op + "_backward", {g.y[0], g.dy[0]},
                    {{"axis", g.node.attributes.integer("axis")}})};
}

// Operands, then the sizes in the order of the kernels' arguments.
Lowering lower(const OpView& op, const Target& target, Family family) {
  const Lines lines = lines_of(op);
  const bool backward = op.in.size() == 2;
  const std::string prefix = backward ? "softmax/backward_" : "softmax/";
  const bool wide = family == Family::wide;
  // An exponential costs about as much as eight copies.
  constexpr std::int64_t kCost = 8;
  Lowering lowering;
  for (std::size_t i = 0; i < op.in.size(); ++i)
    lowering.may_share.emplace_back(0, to_int(static_cast<std::int64_t>(i)));
  KernelCall& call = lowering.call(prefix + (lines.inner > 1 ? "columns.cl"
                                             : wide          ? "wide.cl"
                                                             : "simt.cl"));
  for (std::size_t i = 0; i < op.in.size(); ++i) call.arg(in(static_cast<int>(i)));
  call.arg(out());
  const std::int64_t log_flag = is_log(op) ? 1 : 0;
  if (lines.inner > 1) {
    std::int64_t vw = wide ? target.vector_width : 1;
    while (lines.inner % vw != 0) vw /= 2;
    const std::int64_t strips = lines.outer * lines.inner / vw;
    const std::int64_t loops = 1 + 3 * lines.count;
    const std::int64_t each =
        wide ? units_each(strips, kCost * vw * lines.count, loops, target) : 1;
    const std::int64_t wg = wide ? 1 : work_group(target, 64);
    call.define("VW", vw).define("WG", wg).define("LOG", log_flag);
    call.arg(to_int(strips)).arg(to_int(lines.count)).arg(to_int(lines.inner)).arg(to_int(each));
    call.range({static_cast<std::size_t>(ceil_div(ceil_div(strips, each), wg) * wg), 1, 1},
               {static_cast<std::size_t>(wg), 1, 1});
    call.loops(each * loops);
  } else if (wide) {
    const std::int64_t vw = target.vector_width;
    const std::int64_t loops = 5 + 3 * ceil_div(lines.count, vw) + 3 * vw;
    const std::int64_t each = units_each(lines.outer, kCost * lines.count, loops, target);
    call.define("VW", vw).define("COLS", lines.count).define("LOG", log_flag);
    call.arg(to_int(lines.outer)).arg(to_int(each));
    call.range({static_cast<std::size_t>(ceil_div(lines.outer, each)), 1, 1}, {1, 1, 1});
    call.loops(each * loops);
  } else {
    const LineGroup group = line_group(lines.count, lines.outer, target);
    call.define("LX", group.lx).define("LY", group.ly).define("LOG", log_flag);
    call.arg(to_int(lines.outer)).arg(to_int(lines.count));
    call.range({static_cast<std::size_t>(group.lx),
                static_cast<std::size_t>(ceil_div(lines.outer, group.ly) * group.ly), 1},
               {static_cast<std::size_t>(group.lx), static_cast<std::size_t>(group.ly), 1});
    call.loops(3 * ceil_div(lines.count, group.lx) + 32);
  }
  return lowering;
}

OpDef define(const char* name, double flop) {
  return {.name = name,
          .infer = infer,
          .reference = reference,
          .gradient = gradient,
          .cost =
              [flop](const OpView& op) {
                return Cost{.flop = flop * static_cast<double>(op.shape(0).elements()),
                            .bytes = op.operand_bytes()};
              },
          .variants = both_families(lower)};
}

OpDef define_backward(const char* name) {
  OpDef op = define(name, 4);
  op.infer = infer_backward;
  op.reference = reference_backward;
  op.gradient = no_gradient("second derivatives are not supported");
  return op;
}

}  // namespace

std::vector<OpDef> softmax_ops() {
  return {define("softmax", 5), define("log_softmax", 5), define_backward("softmax_backward"),
          define_backward("log_softmax_backward")};
}

}  // namespace pinnacle
