// one_hot: a new axis of `depth` elements for each index: the second of two values where it points,
// the first elsewhere. Negative indices count from the back; one out of range points nowhere.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include "ops/indexing.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

struct Lines {
  std::int64_t outer = 1, depth = 1, inner = 1;
};

Lines lines_of(const OpView& op) {
  const Shape& indices = op.shape(0);
  const std::size_t axis = axis_attribute(op, indices.rank() + 1);
  return {indices.elements(0, axis), op.attributes().integer("depth"),
          indices.elements(axis, indices.rank())};
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 2, 2);
  const Lines lines = lines_of(op);
  if (lines.depth < 0) shape_error(op, "depth is {}; expected 0 or more", lines.depth);
  if (op.shape(1) != Shape{2}) {
    shape_error(op, "values are {}; expected [2], off and on", *op.in[1]);
  }
  std::vector<std::int64_t> dims = op.shape(0).dims();
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis_attribute(op, dims.size() + 1)),
              lines.depth);
  return {{Shape(std::move(dims)), op.in[1]->dtype}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Lines lines = lines_of(op);
  Array y(infer(op)[0].shape, in[1].data[0]);
  for (std::int64_t o = 0; o < lines.outer; ++o) {
    for (std::int64_t i = 0; i < lines.inner; ++i) {
      double index = in[0].data[static_cast<std::size_t>(o * lines.inner + i)];
      const auto depth = static_cast<double>(lines.depth);
      if (index < 0) index += depth;
      if (!(index >= 0 && index < depth)) continue;
      const auto d = static_cast<std::int64_t>(index);
      if (static_cast<double>(d) != index) continue;
      y.data[static_cast<std::size_t>((o * lines.depth + d) * lines.inner + i)] = in[1].data[1];
    }
  }
  return {std::move(y)};
}

Decline accepts(const OpView& op, const Target&, Family) {
  if (number_type(op.in[0]->dtype) == nullptr) return "kernels take no f16 indices";
  return std::nullopt;
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const Lines lines = lines_of(op);
  Lowering lowering;
  if (op.out_shape().elements() == 0) return lowering;
  KernelCall& call = lowering.call("one_hot.cl");
  call.define("ELEMENT", element_type(op.in[1]->dtype))
      .define("INDEX", number_type(op.in[0]->dtype));
  call.arg(in(0)).arg(in(1)).arg(out()).arg(to_int(lines.depth)).arg(to_int(lines.inner));
  spread(call, op.out_shape().elements(), 4, 1, family, target);
  return lowering;
}

}  // namespace

std::vector<OpDef> one_hot_ops() {
  return {{.name = "one_hot",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("it depends on its indices in steps"),
           .cost = [](const OpView& op) { return Cost{.flop = 0, .bytes = op.operand_bytes()}; },
           .variants = both_families(lower, accepts)}};
}

}  // namespace pinnacle
