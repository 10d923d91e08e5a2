// gather: slices of x along an axis, by index, for example the rows of an embedding or a batch from a
// data set that stays on the device. Negative indices count from the back; one out of range counts
// as the nearest, on the host as on devices.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>

#include "ops/indexing.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// x is [outer, extent, inner], y [outer, count, inner].
struct Slices {
  std::int64_t outer, extent, inner, count;
};

Slices slices_of(const OpView& op) {
  const Shape& x = op.shape(0);
  const std::size_t axis = axis_attribute(op, x.rank());
  return {x.elements(0, axis), x[axis], x.elements(axis + 1, x.rank()), op.shape(1).elements()};
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 2, 2);
  check_indices(op, 1);
  const Shape& x = op.shape(0);
  const std::size_t axis = axis_attribute(op, x.rank());
  check_not_empty(op, x, axis, op.shape(1).elements());
  std::vector<std::int64_t> dims(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(axis));
  dims.insert(dims.end(), op.shape(1).begin(), op.shape(1).end());
  dims.insert(dims.end(), x.begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.end());
  return {{Shape(std::move(dims)), op.in[0]->dtype}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  Array y(infer(op)[0].shape);
  const Slices s = slices_of(op);
  auto to = y.data.begin();
  for (std::int64_t o = 0; o < s.outer; ++o) {
    for (const double index : in[1].data) {
      const std::int64_t at = o * s.extent + position(index, s.extent);
      to = std::copy_n(in[0].data.begin() + at * s.inner, s.inner, to);
    }
  }
  return {std::move(y)};
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const Slices s = slices_of(op);
  const std::int64_t rows = s.outer * s.count;
  Lowering lowering;
  if (rows * s.inner == 0) return lowering;
  const Grid grid = make_grid(rows, s.inner, family, target);
  KernelCall& call = lowering.call("gather.cl");
  call.define("ELEMENT", element_type(op.in[0]->dtype))
      .define("INDEX", index_type(op.in[1]->dtype))
      .define("VW", grid.vw)
      .define("WGX", static_cast<std::int64_t>(grid.local[0]))
      .define("WGY", static_cast<std::int64_t>(grid.local[1]));
  call.arg(in(0)).arg(in(1)).arg(out()).arg(to_int(s.extent)).arg(to_int(s.count));
  call.arg(to_int(rows)).arg(to_int(s.inner));
  call.arg(to_int(grid.rows_each)).arg(to_int(grid.cols_each));
  call.range(grid.global, grid.local).loops(grid.loops);
  return lowering;
}

}  // namespace

std::vector<OpDef> gather_ops() {
  return {{.name = "gather",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("it picks samples by index; nothing before it is trained"),
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = 0, .bytes = 2.0 * static_cast<double>(op.out[0].bytes())};
               },
           .variants = both_families(lower)}};
}

}  // namespace pinnacle
