// scatter_elements: x with some elements replaced, or combined with updates, at indices along one
// axis. Of several updates of one element the last one wins, or all are combined in their order.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include "ops/indexing.hpp"
#include "ops/launch.hpp"
#include "ops/strided_copy.hpp"

namespace pinnacle {
namespace {

// The updates as lines along the axis: offsets of each in the updates and in x.
struct Lines {
  std::vector<CopyAxis> axes;
  std::int64_t count = 1;
  std::int64_t length = 0;  // updates of a line
  std::int64_t step = 1;    // between them
  std::int64_t extent = 0;  // of x along the axis
  std::int64_t stride = 1;
};

Lines lines_of(const OpView& op) {
  const Shape& x = op.shape(0);
  const Shape& indices = op.shape(1);
  const std::size_t axis = axis_attribute(op, x.rank());
  const std::vector<std::int64_t> in_x = strides_of(x);
  const std::vector<std::int64_t> in_updates = strides_of(indices);
  Lines lines;
  lines.length = indices[axis];
  lines.step = in_updates[axis];
  lines.extent = x[axis];
  lines.stride = in_x[axis];
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (i == axis) continue;
    lines.axes.push_back({.extent = indices[i], .from = in_updates[i], .to = in_x[i]});
    lines.count *= indices[i];
  }
  return lines;
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 3, 3);
  check_indices(op, 1);
  const Shape& x = op.shape(0);
  const Shape& indices = op.shape(1);
  const std::size_t axis = axis_attribute(op, x.rank());
  bool fits = indices.rank() == x.rank();
  for (std::size_t i = 0; fits && i < x.rank(); ++i) fits = i == axis || indices[i] <= x[i];
  if (!fits) {
    shape_error(op, "indices are {}; expected rank and extents of {} but for axis {}", indices, x,
                axis);
  }
  if (op.shape(2) != indices) {
    shape_error(op, "updates are {} but indices {}; expected one shape", op.shape(2), indices);
  }
  if (op.in[2]->dtype != op.in[0]->dtype) {
    shape_error(op, "x is {} but updates are {}; expected one type", *op.in[0], *op.in[2]);
  }
  check_not_empty(op, x, axis, indices.elements());
  reduction_attribute(op);
  return {*op.in[0]};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const ScatterReduction reduction = reduction_attribute(op);
  const Lines lines = lines_of(op);
  Array y = in[0];
  if (in[1].data.empty()) return {std::move(y)};
  for (std::int64_t line = 0; line < lines.count; ++line) {
    std::int64_t u = 0;
    std::int64_t at = 0;
    std::int64_t rest = line;
    for (std::size_t i = lines.axes.size(); i-- > 0;) {
      u += rest % lines.axes[i].extent * lines.axes[i].from;
      at += rest % lines.axes[i].extent * lines.axes[i].to;
      rest /= lines.axes[i].extent;
    }
    for (std::int64_t k = 0; k < lines.length; ++k) {
      const auto from = static_cast<std::size_t>(u + k * lines.step);
      double& there = y.data[static_cast<std::size_t>(
          at + position(in[1].data[from], lines.extent) * lines.stride)];
      there = combine(reduction, there, in[2].data[from]);
    }
  }
  return {std::move(y)};
}

Decline accepts(const OpView& op, const Target&, Family) {
  if (reduction_attribute(op) != ScatterReduction::none &&
      number_type(op.in[0]->dtype) == nullptr) {
    return "kernels combine no f16";
  }
  return std::nullopt;
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const ScatterReduction reduction = reduction_attribute(op);
  const Lines lines = lines_of(op);
  Lowering lowering;
  if (op.shape(1).elements() == 0) {
    lowering.alias_of = 0;
    return lowering;
  }
  lowering.calls.emplace_back(CopyCall{in(0), out()});
  KernelCall& call = lowering.call("scatter_elements.cl");
  const DType dtype = op.in[0]->dtype;
  call.define("ELEMENT",
              reduction == ScatterReduction::none ? element_type(dtype) : number_type(dtype))
      .define("INDEX", index_type(op.in[1]->dtype))
      .define("REDUCTION", static_cast<std::int64_t>(reduction))
      .define("FROM", offset_text(lines.axes, lines.axes.size(), "line", &CopyAxis::from))
      .define("TO", offset_text(lines.axes, lines.axes.size(), "line", &CopyAxis::to));
  call.arg(in(1)).arg(in(2)).arg(out()).arg(to_int(lines.length)).arg(to_int(lines.step));
  call.arg(to_int(lines.extent)).arg(to_int(lines.stride));
  spread(call, lines.count, 8 * lines.length, lines.length, family, target);
  return lowering;
}

}  // namespace

std::vector<OpDef> scatter_elements_ops() {
  return {{.name = "scatter_elements",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("it places elements by index; nothing before it is trained"),
           .cost = [](const OpView& op) { return Cost{.flop = 0, .bytes = op.operand_bytes()}; },
           .variants = both_families(lower, accepts)}};
}

}  // namespace pinnacle
