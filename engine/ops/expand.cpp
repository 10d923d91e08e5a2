// expand: x repeated along axes of extent 1 and new leading axes, until it has the given shape.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include "ops/gradients.hpp"
#include "ops/launch.hpp"
#include "ops/strided_copy.hpp"

namespace pinnacle {
namespace {

Shape wanted_shape(const OpView& op) { return Shape(op.attributes().ints("shape")); }

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  const Shape& x = op.shape(0);
  const Shape shape = wanted_shape(op);
  bool fits = x.rank() <= shape.rank();
  for (std::size_t i = 0; fits && i < x.rank(); ++i) {
    const std::int64_t extent = x[x.rank() - 1 - i];
    fits = extent == 1 || extent == shape[shape.rank() - 1 - i];
  }
  if (!fits) shape_error(op, "x is {}, which does not broadcast to {}", x, shape);
  return {{shape, op.in[0]->dtype}};
}

std::vector<CopyAxis> axes_of(const Shape& x, const Shape& y) {
  const std::vector<std::int64_t> from = strides_of(x);
  const std::vector<std::int64_t> to = strides_of(y);
  std::vector<CopyAxis> axes;
  for (std::size_t i = 0; i < y.rank(); ++i) {
    const std::size_t missing = y.rank() - x.rank();
    const bool repeats = i < missing || x[i - missing] == 1;
    axes.push_back({.extent = y[i], .from = repeats ? 0 : from[i - missing], .to = to[i]});
  }
  return collapse(axes);
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  Array y(wanted_shape(op));
  strided_copy(axes_of(in[0].shape, y.shape), in[0].data.data(), y.data.data());
  return {std::move(y)};
}

std::vector<ValueId> gradient(const GradientView& g) {
  return {sum_to(g.b, g.dy[0], g.b.shape(g.x[0]))};
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  Lowering lowering;
  if (op.shape(0).elements() == op.out_shape().elements()) {
    lowering.alias_of = 0;
    return lowering;
  }
  lowering.calls.emplace_back(strided_copy_call(axes_of(op.shape(0), op.out_shape()), in(0), 0,
                                                out(), 0, op.in[0]->dtype, family, target));
  return lowering;
}

}  // namespace

std::vector<OpDef> expand_ops() {
  return {{.name = "expand",
           .infer = infer,
           .reference = reference,
           .gradient = gradient,
           .cost = [](const OpView& op) { return Cost{.flop = 0, .bytes = op.operand_bytes()}; },
           .variants = both_families(lower)}};
}

}  // namespace pinnacle
