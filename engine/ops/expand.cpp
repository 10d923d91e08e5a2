// expand: x repeated along axes of extent 1 and new leading axes, until it has the given shape.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include "ops/blocked.hpp"
#include "ops/gradients.hpp"
#include "ops/launch.hpp"
#include "ops/strided_copy.hpp"

namespace pinnacle {
namespace {

Shape wanted_shape(const OpView& op) { return Shape(op.attributes().ints("shape")); }

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  const Shape& x = op.shape(0);
  const Shape shape = wanted_shape(op);
  bool fits = x.rank() <= shape.rank();
  for (std::size_t i = 0; fits && i < x.rank(); ++i) {
    const std::int64_t extent = x[x.rank() - 1 - i];
    fits = extent == 1 || extent == shape[shape.rank() - 1 - i];
  }
  if (!fits) shape_error(op, "x is {}, which does not broadcast to {}", x, shape);
  return {{shape, op.in[0]->dtype}};
}

std::vector<CopyAxis> axes_of(const Shape& x, const Shape& y) {
  const std::vector<std::int64_t> from = strides_of(x);
  const std::vector<std::int64_t> to = strides_of(y);
  std::vector<CopyAxis> axes;
  for (std::size_t i = 0; i < y.rank(); ++i) {
    const std::size_t missing = y.rank() - x.rank();
    const bool repeats = i < missing || x[i - missing] == 1;
    axes.push_back({.extent = y[i], .from = repeats ? 0 : from[i - missing], .to = to[i]});
  }
  return collapse(axes);
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  Array y(wanted_shape(op));
  strided_copy(axes_of(in[0].shape, y.shape), in[0].data.data(), y.data.data());
  return {std::move(y)};
}

std::vector<ValueId> gradient(const GradientView& g) {
  return {sum_to(g.b, g.dy[0], g.b.shape(g.x[0]))};
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  Lowering lowering;
  if (op.shape(0).elements() == op.out_shape().elements()) {
    lowering.alias_of = 0;
    return lowering;
  }
  lowering.calls.emplace_back(strided_copy_call(axes_of(op.shape(0), op.out_shape()), in(0), 0,
                                                out(), 0, op.in[0]->dtype, family, target));
  return lowering;
}

// One number for each channel of all or of each image, or one for all, spread over pixels.
std::optional<BlockedForm> blocked(const OpView& op, std::int64_t block, const Target& target) {
  const Shape& x = op.shape(0);
  const Shape y = op.out_shape();
  if (y.rank() != 4 || x.elements() == y.elements()) return std::nullopt;
  const std::int64_t images = x.rank() == 4 ? x[0] : 1;
  const bool per_channel = x.rank() >= 3 && x.elements() == images * y[1];
  if (!per_channel && x.elements() != 1) return std::nullopt;
  const Shape result = blocked_shape(y, block);
  BlockedForm form{
      .inputs = {false},
      .outputs = {true},
      .build = [=](Builder& b, std::span<const ValueId> in, const std::string& name) {
        ValueId value = in[0];
        if (per_channel) {
          const std::int64_t missing = result[1] * block - y[1];
          value = b.apply("reshape", {value}, {{"shape", Attributes::Ints{images, y[1]}}});
          if (missing > 0) {
            value = b.apply("pad", {value}, {{"pads", Attributes::Ints{0, 0, 0, missing}}});
          }
          value = b.apply("reshape", {value},
                          {{"shape", Attributes::Ints{images, result[1], 1, 1, block}}});
        } else {
          value = b.apply("reshape", {value}, {{"shape", Attributes::Ints{1}}});
        }
        return std::vector<ValueId>{b.apply("expand", {value}, {{"shape", result.dims()}}, name)};
      }};
  const auto extra = static_cast<double>(result.elements() - y.elements());
  form.seconds_saved = -seconds_to_move(4 * extra, target);
  return form;
}

}  // namespace

std::vector<OpDef> expand_ops() {
  return {{.name = "expand",
           .infer = infer,
           .reference = reference,
           .gradient = gradient,
           .cost = [](const OpView& op) { return Cost{.flop = 0, .bytes = op.operand_bytes()}; },
           .variants = both_families(lower),
           .blocked = blocked}};
}

}  // namespace pinnacle
