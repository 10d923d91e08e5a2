// pad: x surrounded by a constant.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "ops/launch.hpp"
#include "ops/strided_copy.hpp"

namespace pinnacle {
namespace {

struct PadAxis {
  std::int64_t extent = 1;  // of x
  std::int64_t before = 0;
  std::int64_t padded = 1;  // extent of y
};

std::vector<PadAxis> axes_of(const OpView& op) {
  const Attributes::Ints& pads = op.attributes().ints("pads");
  const Shape& x = op.shape(0);
  if (pads.size() != 2 * x.rank()) {
    shape_error(op, "has {} pads; expected {}, two for each axis of {}", pads.size(), 2 * x.rank(),
                x);
  }
  std::vector<PadAxis> axes;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    const std::int64_t after = pads[i + x.rank()];
    if (pads[i] < 0 || after < 0) {
      shape_error(op, "pads of axis {} are {} and {}; expected 0 or more", i, pads[i], after);
    }
    axes.push_back({.extent = x[i], .before = pads[i], .padded = pads[i] + x[i] + after});
  }
  return axes;
}

Shape result_shape(const OpView& op) {
  std::vector<std::int64_t> dims;
  for (const PadAxis& axis : axes_of(op)) dims.push_back(axis.padded);
  return Shape(std::move(dims));
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  return {{result_shape(op), op.in[0]->dtype}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  Array y(result_shape(op), op.attributes().number("value", 0));
  const std::vector<std::int64_t> from = strides_of(op.shape(0));
  const std::vector<std::int64_t> to = strides_of(y.shape);
  std::vector<CopyAxis> copy;
  std::int64_t offset = 0;
  const std::vector<PadAxis> axes = axes_of(op);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    copy.push_back({.extent = axes[i].extent, .from = from[i], .to = to[i]});
    offset += axes[i].before * to[i];
  }
  if (in[0].shape.elements() > 0) {
    strided_copy(collapse(copy), in[0].data.data(), y.data.data() + offset);
  }
  return {std::move(y)};
}

std::vector<ValueId> gradient(const GradientView& g) {
  const Attributes::Ints& pads = g.node.attributes.ints("pads");
  const Shape& x = g.b.shape(g.x[0]);
  Attributes::Ints starts, ends, axes;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    starts.push_back(pads[i]);
    ends.push_back(pads[i] + x[i]);
    axes.push_back(static_cast<std::int64_t>(i));
  }
  return {g.b.apply("slice", {g.dy[0]}, {{"starts", starts}, {"ends", ends}, {"axes", axes}})};
}

// An axis that is not padded joins the one around it.
std::vector<PadAxis> join(const std::vector<PadAxis>& axes) {
  std::vector<PadAxis> joined;
  for (const PadAxis& axis : axes) {
    if (axis.padded == 1 && axis.extent == 1) continue;
    if (!joined.empty() && axis.extent == axis.padded) {
      joined.back().extent *= axis.extent;
      joined.back().before *= axis.extent;
      joined.back().padded *= axis.extent;
    } else {
      joined.push_back(axis);
    }
  }
  if (joined.empty()) joined.emplace_back();
  return joined;
}

// Whether a row of y meets x, and that row's offset in x, as OpenCL C.
std::pair<std::string, std::string> row_texts(const std::vector<PadAxis>& axes) {
  std::string inside;
  std::string from;
  std::int64_t below = 1;
  std::int64_t stride = axes.back().extent;
  for (std::size_t i = axes.size() - 1; i-- > 0;) {
    const PadAxis& axis = axes[i];
    const std::string position = fmt::format("(row/{}%{}-{})", below, axis.padded, axis.before);
    if (axis.extent != axis.padded) {
      inside += fmt::format("{}{}>=0&&{}<{}", inside.empty() ? "" : "&&", position, position,
                            axis.extent);
    }
    from += fmt::format("{}{}*{}", from.empty() ? "" : "+", position, stride);
    below *= axis.padded;
    stride *= axis.extent;
  }
  return {inside.empty() ? "1" : "(" + inside + ")", from.empty() ? "0" : "(" + from + ")"};
}

// The padding as an element of that type in the low bits.
std::int32_t fill_bits(double value, DType dtype) {
  Array one(Shape{1}, value);
  if (dtype == DType::i64 || dtype == DType::i32 || dtype == DType::i8) {
    return static_cast<std::int32_t>(std::clamp<double>(value, INT32_MIN, INT32_MAX));
  }
  const Tensor tensor = to_tensor(one, dtype);
  std::int32_t bits = 0;
  for (std::size_t i = 0; i < tensor.bytes().size(); ++i) {
    bits |= static_cast<std::int32_t>(std::to_integer<std::uint32_t>(tensor.bytes()[i]) << (8 * i));
  }
  return bits;
}

Decline accepts(const OpView& op, const Target&, Family) {
  const double value = op.attributes().number("value", 0);
  if (op.in[0]->dtype == DType::i64 && !(value >= INT32_MIN && value <= INT32_MAX)) {
    return "the padding is beyond 32 bits";
  }
  return std::nullopt;
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  Lowering lowering;
  if (op.shape(0) == op.out_shape()) {
    lowering.alias_of = 0;
    return lowering;
  }
  const std::vector<PadAxis> axes = join(axes_of(op));
  const std::int64_t cols = axes.back().padded;
  std::int64_t rows = 1;
  for (std::size_t i = 0; i + 1 < axes.size(); ++i) rows *= axes[i].padded;
  const auto [inside, from] = row_texts(axes);
  Grid grid = make_grid(rows, cols, family, target);
  // Padding is written one by one; see that even all of it fits into the loops allowed.
  grid.loops += grid.rows_each * std::min(cols, grid.cols_each);
  KernelCall& call = lowering.call("pad.cl");
  call.define("ELEMENT", element_type(op.in[0]->dtype))
      .define("VW", grid.vw)
      .define("WGX", static_cast<std::int64_t>(grid.local[0]))
      .define("WGY", static_cast<std::int64_t>(grid.local[1]))
      .define("INSIDE", inside)
      .define("FROM", from);
  call.arg(in(0)).arg(out()).arg(to_int(axes.back().extent)).arg(to_int(axes.back().before));
  call.arg(fill_bits(op.attributes().number("value", 0), op.in[0]->dtype));
  call.arg(to_int(rows)).arg(to_int(cols));
  call.arg(to_int(grid.rows_each)).arg(to_int(grid.cols_each));
  call.range(grid.global, grid.local).loops(grid.loops);
  return lowering;
}

}  // namespace

std::vector<OpDef> pad_ops() {
  return {{.name = "pad",
           .infer = infer,
           .reference = reference,
           .gradient = gradient,
           .cost = [](const OpView& op) { return Cost{.flop = 0, .bytes = op.operand_bytes()}; },
           .variants = both_families(lower, accepts)}};
}

}  // namespace pinnacle
