// group_norm(x [N, C, ...], scale [C], bias [C]): the channels of an image in groups, each group
// normalised and then each channel scaled, as in ONNX (GroupNormalization from version 21 on; with one
// channel in a group, InstanceNormalization).
// Source: Wu, He, 2018, arXiv:1803.08494; Ulyanov, Vedaldi, Lempitsky, 2016, arXiv:1607.08022.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cmath>

#include "ops/epilogue.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

struct Sizes {
  std::int64_t rows = 1;      // images x groups
  std::int64_t channels = 1;  // of a group
  std::int64_t pixels = 1;

  std::int64_t row() const { return channels * pixels; }
};

std::int64_t groups_of(const OpView& op) {
  const std::int64_t groups = op.attributes().integer("groups");
  if (groups < 1 || op.shape(0)[1] % groups != 0) {
    shape_error(op, "groups is {}; expected a divisor of {} channels", groups, op.shape(0)[1]);
  }
  return groups;
}

Sizes sizes_of(const OpView& op) {
  const Shape& x = op.shape(0);
  const std::int64_t groups = groups_of(op);
  return {.rows = x[0] * groups, .channels = x[1] / groups, .pixels = x.elements(2, x.rank())};
}

double epsilon_of(const Attributes& attributes) { return attributes.number("epsilon", 1e-5); }

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 3, 3);
  check_f32(op, 0, "x");
  const Shape& x = op.shape(0);
  if (x.rank() < 2 || x.elements() == 0) shape_error(op, "x is {}; expected [N, C, ...]", x);
  groups_of(op);
  for (std::size_t i = 1; i < 3; ++i) {
    const char* name = i == 1 ? "scale" : "bias";
    check_f32(op, i, name);
    if (op.shape(i) != Shape{x[1]}) {
      shape_error(op, "{} is {} but x is {}; expected [{}]", name, op.shape(i), x, x[1]);
    }
  }
  return {*op.in[0]};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Sizes s = sizes_of(op);
  const auto count = static_cast<std::size_t>(s.row());
  Array y(in[0].shape);
  for (std::size_t r = 0; r < static_cast<std::size_t>(s.rows); ++r) {
    const double* x = in[0].data.data() + r * count;
    double mean = 0;
    for (std::size_t i = 0; i < count; ++i) mean += x[i] / static_cast<double>(count);
    double variance = 0;
    for (std::size_t i = 0; i < count; ++i) {
      variance += (x[i] - mean) * (x[i] - mean) / static_cast<double>(count);
    }
    const double deviation = std::sqrt(variance + epsilon_of(op.attributes()));
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t channel =
          (r * count + i) / static_cast<std::size_t>(s.pixels) % in[1].data.size();
      y.data[r * count + i] = (x[i] - mean) / deviation * in[1].data[channel] + in[2].data[channel];
    }
  }
  return {std::move(y)};
}

// Rows are normalised by layer_norm's gradient; scale and bias stand outside.
std::vector<ValueId> gradient(const GradientView& g) {
  Builder& b = g.b;
  const OpView op = view(b.graph(), g.node);
  const Sizes s = sizes_of(op);
  const Shape x = op.shape(0);
  const Attributes::Ints rows = {s.rows, s.row()};
  Attributes::Ints beside(x.rank() - 1, 1);
  beside[0] = x[1];
  std::vector<ValueId> dx(3, kNoValue);
  const auto filled = [&](const Shape& shape, float value) {
    Tensor tensor(shape);
    std::fill(tensor.f32().begin(), tensor.f32().end(), value);
    return b.constant(std::move(tensor));
  };
  Attributes::Ints others;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (i != 1) others.push_back(static_cast<std::int64_t>(i));
  }
  if (g.wanted[0]) {
    const ValueId scaled =
        b.apply("mul", {g.dy[0], b.apply("reshape", {g.x[1]}, {{"shape", beside}})});
    const std::vector<ValueId> d =
        b.apply_all(find_op("layer_norm_backward"),
                    {b.apply("reshape", {scaled}, {{"shape", rows}}),
                     b.apply("reshape", {g.x[0]}, {{"shape", rows}}), filled({s.row()}, 1)},
                    {{"axis", std::int64_t{1}}, {"epsilon", epsilon_of(g.node.attributes)}});
    dx[0] = b.apply("reshape", {d[0]}, {{"shape", x.dims()}});
  }
  if (g.wanted[1]) {
    const ValueId unit =
        b.apply(*g.node.def, {g.x[0], filled({x[1]}, 1), filled({x[1]}, 0)}, g.node.attributes);
    dx[1] = b.apply("reduce_sum", {b.apply("mul", {g.dy[0], unit})}, {{"axes", others}});
  }
  if (g.wanted[2]) dx[2] = b.apply("reduce_sum", {g.dy[0]}, {{"axes", others}});
  return dx;
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const Sizes s = sizes_of(op);
  Lowering lowering;
  lowering.may_share = {{0, 0}};
  KernelCall& call =
      lowering.call(family == Family::wide ? "group_norm/wide.cl" : "group_norm/simt.cl");
  if (family == Family::wide) {
    const std::int64_t vw = target.vector_width;
    // Two passes for the moments, one for the result.
    const std::int64_t loops =
        8 + 2 * (s.row() / vw + 2 * vw) + s.row() / 16 + s.channels * (1 + s.pixels / vw + vw);
    call.define("VW", vw);
    call.arg(in(0)).arg(in(1)).arg(in(2)).arg(out());
    call.range({static_cast<std::size_t>(s.rows), 1, 1}, {1, 1, 1}).loops(loops);
  } else {
    const std::int64_t lx = power_of_two(ceil_div(s.row(), 2), work_group(target));
    call.define("LX", lx);
    call.arg(in(0)).arg(in(1)).arg(in(2)).arg(out());
    call.range({static_cast<std::size_t>(lx), static_cast<std::size_t>(s.rows), 1},
               {static_cast<std::size_t>(lx), 1, 1});
    call.loops(2 * ceil_div(s.row(), lx) + s.channels * (1 + ceil_div(s.pixels, lx)) + 32);
  }
  call.arg(to_int(s.channels)).arg(to_int(s.pixels)).arg(to_int(op.shape(0)[1]));
  call.arg(static_cast<float>(epsilon_of(op.attributes())));
  return lowering;
}

}  // namespace

std::vector<OpDef> group_norm_ops() {
  return {{.name = "group_norm",
           .infer = infer,
           .reference = reference,
           .gradient = gradient,
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = 7 * static_cast<double>(op.shape(0).elements()),
                             .bytes = op.operand_bytes()};
               },
           .variants = both_families(lower)}};
}

}  // namespace pinnacle
