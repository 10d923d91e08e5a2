// reduce_sum, reduce_mean, reduce_max, reduce_min, reduce_prod over any set of axes. Kernels are for
// f32; other types, and reductions of nothing, run on the host.
// SPDX-License-Identifier: Apache-2.0
#include "ops/reduce/reduce.hpp"

#include <algorithm>

#include "ops/blocked.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

std::vector<bool> reduced_axes(const OpView& op) {
  const std::size_t rank = op.shape(0).rank();
  const Attributes::Ints axes = op.attributes().ints("axes", {});
  std::vector<bool> reduced(rank, axes.empty());
  for (const std::int64_t axis : axes) {
    if (axis < 0 || axis >= static_cast<std::int64_t>(rank)) {
      shape_error(op, "axis {} does not exist in {}", axis, op.shape(0));
    }
    if (reduced[static_cast<std::size_t>(axis)]) shape_error(op, "axis {} is named twice", axis);
    reduced[static_cast<std::size_t>(axis)] = true;
  }
  return reduced;
}

Shape result_shape(const OpView& op, bool keep) {
  const std::vector<bool> reduced = reduced_axes(op);
  std::vector<std::int64_t> dims;
  for (std::size_t i = 0; i < reduced.size(); ++i) {
    if (!reduced[i]) dims.push_back(op.shape(0)[i]);
    if (reduced[i] && keep) dims.push_back(1);
  }
  return Shape(std::move(dims));
}

bool keeps(const OpView& op) { return op.attributes().integer("keepdims", 0) != 0; }

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  return {{result_shape(op, keeps(op)), op.in[0]->dtype}};
}

double reduced_count(const OpView& op) {
  const std::vector<bool> reduced = reduced_axes(op);
  double count = 1;
  for (std::size_t i = 0; i < reduced.size(); ++i) {
    if (reduced[i]) count *= static_cast<double>(op.shape(0)[i]);
  }
  return count;
}

bool is_real(DType dtype) { return dtype == DType::f32 || dtype == DType::f16; }

// The smallest value of a type, which the maximum of nothing is, and the largest.
std::pair<double, double> limits(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::f16:
      return {-INFINITY, INFINITY};
    case DType::i64:
      return {-0x1p63, 0x1p63};
    case DType::i32:
      return {-0x1p31, 0x1p31 - 1};
    case DType::i8:
      return {-128, 127};
    case DType::u8:
      return {0, 255};
    case DType::boolean:
      return {0, 1};
  }
  return {0, 0};
}

// Each element of x meets the element of y with the same position on the axes that are kept.
std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const std::vector<bool> reduced = reduced_axes(op);
  const Shape& x = in[0].shape;
  const bool is_max = op.node->op == "reduce_max";
  const bool is_min = op.node->op == "reduce_min";
  const bool is_prod = op.node->op == "reduce_prod";
  const auto [least, most] = limits(op.in[0]->dtype);
  Array y(result_shape(op, keeps(op)), is_max ? least : is_min ? most : is_prod ? 1.0 : 0.0);
  for (std::size_t e = 0; e < in[0].data.size(); ++e) {
    auto rest = static_cast<std::int64_t>(e);
    std::int64_t to = 0;
    std::int64_t stride = 1;
    for (std::size_t i = x.rank(); i-- > 0;) {
      if (!reduced[i]) {
        to += rest % x[i] * stride;
        stride *= x[i];
      }
      rest /= x[i];
    }
    double& result = y.data[static_cast<std::size_t>(to)];
    const double v = in[0].data[e];
    result = is_max    ? std::max(result, v)
             : is_min  ? std::min(result, v)
             : is_prod ? result * v
                       : result + v;
  }
  if (op.node->op == "reduce_mean") {
    for (double& v : y.data) {
      v /= reduced_count(op);
      if (!is_real(op.in[0]->dtype)) v = std::trunc(v);
    }
  }
  return {std::move(y)};
}

// The gradient has x's rank and extent 1 on reduced axes, so that it broadcasts to x.
ValueId keep_axes(const GradientView& g, ValueId value, const OpView& op) {
  return g.b.apply("reshape", {value}, {{"shape", result_shape(op, true).dims()}});
}

std::vector<ValueId> sum_gradient(const GradientView& g) {
  const OpView op = view(g.b.graph(), g.node);
  ValueId dy = keep_axes(g, g.dy[0], op);
  if (g.node.op == "reduce_mean") {
    dy = g.b.apply("mul", {dy, g.b.constant(static_cast<float>(1.0 / reduced_count(op)))});
  }
  return {g.b.apply("expand", {dy}, {{"shape", op.shape(0).dims()}})};
}

