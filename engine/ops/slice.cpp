// slice: elements starts, starts + steps, ... before ends of x along the given axes. Steps may be
// negative: then ends is below starts, and -1 for "down to the first".
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cstdint>

#include "ops/blocked.hpp"
#include "ops/launch.hpp"
#include "ops/strided_copy.hpp"

namespace pinnacle {
namespace {

struct Box {
  std::vector<std::int64_t> start;
  std::vector<std::int64_t> step;
  Shape shape;

  bool forward() const {
    return std::all_of(step.begin(), step.end(), [](std::int64_t s) { return s == 1; });
  }
};

Box box_of(const OpView& op) {
  const Attributes::Ints& starts = op.attributes().ints("starts");
  const Attributes::Ints& ends = op.attributes().ints("ends");
  const Attributes::Ints& axes = op.attributes().ints("axes");
  const Attributes::Ints steps = op.attributes().ints("steps", Attributes::Ints(axes.size(), 1));
  const Shape& x = op.shape(0);
  if (starts.size() != axes.size() || ends.size() != axes.size() || steps.size() != axes.size()) {
    shape_error(op, "has {} starts, {} ends and {} steps for {} axes", starts.size(), ends.size(),
                steps.size(), axes.size());
  }
  Box box{.start = std::vector<std::int64_t>(x.rank(), 0),
          .step = std::vector<std::int64_t>(x.rank(), 1),
          .shape = x};
  for (std::size_t k = 0; k < axes.size(); ++k) {
    if (axes[k] < 0 || axes[k] >= static_cast<std::int64_t>(x.rank())) {
      shape_error(op, "axis {} does not exist in {}", axes[k], x);
    }
    const auto i = static_cast<std::size_t>(axes[k]);
    const bool inside = steps[k] > 0 ? 0 <= starts[k] && starts[k] <= ends[k] && ends[k] <= x[i]
                                     : -1 <= ends[k] && ends[k] <= starts[k] && starts[k] < x[i];
    if (steps[k] == 0 || !inside) {
      shape_error(op, "[{} : {} : {}] along axis {} is not inside {}", starts[k], ends[k], steps[k],
                  i, x);
    }
    const std::int64_t length = steps[k] > 0 ? ends[k] - starts[k] : starts[k] - ends[k];
    const std::int64_t step = steps[k] > 0            ? steps[k]
                              : steps[k] == INT64_MIN ? INT64_MAX
                                                      : -steps[k];
    box.start[i] = length == 0 ? 0 : starts[k];
    box.shape[i] = length == 0 ? 0 : (length - 1) / step + 1;
    box.step[i] = box.shape[i] <= 1 ? 1 : steps[k];
  }
  return box;
}

struct Copy {
  std::vector<CopyAxis> axes;
  std::int64_t offset = 0;
};

Copy copy_of(const OpView& op) {
  const Box box = box_of(op);
  const std::vector<std::int64_t> from = strides_of(op.shape(0));
  const std::vector<std::int64_t> to = strides_of(box.shape);
  Copy copy;
  for (std::size_t i = 0; i < from.size(); ++i) {
    copy.axes.push_back({.extent = box.shape[i], .from = from[i] * box.step[i], .to = to[i]});
    copy.offset += box.start[i] * from[i];
  }
  copy.axes = collapse(copy.axes);
  return copy;
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  return {{box_of(op).shape, op.in[0]->dtype}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Copy copy = copy_of(op);
  Array y(box_of(op).shape);
  strided_copy(copy.axes, in[0].data.data() + copy.offset, y.data.data());
  return {std::move(y)};
}

std::vector<ValueId> gradient(const GradientView& g) {
  const Attributes::Ints& axes = g.node.attributes.ints("axes");
  const Attributes::Ints& starts = g.node.attributes.ints("starts");
  const Attributes::Ints& ends = g.node.attributes.ints("ends");
  const Attributes::Ints steps = g.node.attributes.ints("steps", Attributes::Ints(axes.size(), 1));
  if (std::any_of(steps.begin(), steps.end(), [](std::int64_t s) { return s != 1; })) {
    return no_gradient("of steps other than 1")(g);
  }
  const Shape& x = g.b.shape(g.x[0]);
  Attributes::Ints pads(2 * x.rank(), 0);
  for (std::size_t k = 0; k < axes.size(); ++k) {
    const auto i = static_cast<std::size_t>(axes[k]);
    pads[i] = starts[k];
    pads[i + x.rank()] = x[i] - ends[k];
  }
  return {g.b.apply("pad", {g.dy[0]}, {{"pads", pads}, {"value", 0.0}})};
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  Lowering lowering;
  if (op.shape(0) == op.out_shape() && box_of(op).forward()) {
    lowering.alias_of = 0;
    return lowering;
  }
  const Copy copy = copy_of(op);
  if (copy.axes.size() == 1 && copy.axes[0].from == 1) {
    lowering.range_of = {
        .input = 0, .offset = static_cast<std::size_t>(copy.offset) * size_of(op.in[0]->dtype)};
  }
  lowering.calls.emplace_back(
      strided_copy_call(copy.axes, in(0), copy.offset, out(), 0, op.in[0]->dtype, family, target));
  return lowering;
}

// Of channels whole blocks are taken; a last one may be incomplete.
std::optional<BlockedForm> blocked(const OpView& op, std::int64_t block, const Target&) {
  const Shape& x = op.shape(0);
  if (x.rank() != 4 || op.in[0]->dtype != DType::f32) return std::nullopt;
  const Box box = box_of(op);
  if (op.attributes().has("steps")) return std::nullopt;
  const std::int64_t end = box.start[1] + box.shape[1];
  if (box.start[1] % block != 0 || (end % block != 0 && end != x[1])) return std::nullopt;
  Attributes::Ints starts = op.attributes().ints("starts");
  Attributes::Ints ends = op.attributes().ints("ends");
  const Attributes::Ints& axes = op.attributes().ints("axes");
  for (std::size_t k = 0; k < axes.size(); ++k) {
    if (axes[k] != 1) continue;
    starts[k] /= block;
    ends[k] = ceil_div(ends[k], block);
  }
  Node node = *op.node;
  node.attributes.set("starts", starts);
  node.attributes.set("ends", ends);
  OpView blocks = op;
  blocks.node = &node;
  return same_op(blocks, {true}, {true});
}

}  // namespace

std::vector<OpDef> slice_ops() {
  return {{.name = "slice",
           .infer = infer,
           .reference = reference,
           .gradient = gradient,
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = 0, .bytes = 2.0 * static_cast<double>(op.out[0].bytes())};
               },
           .variants = both_families(lower),
           .blocked = blocked}};
}

}  // namespace pinnacle
