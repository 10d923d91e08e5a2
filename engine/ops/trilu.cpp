// trilu: the upper or lower triangle of matrices, zero elsewhere. Diagonal k is the border.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>

#include "ops/indexing.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

struct Triangle {
  std::int64_t rows = 1, cols = 1, k = 0;
  bool upper = true;
};

Triangle triangle_of(const OpView& op) {
  const Shape& x = op.shape(0);
  if (x.rank() < 2) shape_error(op, "x is {}; expected matrices", x);
  Triangle t{x[x.rank() - 2], x.back(), 0, op.attributes().integer("upper", 1) != 0};
  // Beyond the corners nothing changes any more.
  t.k = std::clamp(op.attributes().integer("k", 0), -t.rows, t.cols);
  return t;
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  triangle_of(op);
  return {*op.in[0]};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Triangle t = triangle_of(op);
  Array y = in[0];
  for (std::size_t i = 0; i < y.data.size(); ++i) {
    const auto col = static_cast<std::int64_t>(i) % t.cols;
    const auto row = static_cast<std::int64_t>(i) / t.cols % t.rows;
    const bool keep = t.upper ? col - row >= t.k : col - row <= t.k;
    if (!keep) y.data[i] = 0;
  }
  return {std::move(y)};
}

std::vector<ValueId> gradient(const GradientView& g) {
  return {g.b.apply("trilu", {g.dy[0]}, g.node.attributes)};
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const Triangle t = triangle_of(op);
  Lowering lowering;
  if (op.out_shape().elements() == 0) return lowering;
  KernelCall& call = lowering.call("trilu.cl");
  call.define("ELEMENT", element_type(op.in[0]->dtype)).define("UPPER", t.upper ? 1 : 0);
  call.arg(in(0)).arg(out()).arg(to_int(t.rows)).arg(to_int(t.cols)).arg(to_int(t.k));
  spread(call, op.out_shape().elements(), 4, 1, family, target);
  lowering.may_share = {{0, 0}};
  return lowering;
}

}  // namespace

std::vector<OpDef> trilu_ops() {
  return {{.name = "trilu",
           .infer = infer,
           .reference = reference,
           .gradient = gradient,
           .cost = [](const OpView& op) { return Cost{.flop = 0, .bytes = op.operand_bytes()}; },
           .variants = both_families(lower)}};
}

}  // namespace pinnacle
