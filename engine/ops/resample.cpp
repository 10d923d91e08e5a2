// resample: y[.., j, ..] = sum over t of weights[j, t] x[.., indices[j, t], ..] along one axis, with
// tables that the caller made: what resizing by any separable filter comes down to.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include "ops/indexing.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// x is [outer, extent, inner], y [outer, count, inner].
struct Lines {
  std::int64_t outer, extent, inner, count, taps;
};

Lines lines_of(const OpView& op) {
  const Shape& x = op.shape(0);
  const std::size_t axis = axis_attribute(op, x.rank());
  return {x.elements(0, axis), x[axis], x.elements(axis + 1, x.rank()), op.shape(1)[0],
          op.shape(1)[1]};
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 3, 3);
  check_f32(op, 0, "x");
  check_f32(op, 2, "weights");
  const Shape& x = op.shape(0);
  const std::size_t axis = axis_attribute(op, x.rank());
  if (op.in[1]->dtype != DType::i32 || op.shape(1).rank() != 2) {
    shape_error(op, "indices are {}; expected i32 [elements of y, taps]", *op.in[1]);
  }
  if (op.shape(2) != op.shape(1)) {
    shape_error(op, "weights are {} but indices {}; expected one shape", op.shape(2), op.shape(1));
  }
  check_not_empty(op, x, axis, op.shape(1).elements());
  Shape shape = x;
  shape[axis] = op.shape(1)[0];
  return {{shape, DType::f32}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Lines s = lines_of(op);
  Array y(infer(op)[0].shape);
  for (std::int64_t o = 0; o < s.outer; ++o) {
    for (std::int64_t j = 0; j < s.count; ++j) {
      for (std::int64_t t = 0; t < s.taps; ++t) {
        const auto tap = static_cast<std::size_t>(j * s.taps + t);
        const std::int64_t from = o * s.extent + position(in[1].data[tap], s.extent);
        for (std::int64_t i = 0; i < s.inner; ++i) {
          y.data[static_cast<std::size_t>((o * s.count + j) * s.inner + i)] +=
              in[2].data[tap] * in[0].data[static_cast<std::size_t>(from * s.inner + i)];
        }
      }
    }
  }
  return {std::move(y)};
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const Lines s = lines_of(op);
  Lowering lowering;
  if (op.out_shape().elements() == 0) return lowering;
  // Along the last axes neighbours in y have their own taps; else they share them, as vectors.
  const int vw = family == Family::wide ? target.vector_width : 4;
  const bool rows = s.inner >= vw;
  KernelCall& call = lowering.call("resample.cl");
  if (rows) {
    const Grid grid = make_grid(s.outer * s.count, s.inner, family, target, 2 * s.taps);
    call.define("ROWS", 1)
        .define("VW", grid.vw)
        .define("WGX", static_cast<std::int64_t>(grid.local[0]))
        .define("WGY", static_cast<std::int64_t>(grid.local[1]));
    call.arg(in(0)).arg(in(1)).arg(in(2)).arg(out());
    call.arg(to_int(s.extent)).arg(to_int(s.count)).arg(to_int(s.inner)).arg(to_int(s.taps));
    call.arg(to_int(s.outer * s.count)).arg(to_int(grid.rows_each)).arg(to_int(grid.cols_each));
    call.range(grid.global, grid.local).loops(grid.loops * (1 + s.taps));
    return lowering;
  }
  const std::int64_t lines = s.outer;
  const std::int64_t length = s.count * s.inner;
  const Grid grid = make_grid(lines, length, family, target, 4 * s.taps);
  call.define("ROWS", 0)
      .define("VW", grid.vw)
      .define("WGX", static_cast<std::int64_t>(grid.local[0]))
      .define("WGY", static_cast<std::int64_t>(grid.local[1]));
  call.arg(in(0)).arg(in(1)).arg(in(2)).arg(out());
  call.arg(to_int(s.extent)).arg(to_int(s.count)).arg(to_int(s.inner)).arg(to_int(s.taps));
  call.arg(to_int(lines)).arg(to_int(grid.rows_each)).arg(to_int(grid.cols_each));
  call.range(grid.global, grid.local).loops(grid.rows_each * (1 + grid.cols_each * (1 + s.taps)));
  return lowering;
}

}  // namespace

std::vector<OpDef> resample_ops() {
  return {{.name = "resample",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("resizing is not trained through"),
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = 2.0 * static_cast<double>(op.out_shape().elements()) *
                                     static_cast<double>(op.shape(1)[1]),
                             .bytes = op.operand_bytes()};
               },
           .variants = both_families(lower)}};
}

}  // namespace pinnacle
