// reshape and flatten: the same elements under another shape; no kernel, no memory.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>

namespace pinnacle {
namespace {

Shape wanted_shape(const OpView& op) {
  const Shape& from = op.shape(0);
  if (op.node->op == "flatten") {
    if (from.rank() == 0) shape_error(op, "x is a scalar; expected rank 1 or more");
    return Shape({from[0], from.elements(1, from.rank())});
  }
  Attributes::Ints dims = op.attributes().ints("shape");
  // A shape that fits as it stands is meant as it stands, with extents of 0 as well.
  const bool literal = std::all_of(dims.begin(), dims.end(), [](std::int64_t d) { return d >= 0; });
  if (literal && Shape(dims).elements() == from.elements()) return Shape(dims);
  std::int64_t known = 1;
  std::optional<std::size_t> free;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && i < from.rank()) dims[i] = from[i];
    if (dims[i] == -1) {
      if (free) shape_error(op, "shape {} has two -1", Shape(dims));
      free = i;
    } else if (dims[i] < 0) {
      shape_error(op, "shape {} has a negative extent", Shape(dims));
    } else {
      known *= dims[i];
    }
  }
  if (free && known > 0) dims[*free] = from.elements() / known;
  Shape to(dims);
  if (to.elements() != from.elements()) {
    shape_error(op, "{} does not hold the {} elements of {}", Shape(op.attributes().ints("shape")),
                from.elements(), from);
  }
  return to;
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  return {{wanted_shape(op), op.in[0]->dtype}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  Array y = in[0];
  y.shape = wanted_shape(op);
  return {std::move(y)};
}

std::vector<ValueId> gradient(const GradientView& g) {
  return {g.b.apply("reshape", {g.dy[0]}, {{"shape", g.b.shape(g.x[0]).dims()}})};
}

OpDef define(const char* name) {
  return {.name = name,
          .infer = infer,
          .reference = reference,
          .gradient = gradient,
          .cost = [](const OpView&) { return Cost{}; },
          .variants = std::vector<Variant>{
              {.name = "alias",
               .accepts = [](const OpView&, const Target&) -> Decline { return std::nullopt; },
               .lower =
                   [](const OpView&, const Target&, const Params&) {
                     Lowering lowering;
                     lowering.alias_of = 0;
                     return lowering;
                   },
               .space = {}}}};
}

}  // namespace

std::vector<OpDef> reshape_ops() { return {define("reshape"), define("flatten")}; }

}  // namespace pinnacle