// Elements that tie for the extreme share its gradient equally.
std::vector<ValueId> extreme_gradient(const GradientView& g) {
  const OpView op = view(g.b.graph(), g.node);
  const ValueId y = keep_axes(g, g.y[0], op);
  const ValueId dy = keep_axes(g, g.dy[0], op);
  const char* is_extreme = g.node.op == "reduce_max" ? "max.da(x0, x1)" : "min.da(x0, x1)";
  const ValueId mask = g.b.apply("pointwise", {g.x[0], y}, {{"expression", is_extreme}});
  Attributes::Ints axes;
  const std::vector<bool> reduced = reduced_axes(op);
  for (std::size_t i = 0; i < reduced.size(); ++i) {
    if (reduced[i]) axes.push_back(static_cast<std::int64_t>(i));
  }
  const ValueId ties = axes.empty() ? mask
                                    : g.b.apply("reduce_sum", {mask},
                                                {{"axes", axes}, {"keepdims", std::int64_t{1}}});
  return {g.b.apply("mul", {mask, g.b.apply("div", {dy, ties})})};
}

// dy y / x, which is right where no x is zero, as in nets that normalise by a product.
std::vector<ValueId> prod_gradient(const GradientView& g) {
  const OpView op = view(g.b.graph(), g.node);
  const ValueId product = g.b.apply("mul", {keep_axes(g, g.dy[0], op), keep_axes(g, g.y[0], op)});
  return {g.b.apply("div", {product, g.x[0]})};
}

Decline accepts(const OpView& op, const Target&, Family) {
  if (op.in[0]->dtype != DType::f32) return "made for f32";
  if (op.shape(0).elements() == 0) return "made for at least one element";
  return std::nullopt;
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  Lowering lowering;
  const Shape& x = op.shape(0);
  if (x.elements() == op.out_shape().elements()) {
    lowering.alias_of = 0;
    return lowering;
  }
  const std::vector<bool> reduced = reduced_axes(op);
  std::vector<ReduceAxis> axes;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    axes.push_back({.extent = x[i], .stride = x.elements(i + 1, x.rank()), .reduced = reduced[i]});
  }
  const Reduction reduction = op.node->op == "reduce_max"    ? Reduction::max
                              : op.node->op == "reduce_min"  ? Reduction::min
                              : op.node->op == "reduce_prod" ? Reduction::product
                                                             : Reduction::sum;
  const double scale = op.node->op == "reduce_mean" ? 1.0 / reduced_count(op) : 1.0;
  add_reduction(lowering, reduction, axes, in(0), out(), static_cast<float>(scale), family, target);
  return lowering;
}

// Over pixels, or over images and pixels: the axes have the same numbers in blocks. What is left are
// channels, the last ones in no use.
std::optional<BlockedForm> blocked(const OpView& op, std::int64_t block, const Target& target) {
  const Shape& x = op.shape(0);
  if (x.rank() != 4 || op.in[0]->dtype != DType::f32 || x.elements() == 0) return std::nullopt;
  const std::vector<bool> reduced = reduced_axes(op);
  if (reduced[1] || !reduced[2] || !reduced[3]) return std::nullopt;
  Attributes attributes = op.node->attributes;
  attributes.set("keepdims", std::int64_t{0});
  const Shape y = op.out_shape();
  const std::int64_t channels = x[1];
  BlockedForm form{
      .inputs = {true},
      .outputs = {false},
      .build = [=, def = op.node->def](Builder& b, std::span<const ValueId> in,
                                       const std::string& name) {
        ValueId value = b.apply(*def, {in[0]}, attributes, name);
        const std::int64_t padded = ceil_div(channels, block) * block;
        if (padded != channels) {
          const std::int64_t images = b.shape(value).elements() / padded;
          value = b.apply("reshape", {value}, {{"shape", Attributes::Ints{images, padded}}});
          value = b.apply("slice", {value},
                          {{"starts", Attributes::Ints{0}},
                           {"ends", Attributes::Ints{channels}},
                           {"axes", Attributes::Ints{1}}});
        }
        return std::vector<ValueId>{b.apply("reshape", {value}, {{"shape", y.dims()}})};
      }};
  const auto extra = static_cast<double>(blocked_shape(x, block).elements() - x.elements());
  form.seconds_saved = -seconds_to_move(4 * extra, target);
  return form;
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
          .variants = both_families(lower, accepts),
          .blocked = blocked};
}

}  // namespace

std::vector<OpDef> reduce_ops() {
  return {define("reduce_sum", sum_gradient), define("reduce_mean", sum_gradient),
          define("reduce_max", extreme_gradient), define("reduce_min", extreme_gradient),
          define("reduce_prod", prod_gradient)};
}

}  // namespace pinnacle
