// scatter_nd: x with some slices replaced, or combined with updates, each found by a tuple of indices
// along the first axes. Of several updates of one slice the last one wins, or all are combined in
// their order: on devices each update claims its slice by an atomic maximum of its number, and the
// winners write.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include "ops/indexing.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// Updates of a slice one after another by few work-items: the host does that faster.
constexpr std::int64_t kMostInARow = 1 << 14;

struct Slices {
  std::size_t depth = 0;   // indices in a tuple
  std::int64_t count = 0;  // updates
  std::int64_t slots = 1;  // slices of x
  std::int64_t size = 1;   // elements of one
};

Slices slices_of(const OpView& op) {
  const Shape& x = op.shape(0);
  const Shape& indices = op.shape(1);
  Slices s;
  s.depth = static_cast<std::size_t>(indices.back());
  s.count = indices.elements(0, indices.rank() - 1);
  s.slots = x.elements(0, s.depth);
  s.size = x.elements(s.depth, x.rank());
  return s;
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 3, 3);
  check_indices(op, 1);
  const Shape& x = op.shape(0);
  const Shape& indices = op.shape(1);
  if (indices.rank() == 0 || indices.back() < 1 ||
      indices.back() > static_cast<std::int64_t>(x.rank())) {
    shape_error(op, "indices are {}; expected tuples of 1 to {} indices", indices, x.rank());
  }
  const Slices s = slices_of(op);
  std::vector<std::int64_t> dims(indices.begin(), indices.end() - 1);
  dims.insert(dims.end(), x.begin() + static_cast<std::ptrdiff_t>(s.depth), x.end());
  if (op.shape(2) != Shape(dims)) {
    shape_error(op, "updates are {}; expected {} for x {} and indices {}", op.shape(2), Shape(dims),
                x, indices);
  }
  if (op.in[2]->dtype != op.in[0]->dtype) {
    shape_error(op, "x is {} but updates are {}; expected one type", *op.in[0], *op.in[2]);
  }
  for (std::size_t i = 0; i < s.depth; ++i) check_not_empty(op, x, i, s.count);
  reduction_attribute(op);
  return {*op.in[0]};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const ScatterReduction reduction = reduction_attribute(op);
  const Slices s = slices_of(op);
  Array y = in[0];
  auto index = in[1].data.begin();
  auto update = in[2].data.begin();
  for (std::int64_t m = 0; m < s.count; ++m) {
    std::int64_t slot = 0;
    for (std::size_t d = 0; d < s.depth; ++d) {
      slot = slot * op.shape(0)[d] + position(*index++, op.shape(0)[d]);
    }
    for (std::int64_t c = 0; c < s.size; ++c) {
      double& there = y.data[static_cast<std::size_t>(slot * s.size + c)];
      there = combine(reduction, there, *update++);
    }
  }
  return {std::move(y)};
}

Decline accepts(const OpView& op, const Target&, Family) {
  if (reduction_attribute(op) == ScatterReduction::none) return std::nullopt;
  if (number_type(op.in[0]->dtype) == nullptr) return "kernels combine no f16";
  if (slices_of(op).count > kMostInARow) {
    return fmt::format("more than {} updates, which are combined in their order", kMostInARow);
  }
  return std::nullopt;
}

std::string slot_text(const OpView& op, const Slices& s) {
  std::string text = "0";
  for (std::size_t d = 0; d < s.depth; ++d) {
    const std::int64_t extent = op.shape(0)[d];
    const std::string at = fmt::format("INDEX_AT(indices[m*{}+{}],{})", s.depth, d, extent);
    text = d == 0 ? at : fmt::format("({})*{}+{}", text, extent, at);
  }
  return "(" + text + ")";
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const ScatterReduction reduction = reduction_attribute(op);
  const Slices s = slices_of(op);
  const DType dtype = op.in[0]->dtype;
  Lowering lowering;
  if (s.count * s.size == 0) {
    lowering.alias_of = 0;
    return lowering;
  }
  lowering.calls.emplace_back(CopyCall{in(0), out()});
  if (reduction != ScatterReduction::none) {
    KernelCall& call = lowering.call("scatter_nd/reduce.cl");
    call.define("ELEMENT", number_type(dtype))
        .define("INDEX", index_type(op.in[1]->dtype))
        .define("REDUCTION", static_cast<std::int64_t>(reduction))
        .define("SLOT", slot_text(op, s));
    call.arg(in(1)).arg(in(2)).arg(out()).arg(to_int(s.count)).arg(to_int(s.size));
    spread(call, s.size, 16 * s.count, s.count, family, target);
    return lowering;
  }
  const BufferRef winners = lowering.add_scratch(sizeof(std::int32_t) * s.slots);
  lowering.calls.emplace_back(ZeroCall{winners});
  KernelCall& claim = lowering.call("scatter_nd/claim.cl");
  claim.define("INDEX", index_type(op.in[1]->dtype)).define("SLOT", slot_text(op, s));
  claim.arg(in(1)).arg(winners);
  spread(claim, s.count, 16, 1, family, target);
  KernelCall& write = lowering.call("scatter_nd/write.cl");
  write.define("ELEMENT", element_type(dtype))
      .define("INDEX", index_type(op.in[1]->dtype))
      .define("SLOT", slot_text(op, s));
  write.arg(in(1)).arg(in(2)).arg(winners).arg(out()).arg(to_int(s.size));
  spread(write, s.count * s.size, 8, 1, family, target);
  return lowering;
}

}  // namespace

std::vector<OpDef> scatter_nd_ops() {
  return {{.name = "scatter_nd",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("it places slices by index; nothing before it is trained"),
           .cost = [](const OpView& op) { return Cost{.flop = 0, .bytes = op.operand_bytes()}; },
           .variants = both_families(lower, accepts)}};
}

}  // namespace pinnacle
