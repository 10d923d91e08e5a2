// gather: rows of x by index, for example a batch from a data set that stays on the device. An index
// out of range counts as the nearest row, on the host as on devices.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>

#include "ops/launch.hpp"

namespace pinnacle {
namespace {

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 2, 2);
  if (op.attributes().integer("axis", 0) != 0) {
    shape_error(op, "axis is {}; expected 0", op.attributes().integer("axis"));
  }
  const Shape& x = op.shape(0);
  if (x.rank() == 0 || x[0] == 0) shape_error(op, "x is {}; expected rows along axis 0", x);
  if (op.in[1]->dtype != DType::i32 || op.shape(1).rank() != 1) {
    shape_error(op, "indices are {}; expected i32 of rank 1", *op.in[1]);
  }
  Shape shape = x;
  shape[0] = op.shape(1)[0];
  return {{shape, op.in[0]->dtype}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  Array y(infer(op)[0].shape);
  const std::int64_t cols = in[0].shape.elements(1, in[0].shape.rank());
  auto to = y.data.begin();
  for (const double index : in[1].data) {
    const std::int64_t row =
        std::clamp<std::int64_t>(static_cast<std::int64_t>(index), 0, in[0].shape[0] - 1);
    to = std::copy_n(in[0].data.begin() + row * cols, cols, to);
  }
  return {std::move(y)};
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const Shape& x = op.shape(0);
  const std::int64_t rows = op.shape(1)[0];
  const std::int64_t cols = x.elements(1, x.rank());
  const Grid grid = make_grid(rows, cols, family, target);
  Lowering lowering;
  KernelCall& call = lowering.call("gather.cl");
  call.define("ELEMENT", element_type(op.in[0]->dtype))
      .define("VW", grid.vw)
      .define("WGX", static_cast<std::int64_t>(grid.local[0]))
      .define("WGY", static_cast<std::int64_t>(grid.local[1]));
  call.arg(in(0)).arg(in(1)).arg(out()).arg(to_int(x[0]));
  call.arg(to_int(rows)).arg(to_int(cols));
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
