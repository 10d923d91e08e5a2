// concat: tensors joined along one axis; one copy per tensor.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include "ops/blocked.hpp"
#include "ops/launch.hpp"
#include "ops/strided_copy.hpp"

namespace pinnacle {
namespace {

std::size_t axis_of(const OpView& op) {
  const std::int64_t axis = op.attributes().integer("axis");
  if (axis < 0 || axis >= static_cast<std::int64_t>(op.shape(0).rank())) {
    shape_error(op, "axis is {}; {} has axes 0 to {}", axis, op.shape(0),
                static_cast<std::int64_t>(op.shape(0).rank()) - 1);
  }
  return static_cast<std::size_t>(axis);
}

Shape result_shape(const OpView& op) {
  const std::size_t axis = axis_of(op);
  Shape shape = op.shape(0);
  for (std::size_t i = 1; i < op.in.size(); ++i) {
    Shape other = op.shape(i);
    const Shape given = other;
    if (other.rank() == shape.rank()) other[axis] = shape[axis];
    if (!(other == shape)) {
      shape_error(op, "x{} is {} but x0 is {}; expected the same but for axis {}", i, given,
                  op.shape(0), axis);
    }
    shape[axis] += given[axis];
    // Later operands are compared with the sum on this axis, which they do not need to match.
  }
  return shape;
}

std::vector<TensorType> infer(const OpView& op) {
  if (op.in.empty()) shape_error(op, "has no inputs; expected at least one");
  check_inputs(op, op.in.size(), op.in.size());
  for (std::size_t i = 1; i < op.in.size(); ++i) {
    if (op.in[i]->dtype != op.in[0]->dtype) {
      shape_error(op, "x{} is {} but x0 is {}; expected one type", i, *op.in[i], *op.in[0]);
    }
  }
  return {{result_shape(op), op.in[0]->dtype}};
}

// [outer, run] of an operand into rows of `pitch`.
std::vector<CopyAxis> axes_of(const Shape& x, std::size_t axis, std::int64_t pitch) {
  const std::int64_t run = x.elements(axis, x.rank());
  return collapse({{.extent = x.elements(0, axis), .from = run, .to = pitch},
                   {.extent = run, .from = 1, .to = 1}});
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const std::size_t axis = axis_of(op);
  Array y(result_shape(op));
  const std::int64_t pitch = y.shape.elements(axis, y.shape.rank());
  std::int64_t offset = 0;
  for (const Array& x : in) {
    strided_copy(axes_of(x.shape, axis, pitch), x.data.data(), y.data.data() + offset);
    offset += x.shape.elements(axis, x.shape.rank());
  }
  return {std::move(y)};
}

std::vector<ValueId> gradient(const GradientView& g) {
  const std::int64_t axis = g.node.attributes.integer("axis");
  std::vector<ValueId> dx;
  std::int64_t start = 0;
  for (std::size_t i = 0; i < g.x.size(); ++i) {
    const std::int64_t end = start + g.b.shape(g.x[i])[static_cast<std::size_t>(axis)];
    dx.push_back(g.wanted[i] ? g.b.apply("slice", {g.dy[0]},
                                         {{"starts", Attributes::Ints{start}},
                                          {"ends", Attributes::Ints{end}},
                                          {"axes", Attributes::Ints{axis}}})
                             : kNoValue);
    start = end;
  }
  return dx;
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  Lowering lowering;
  if (op.in.size() == 1) {
    lowering.alias_of = 0;
    return lowering;
  }
  const std::size_t axis = axis_of(op);
  const std::int64_t pitch = op.out_shape().elements(axis, op.out_shape().rank());
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    const Shape& x = op.shape(i);
    if (x.elements() > 0) {
      // One run: whoever writes x may write it there.
      if (x.elements(0, axis) == 1) {
        lowering.parts.push_back(
            {.input = static_cast<int>(i),
             .offset = static_cast<std::size_t>(offset) * size_of(op.in[0]->dtype),
             .call = lowering.calls.size()});
      }
      lowering.calls.emplace_back(strided_copy_call(axes_of(x, axis, pitch),
                                                    in(static_cast<int>(i)), 0, out(), offset,
                                                    op.in[0]->dtype, family, target));
    }
    offset += x.elements(axis, x.rank());
  }
  return lowering;
}

// Along channels whole blocks are joined.
std::optional<BlockedForm> blocked(const OpView& op, std::int64_t block, const Target&) {
  if (op.out_shape().rank() != 4 || op.in[0]->dtype != DType::f32) return std::nullopt;
  const bool by_channels = axis_of(op) == 1;
  for (const auto& type : op.in) {
    if (by_channels && type->shape[1] % block != 0) return std::nullopt;
  }
  return same_op(op, std::vector<bool>(op.in.size(), true), {true});
}

}  // namespace

std::vector<OpDef> concat_ops() {
  return {{.name = "concat",
           .infer = infer,
           .reference = reference,
           .gradient = gradient,
           .cost = [](const OpView& op) { return Cost{.flop = 0, .bytes = op.operand_bytes()}; },
           .variants = both_families(lower),
           .blocked = blocked}};
}

}  // namespace pinnacle
