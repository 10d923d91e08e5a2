// cum_sum, cum_prod: along an axis, each element with those before it; without itself where exclusive,
// from the end where reverse.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include "ops/indexing.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// x and y are [outer, extent, inner].
struct Lines {
  std::int64_t outer, extent, inner;
};

Lines lines_of(const OpView& op) {
  const Shape& x = op.shape(0);
  const std::size_t axis = axis_attribute(op, x.rank());
  return {x.elements(0, axis), x[axis], x.elements(axis + 1, x.rank())};
}

bool flag(const OpView& op, const char* name) { return op.attributes().integer(name, 0) != 0; }

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  axis_attribute(op, op.shape(0).rank());
  return {*op.in[0]};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Lines s = lines_of(op);
  const bool product = op.node->op == "cum_prod";
  Array y(op.shape(0));
  for (std::int64_t o = 0; o < s.outer; ++o) {
    for (std::int64_t i = 0; i < s.inner; ++i) {
      double total = product ? 1 : 0;
      for (std::int64_t step = 0; step < s.extent; ++step) {
        const std::int64_t k = flag(op, "reverse") ? s.extent - 1 - step : step;
        const auto at = static_cast<std::size_t>((o * s.extent + k) * s.inner + i);
        const double next = product ? total * in[0].data[at] : total + in[0].data[at];
        y.data[at] = flag(op, "exclusive") ? total : next;
        total = next;
      }
    }
  }
  return {std::move(y)};
}

std::vector<ValueId> sum_gradient(const GradientView& g) {
  Attributes attributes = g.node.attributes;
  attributes.set("reverse", std::int64_t{1 - g.node.attributes.integer("reverse", 0)});
  return {g.b.apply("cum_sum", {g.dy[0]}, attributes)};
}

Decline accepts(const OpView& op, const Target&, Family) {
  if (op.in[0]->dtype != DType::f32) return "made for f32";
  return std::nullopt;
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const Lines s = lines_of(op);
  Lowering lowering;
  if (s.outer * s.inner * s.extent == 0) return lowering;
  const bool product = op.node->op == "cum_prod";
  KernelCall& call = lowering.call("cumulative.cl");
  call.define("COMBINE", product ? "*" : "+").define("NEUTRAL", product ? "1.0f" : "0.0f");
  call.define("EXCLUSIVE", flag(op, "exclusive") ? 1 : 0);
  call.define("REVERSE", flag(op, "reverse") ? 1 : 0);
  call.arg(in(0)).arg(out()).arg(to_int(s.extent)).arg(to_int(s.inner));
  spread(call, s.outer * s.inner, 2 * s.extent, s.extent, family, target);
  return lowering;
}

OpDef define(const char* name, std::function<std::vector<ValueId>(const GradientView&)> gradient) {
  return {.name = name,
          .infer = infer,
          .reference = reference,
          .gradient = std::move(gradient),
          .cost =
              [](const OpView& op) {
                return Cost{.flop = static_cast<double>(op.shape(0).elements()),
                            .bytes = op.operand_bytes()};
              },
          .variants = both_families(lower, accepts)};
}

}  // namespace

std::vector<OpDef> cumulative_ops() {
  return {define("cum_sum", sum_gradient),
          define("cum_prod", no_gradient("products that run along an axis are for inference"))};
}

}  // namespace pinnacle
