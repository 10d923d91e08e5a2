// transpose: axis i of y is axis perm[i] of x. Where the last axis stays, a strided copy; else tiles.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>

#include "ops/blocked.hpp"
#include "ops/launch.hpp"
#include "ops/strided_copy.hpp"

namespace pinnacle {
namespace {

Attributes::Ints permutation(const OpView& op) {
  const Attributes::Ints& perm = op.attributes().ints("perm");
  const std::size_t rank = op.shape(0).rank();
  std::vector<bool> seen(rank, false);
  bool valid = perm.size() == rank;
  for (std::size_t i = 0; valid && i < rank; ++i) {
    valid = perm[i] >= 0 && perm[i] < static_cast<std::int64_t>(rank) &&
            !seen[static_cast<std::size_t>(perm[i])];
    if (valid) seen[static_cast<std::size_t>(perm[i])] = true;
  }
  if (!valid) {
    shape_error(op, "perm is {}; expected each axis of {} once", Shape(perm), op.shape(0));
  }
  return perm;
}

Shape result_shape(const OpView& op) {
  std::vector<std::int64_t> dims;
  for (const std::int64_t axis : permutation(op)) {
    dims.push_back(op.shape(0)[static_cast<std::size_t>(axis)]);
  }
  return Shape(std::move(dims));
}

std::vector<CopyAxis> axes_of(const OpView& op) {
  const Attributes::Ints perm = permutation(op);
  const std::vector<std::int64_t> from = strides_of(op.shape(0));
  const Shape shape = result_shape(op);
  const std::vector<std::int64_t> to = strides_of(shape);
  std::vector<CopyAxis> axes;
  for (std::size_t i = 0; i < perm.size(); ++i) {
    axes.push_back(
        {.extent = shape[i], .from = from[static_cast<std::size_t>(perm[i])], .to = to[i]});
  }
  return collapse(axes);
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  return {{result_shape(op), op.in[0]->dtype}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  Array y(result_shape(op));
  strided_copy(axes_of(op), in[0].data.data(), y.data.data());
  return {std::move(y)};
}

std::vector<ValueId> gradient(const GradientView& g) {
  const Attributes::Ints& perm = g.node.attributes.ints("perm");
  Attributes::Ints inverse(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) {
    inverse[static_cast<std::size_t>(perm[i])] = static_cast<std::int64_t>(i);
  }
  return {g.b.apply("transpose", {g.dy[0]}, {{"perm", inverse}})};
}

// y is contiguous along the last axis i, x along another, u.
KernelCall tiled_call(std::vector<CopyAxis> axes, DType dtype, Family family,
                      const Target& target) {
  const CopyAxis i = axes.back();
  axes.pop_back();
  const auto at =
      std::find_if(axes.begin(), axes.end(), [](const CopyAxis& axis) { return axis.from == 1; });
  const CopyAxis u = *at;
  axes.erase(at);
  std::int64_t boxes = 1;
  for (const CopyAxis& axis : axes) boxes *= axis.extent;
  const bool wide = family == Family::wide;
  const bool squares = wide && size_of(dtype) == 4 && target.vector_width >= 4;
  const std::int64_t tile = squares                             ? target.vector_width
                            : wide || work_group(target) >= 256 ? 16
                            : work_group(target) >= 64          ? 8
                                                                : 1;
  KernelCall call(wide ? "transpose/wide.cl" : "transpose/simt.cl");
  call.define("ELEMENT", element_type(dtype))
      .define("TILE", tile)
      .define("U_STEP", u.to)
      .define("I_STEP", i.from)
      .define("FROM", offset_text(axes, axes.size(), "box", &CopyAxis::from))
      .define("TO", offset_text(axes, axes.size(), "box", &CopyAxis::to));
  call.arg(in(0)).arg(out()).arg(to_int(u.extent)).arg(to_int(i.extent));
  const std::int64_t u_tiles = ceil_div(u.extent, tile);
  const std::int64_t i_tiles = ceil_div(i.extent, tile);
  if (!wide) {
    const auto side = static_cast<std::size_t>(tile);
    call.range({static_cast<std::size_t>(u_tiles) * side, static_cast<std::size_t>(i_tiles) * side,
                static_cast<std::size_t>(boxes)},
               {side, side, 1});
    return call;
  }
  // Iterations of a row of tiles; boxes are shared out first, then rows of tiles.
  // Lines that far apart fall into few sets of a cache.
  constexpr std::int64_t kAliasing = 2048;  // bytes
  const bool staged =
      !squares && i.from * static_cast<std::int64_t>(size_of(dtype)) % kAliasing == 0;
  call.define("SQUARES", squares ? 1 : 0).define("STAGED", staged ? 1 : 0);
  const std::int64_t row_loops = 1 + i_tiles * (1 + 2 * tile + tile * tile);
  const std::int64_t row_cost = 4 * tile * i.extent;
  const std::int64_t each = units_each(boxes * u_tiles, row_cost, row_loops, target);
  const std::int64_t boxes_each = std::max<std::int64_t>(1, each / u_tiles);
  const std::int64_t tiles_each = std::min(each, u_tiles);
  call.arg(to_int(boxes)).arg(to_int(boxes_each)).arg(to_int(tiles_each * tile));
  call.range({static_cast<std::size_t>(ceil_div(u_tiles, tiles_each)),
              static_cast<std::size_t>(ceil_div(boxes, boxes_each)), 1},
             {1, 1, 1});
  call.loops(boxes_each * (1 + tiles_each * row_loops));
  return call;
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const std::vector<CopyAxis> axes = axes_of(op);
  Lowering lowering;
  if (axes.size() == 1) {
    lowering.alias_of = 0;
  } else if (op.out_shape().elements() == 0 || axes.back().from == 1) {
    lowering.calls.emplace_back(
        strided_copy_call(axes, in(0), 0, out(), 0, op.in[0]->dtype, family, target));
  } else {
    lowering.calls.emplace_back(tiled_call(axes, op.in[0]->dtype, family, target));
  }
  return lowering;
}

// From channels in blocks to channels last, and back: the blocks are moved whole, so that no other
// conversion is needed.
std::optional<BlockedForm> blocked(const OpView& op, std::int64_t block, const Target& target) {
  const Shape& x = op.shape(0);
  if (x.rank() != 4 || op.in[0]->dtype != DType::f32) return std::nullopt;
  const Attributes::Ints perm = permutation(op);
  const bool to_last = perm == Attributes::Ints{0, 2, 3, 1};
  if (!to_last && perm != Attributes::Ints{0, 3, 1, 2}) return std::nullopt;
  const std::int64_t channels = to_last ? x[1] : x[3];
  const std::int64_t padded = ceil_div(channels, block) * block;
  const auto reshape = [](Builder& b, ValueId id, Attributes::Ints shape) {
    return b.apply("reshape", {id}, {{"shape", std::move(shape)}});
  };
  BlockedForm form{.inputs = {to_last}, .outputs = {!to_last}, .build = {}};
  form.build = [=](Builder& b, std::span<const ValueId> in, const std::string& name) {
    ValueId y = in[0];
    if (to_last) {
      y = b.apply("transpose", {y}, {{"perm", Attributes::Ints{0, 2, 3, 1, 4}}}, name);
      y = reshape(b, y, {x[0], x[2], x[3], padded});
      if (padded == channels) return std::vector<ValueId>{y};
      return std::vector<ValueId>{b.apply("slice", {y},
                                          {{"starts", Attributes::Ints{0}},
                                           {"ends", Attributes::Ints{channels}},
                                           {"axes", Attributes::Ints{3}}})};
    }
    if (padded != channels) {
      y = b.apply("pad", {y}, {{"pads", Attributes::Ints{0, 0, 0, 0, 0, 0, 0, padded - channels}}});
    }
    y = reshape(b, y, {x[0], x[1], x[2], padded / block, block});
    return std::vector<ValueId>{
        b.apply("transpose", {y}, {{"perm", Attributes::Ints{0, 3, 1, 2, 4}}}, name)};
  };
  // Padding is one more pass over a larger value; whole blocks are one strided copy.
  const double larger = static_cast<double>(padded) / static_cast<double>(channels) - 1;
  form.seconds_saved = -larger * seconds_to_move(op.operand_bytes(), target);
  return form;
}

}  // namespace

std::vector<OpDef> transpose_ops() {
  return {{.name = "transpose",
           .infer = infer,
           .reference = reference,
           .gradient = gradient,
           .cost = [](const OpView& op) { return Cost{.flop = 0, .bytes = op.operand_bytes()}; },
           .variants = both_families(lower),
           .blocked = blocked}};
}

}  // namespace pinnacle
