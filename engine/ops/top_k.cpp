// top_k: the k largest or smallest elements along an axis, best first, and where they are. Of equal
// elements the first comes first; NaN counts as larger than any number. On devices an element's place
// is the number of elements before it.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ops/indexing.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// Comparisons of all elements of a line with all; beyond this sorting on the host is faster.
constexpr double kMostComparisons = 4e9;

struct Lines {
  std::int64_t outer = 1, extent = 1, inner = 1, k = 0;
  bool largest = true;
};

Lines lines_of(const OpView& op) {
  const Shape& x = op.shape(0);
  const std::size_t axis = axis_attribute(op, x.rank());
  Lines lines{x.elements(0, axis), x[axis], x.elements(axis + 1, x.rank()),
              op.attributes().integer("k"), op.attributes().integer("largest", 1) != 0};
  if (lines.k < 0 || lines.k > lines.extent) {
    shape_error(op, "k is {}; expected 0 to {}, the extent of axis {} of {}", lines.k, lines.extent,
                axis, x);
  }
  return lines;
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  Shape shape = op.shape(0);
  const Lines lines = lines_of(op);
  shape[axis_attribute(op, shape.rank())] = lines.k;
  return {{shape, op.in[0]->dtype}, {shape, DType::i64}};
}

bool larger(double a, double b) { return std::isnan(a) ? !std::isnan(b) : a > b; }

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Lines lines = lines_of(op);
  const Shape shape = infer(op)[0].shape;
  Array values(shape);
  Array indices(shape);
  std::vector<std::int64_t> order(static_cast<std::size_t>(lines.extent));
  for (std::int64_t line = 0; line < lines.outer * lines.inner; ++line) {
    const std::int64_t o = line / lines.inner;
    const std::int64_t i = line % lines.inner;
    const auto at = [&](std::int64_t position) {
      return in[0].data[static_cast<std::size_t>((o * lines.extent + position) * lines.inner + i)];
    };
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return lines.largest ? larger(at(a), at(b)) : larger(at(b), at(a));
    });
    for (std::int64_t j = 0; j < lines.k; ++j) {
      const auto to = static_cast<std::size_t>((o * lines.k + j) * lines.inner + i);
      const std::int64_t from = order[static_cast<std::size_t>(j)];
      values.data[to] = at(from);
      indices.data[to] = static_cast<double>(from);
    }
  }
  return {std::move(values), std::move(indices)};
}

Decline accepts(const OpView& op, const Target&, Family) {
  if (number_type(op.in[0]->dtype) == nullptr) return "kernels compare no f16";
  const Lines lines = lines_of(op);
  const auto extent = static_cast<double>(lines.extent);
  if (static_cast<double>(lines.outer * lines.inner) * extent * extent > kMostComparisons) {
    return "so many elements are better sorted than compared with each other";
  }
  return std::nullopt;
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const Lines lines = lines_of(op);
  Lowering lowering;
  if (op.out_shape().elements() == 0) return lowering;
  KernelCall& call = lowering.call("top_k.cl");
  call.define("ELEMENT", number_type(op.in[0]->dtype))
      .define("FLOATS", op.in[0]->dtype == DType::f32 ? 1 : 0)
      .define("LARGEST", lines.largest ? 1 : 0);
  call.arg(in(0)).arg(out(0)).arg(out(1));
  call.arg(to_int(lines.extent)).arg(to_int(lines.inner)).arg(to_int(lines.k));
  spread(call, op.shape(0).elements(), 2 * lines.extent, lines.extent, family, target);
  return lowering;
}

Cost cost(const OpView& op) {
  const Lines lines = lines_of(op);
  return {.flop = static_cast<double>(op.shape(0).elements()) *
                  std::log2(static_cast<double>(std::max<std::int64_t>(lines.extent, 2))),
          .bytes = op.operand_bytes()};
}

}  // namespace

std::vector<OpDef> top_k_ops() {
  return {{.name = "top_k",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("which elements it takes depends on x"),
           .cost = cost,
           .variants = both_families(lower, accepts)}};
}

}  // namespace pinnacle
