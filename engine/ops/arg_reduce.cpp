// arg_max, arg_min: where along an axis the extreme is, as i64. Of equal ones the first counts, or the
// last with select_last_index.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include "ops/indexing.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// x is [outer, extent, inner], y [outer, inner].
struct Lines {
  std::int64_t outer, extent, inner;
};

Lines lines_of(const OpView& op) {
  const Shape& x = op.shape(0);
  const std::size_t axis = axis_attribute(op, x.rank());
  return {x.elements(0, axis), x[axis], x.elements(axis + 1, x.rank())};
}

bool takes_last(const OpView& op) { return op.attributes().integer("select_last_index", 0) != 0; }

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  std::vector<std::int64_t> dims = op.shape(0).dims();
  const std::size_t axis = axis_attribute(op, dims.size());
  if (dims[axis] == 0)
    shape_error(op, "x is {}: there is nothing along axis {}", op.shape(0), axis);
  if (op.attributes().integer("keepdims", 1) != 0) {
    dims[axis] = 1;
  } else {
    dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  }
  return {{Shape(std::move(dims)), DType::i64}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Lines s = lines_of(op);
  const double sign = op.node->op == "arg_max" ? 1 : -1;
  Array y(infer(op)[0].shape);
  for (std::int64_t o = 0; o < s.outer; ++o) {
    for (std::int64_t i = 0; i < s.inner; ++i) {
      const auto at = [&](std::int64_t k) {
        return sign * in[0].data[static_cast<std::size_t>((o * s.extent + k) * s.inner + i)];
      };
      std::int64_t best = 0;
      for (std::int64_t k = 1; k < s.extent; ++k) {
        if (at(k) > at(best) || (takes_last(op) && at(k) == at(best))) best = k;
      }
      y.data[static_cast<std::size_t>(o * s.inner + i)] = static_cast<double>(best);
    }
  }
  return {std::move(y)};
}

Decline accepts(const OpView& op, const Target&, Family) {
  if (op.in[0]->dtype != DType::f32) return "made for f32";
  return std::nullopt;
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const Lines s = lines_of(op);
  Lowering lowering;
  if (s.outer * s.inner == 0) return lowering;
  KernelCall& call = lowering.call("arg_reduce.cl");
  call.define("SIGN", op.node->op == "arg_max" ? "" : "-");
  call.define("BETTER", takes_last(op) ? ">=" : ">");
  call.arg(in(0)).arg(out()).arg(to_int(s.extent)).arg(to_int(s.inner));
  spread(call, s.outer * s.inner, s.extent, s.extent, family, target);
  return lowering;
}

OpDef define(const char* name) {
  return {.name = name,
          .infer = infer,
          .reference = reference,
          .gradient = no_gradient("a position does not change with small changes of x"),
          .cost =
              [](const OpView& op) {
                return Cost{.flop = static_cast<double>(op.shape(0).elements()),
                            .bytes = op.operand_bytes()};
              },
          .variants = both_families(lower, accepts)};
}

}  // namespace

std::vector<OpDef> arg_reduce_ops() { return {define("arg_max"), define("arg_min")}; }

}  // namespace pinnacle
