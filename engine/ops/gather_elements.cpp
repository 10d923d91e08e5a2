// gather_elements: an element of x for each index, from the same place but along one axis.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include "ops/indexing.hpp"
#include "ops/launch.hpp"
#include "ops/strided_copy.hpp"

namespace pinnacle {
namespace {

// The distance of neighbours in y and in x; along the gathered axis the index decides.
std::vector<CopyAxis> axes_of(const OpView& op, std::size_t axis) {
  const std::vector<std::int64_t> from = strides_of(op.shape(0));
  const std::vector<std::int64_t> to = strides_of(op.shape(1));
  std::vector<CopyAxis> axes;
  for (std::size_t i = 0; i < from.size(); ++i) {
    axes.push_back({.extent = op.shape(1)[i], .from = i == axis ? 0 : from[i], .to = to[i]});
  }
  return axes;
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 2, 2);
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
  check_not_empty(op, x, axis, indices.elements());
  return {{indices, op.in[0]->dtype}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const std::size_t axis = axis_attribute(op, op.shape(0).rank());
  const std::int64_t stride = op.shape(0).elements(axis + 1, op.shape(0).rank());
  Array places(in[0].shape);  // where each element of x is
  for (std::size_t i = 0; i < places.data.size(); ++i) places.data[i] = static_cast<double>(i);
  Array y(in[1].shape);
  if (y.data.empty()) return {std::move(y)};
  strided_copy(collapse(axes_of(op, axis)), places.data.data(), y.data.data());
  for (std::size_t i = 0; i < y.data.size(); ++i) {
    const std::int64_t at = position(in[1].data[i], op.shape(0)[axis]) * stride;
    y.data[i] = in[0].data[static_cast<std::size_t>(static_cast<std::int64_t>(y.data[i]) + at)];
  }
  return {std::move(y)};
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const std::size_t axis = axis_attribute(op, op.shape(0).rank());
  Lowering lowering;
  if (op.out_shape().elements() == 0) return lowering;
  const std::vector<CopyAxis> axes = collapse(axes_of(op, axis));
  KernelCall& call = lowering.call("gather_elements.cl");
  call.define("ELEMENT", element_type(op.in[0]->dtype))
      .define("INDEX", index_type(op.in[1]->dtype))
      .define("FROM", offset_text(axes, axes.size(), "e", &CopyAxis::from))
      .define("STRIDE", op.shape(0).elements(axis + 1, op.shape(0).rank()));
  call.arg(in(0)).arg(in(1)).arg(out()).arg(to_int(op.shape(0)[axis]));
  spread(call, op.out_shape().elements(), 8, 1, family, target);
  return lowering;
}

}  // namespace

std::vector<OpDef> gather_elements_ops() {
  return {{.name = "gather_elements",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("it picks elements by index; nothing before it is trained"),
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = 0,
                             .bytes = static_cast<double>(2 * op.out[0].bytes()) +
                                      static_cast<double>(op.in[1]->bytes())};
               },
           .variants = both_families(lower)}};
}

}  // namespace pinnacle
