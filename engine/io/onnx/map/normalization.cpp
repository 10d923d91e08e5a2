// Normalizations. Where a device kernel normalizes rows or channels it is used, with axes joined as it
// wants them; the rest is made of reductions and pointwise operations, which fuse.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "io/onnx/map/products.hpp"
#include "io/onnx/map/windows.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = Windows::Ints;

double epsilon_of(const NodeImport& node, double absent = 1e-5) {
  const double epsilon = node.number("epsilon", absent);
  if (!(epsilon >= 0)) node.invalid(fmt::format("epsilon is {}; expected 0 or more", epsilon));
  return epsilon;
}

void check_channels(NodeImport& node, std::size_t i, std::int64_t channels) {
  if (node.shape(i) != Shape{channels}) {
    node.invalid(fmt::format("input {} is {}; expected [{}]", i, node.shape(i), channels));
  }
}

ValueId mean_over(NodeImport& node, ValueId x, const Ints& axes) {
  return node.apply("reduce_mean", {x}, {{"axes", axes}, {"keepdims", std::int64_t{1}}});
}

// The axes from `first` on.
Ints axes_from(std::size_t first, std::size_t rank) {
  Ints axes(rank - first);
  std::iota(axes.begin(), axes.end(), static_cast<std::int64_t>(first));
  return axes;
}

// sqrt(x + epsilon)
ValueId deviation(NodeImport& node, ValueId variance, double epsilon) {
  return node.apply("sqrt", {node.apply("add", {variance, scalar(node, epsilon)})});
}

ValueId filled(NodeImport& node, const Shape& shape, float value) {
  Tensor tensor(shape);
  std::fill(tensor.f32().begin(), tensor.f32().end(), value);
  return node.b().constant(std::move(tensor));
}

// ---- BatchNormalization -------------------------------------------------------------------------

// What x was before a reshape, if it had this shape: so that a convolution and the normalization after
// it meet.
ValueId reshaped_back(NodeImport& node, ValueId x, const Shape& shape) {
  const std::vector<Node>& nodes = node.b().graph().nodes;
  const std::size_t last = nodes.size() > 64 ? nodes.size() - 64 : 0;
  for (std::size_t i = nodes.size(); i-- > last;) {
    if (nodes[i].outputs.front() != x) continue;
    if (nodes[i].op == "reshape" && node.b().shape(nodes[i].inputs[0]) == shape) {
      return nodes[i].inputs[0];
    }
    break;
  }
  return node.reshape(x, shape);
}

// Statistics for each element of an image, as in operator sets below 9 with spatial = 0.
ValueId normalized_elements(NodeImport& node) {
  const auto image = [&](std::size_t i) {
    const Shape& x = node.shape(0);
    const Shape expected({x.begin() + 1, x.end()});
    if (node.shape(i).elements() != expected.elements()) {
      node.invalid(fmt::format("input {} is {}; expected {}", i, node.shape(i), expected));
    }
    return node.reshape(node.in(i), expected);
  };
  const ValueId centred = node.apply("sub", {node.in(0), image(3)});
  const ValueId unit = node.apply("div", {centred, deviation(node, image(4), epsilon_of(node))});
  return node.apply("add", {node.apply("mul", {unit, image(1)}), image(2)});
}

std::vector<ValueId> batch_normalization(NodeImport& node) {
  const Shape x = node.shape(0);
  if (x.rank() < 1 || x.elements() == 0) {
    node.unsupported(fmt::format("x is {}", x));
  }
  const bool training = node.opset() >= 14 ? node.integer("training_mode", 0) != 0
                                           : node.opset() < 7 && node.integer("is_test", 0) == 0;
  if (node.opset() < 14 && (training || node.wants(1))) {
    node.unsupported("training in operator sets below 14");
  }
  if (node.opset() < 9 && node.integer("spatial", 1) == 0) return {normalized_elements(node)};
  // [N, C] and [N, C, H, W] are what kernels take; a list has one channel.
  Shape planes = x;
  if (x.rank() == 1) planes = {x[0], 1};
  if (x.rank() == 3) planes = {x[0], x[1], 1, x[2]};
  if (x.rank() > 4) planes = {x[0], x[1], x[2], x.elements(3, x.rank())};
  for (std::size_t i = 1; i < 5; ++i) check_channels(node, i, planes[1]);
  const ValueId image = reshaped_back(node, node.in(0), planes);
  if (!training) {
    const ValueId y =
        node.apply("batch_norm", {image, node.in(1), node.in(2), node.in(3), node.in(4)},
                   {{"epsilon", epsilon_of(node)}});
    return {node.reshape(y, x)};
  }
  const std::vector<ValueId> results = node.apply_all(
      "batch_norm_training", {image, node.in(1), node.in(2)}, {{"epsilon", epsilon_of(node)}});
  const double momentum = node.number("momentum", 0.9);
  const auto running = [&](std::size_t old, ValueId batch) {
    return node.apply("add", {node.apply("mul", {node.in(old), scalar(node, momentum)}),
                              node.apply("mul", {batch, scalar(node, 1 - momentum)})});
  };
  return {node.reshape(results[0], x), running(3, results[1]), running(4, results[2])};
}

// ---- InstanceNormalization, GroupNormalization --------------------------------------------------

// Each of `groups` groups of channels of an image is normalized; [N, C, ...] with a scale and a bias
// for each channel.
ValueId grouped(NodeImport& node, ValueId x, ValueId scale, ValueId bias, std::int64_t groups,
                double epsilon) {
  return node.apply("group_norm", {x, scale, bias}, {{"groups", groups}, {"epsilon", epsilon}});
}

void check_image(NodeImport& node) {
  const Shape& x = node.shape(0);
  if (x.rank() < 2) node.invalid(fmt::format("x is {}; expected [N, C, ...]", x));
  if (x.elements() == 0) node.unsupported(fmt::format("x is {}", x));
}

std::vector<ValueId> instance_normalization(NodeImport& node) {
  check_image(node);
  const std::int64_t channels = node.shape(0)[1];
  check_channels(node, 1, channels);
  check_channels(node, 2, channels);
  return {grouped(node, node.in(0), node.in(1), node.in(2), channels, epsilon_of(node))};
}

std::vector<ValueId> group_normalization(NodeImport& node) {
  check_image(node);
  const std::int64_t channels = node.shape(0)[1];
  const std::int64_t groups = node.integer("num_groups", 0);
  if (groups < 1 || channels % groups != 0) {
    node.invalid(
        fmt::format("num_groups is {}; expected a divisor of {} channels", groups, channels));
  }
  // Below 21 there is one scale for each group.
  const auto per_channel = [&](std::size_t i) {
    if (node.opset() >= 21) {
      check_channels(node, i, channels);
      return node.in(i);
    }
    check_channels(node, i, groups);
    const ValueId column = node.reshape(node.in(i), {groups, 1});
    return node.reshape(broadcast_to(node, column, {groups, channels / groups}), {channels});
  };
  const ValueId scale = per_channel(1);
  return {grouped(node, node.in(0), scale, per_channel(2), groups, epsilon_of(node))};
}

// ---- LayerNormalization, RMSNormalization -------------------------------------------------------

// A scale or bias of the normalized axes' shape. kNoValue: it differs along the others, too.
ValueId of_normal_shape(NodeImport& node, ValueId id, const Shape& x, std::size_t axis) {
  const Shape normal({x.begin() + static_cast<std::ptrdiff_t>(axis), x.end()});
  Shape given = node.b().shape(id);
  if (broadcast(node, given, x) != x) {
    node.invalid(fmt::format("{} does not broadcast to x, which is {}", given, x));
  }
  while (given.rank() > normal.rank()) {
    if (given[0] != 1) return kNoValue;
    given = Shape({given.begin() + 1, given.end()});
  }
  return broadcast_to(node, node.reshape(id, given), normal);
}

std::vector<ValueId> layer_normalization(NodeImport& node) {
  const Shape x = node.shape(0);
  const std::size_t axis = node.axis(node.integer("axis", -1), x.rank());
  if (x.elements() == 0) node.unsupported(fmt::format("x is {}", x));
  const double epsilon = epsilon_of(node);
  const Attributes options{{"axis", static_cast<std::int64_t>(axis)}, {"epsilon", epsilon}};
  const Shape normal({x.begin() + static_cast<std::ptrdiff_t>(axis), x.end()});
  const ValueId scale = of_normal_shape(node, node.in(1), x, axis);
  const ValueId bias = node.has(2) ? of_normal_shape(node, node.in(2), x, axis) : kNoValue;
  ValueId y = kNoValue;
  if (scale != kNoValue && (bias != kNoValue || !node.has(2))) {
    std::vector<ValueId> inputs = {node.in(0), scale};
    if (bias != kNoValue) inputs.push_back(bias);
    y = node.apply("layer_norm", std::move(inputs), options);
  } else {
    y = node.apply("layer_norm", {node.in(0), filled(node, normal, 1)}, options);
    y = node.apply("mul", {y, node.in(1)});
    if (node.has(2)) y = node.apply("add", {y, node.in(2)});
  }
  std::vector<ValueId> results = {y};
  if (node.wants(1) || node.wants(2)) {
    const Ints axes = axes_from(axis, x.rank());
    const ValueId mean = mean_over(node, node.in(0), axes);
    const ValueId centred = node.apply("sub", {node.in(0), mean});
    const ValueId variance = mean_over(node, node.apply("square", {centred}), axes);
    results.push_back(mean);
    results.push_back(node.apply("reciprocal", {deviation(node, variance, epsilon)}));
  }
  return results;
}

std::vector<ValueId> rms_normalization(NodeImport& node) {
  const Shape x = node.shape(0);
  const std::size_t axis = node.axis(node.integer("axis", -1), x.rank());
  if (x.elements() == 0) node.unsupported(fmt::format("x is {}", x));
  const ValueId squares =
      mean_over(node, node.apply("square", {node.in(0)}), axes_from(axis, x.rank()));
  const ValueId unit = node.apply("div", {node.in(0), deviation(node, squares, epsilon_of(node))});
  if (broadcast(node, node.shape(1), x) != x) {
    node.invalid(
        fmt::format("scale is {} and does not broadcast to x, which is {}", node.shape(1), x));
  }
  return {node.apply("mul", {unit, node.in(1)})};
}

// ---- The others ---------------------------------------------------------------------------------

std::vector<ValueId> lrn(NodeImport& node) {
  if (!node.has_attribute("size")) node.invalid("size is missing");
  return {node.apply("lrn", {node.in(0)},
                     {{"size", node.integer("size", 0)},
                      {"alpha", node.number("alpha", 1e-4)},
                      {"beta", node.number("beta", 0.75)},
                      {"bias", node.number("bias", 1)}})};
}

// Where all are 0, the norm is, and the result stays 0.
std::vector<ValueId> lp_normalization(NodeImport& node) {
  const Shape x = node.shape(0);
  const auto axis = static_cast<std::int64_t>(node.axis(node.integer("axis", -1), x.rank()));
  if (x.elements() == 0) node.unsupported(fmt::format("x is {}", x));
  const std::int64_t p = node.integer("p", 2);
  if (p != 1 && p != 2) node.invalid(fmt::format("p is {}; expected 1 or 2", p));
  ValueId norm = node.apply(p == 1 ? "abs" : "square", {node.in(0)});
  norm = node.apply("reduce_sum", {norm}, {{"axes", Ints{axis}}, {"keepdims", std::int64_t{1}}});
  if (p == 2) norm = node.apply("sqrt", {norm});
  constexpr double kLeast = 1.1754943508222875e-38;
  return {node.apply("div", {node.in(0), node.apply("max", {norm, scalar(node, kLeast)})})};
}

std::vector<ValueId> mean_variance_normalization(NodeImport& node) {
  const Shape x = node.shape(0);
  if (x.elements() == 0) node.unsupported(fmt::format("x is {}", x));
  Ints axes;
  for (const std::int64_t axis : node.ints("axes", {0, 2, 3})) {
    axes.push_back(static_cast<std::int64_t>(node.axis(axis, x.rank())));
  }
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  const ValueId centred = node.apply("sub", {node.in(0), mean_over(node, node.in(0), axes)});
  const ValueId variance = mean_over(node, node.apply("square", {centred}), axes);
  // As the operator's definition has it: behind the root.
  const ValueId spread = node.apply("add", {node.apply("sqrt", {variance}), scalar(node, 1e-9)});
  return {node.apply("div", {centred, spread})};
}

}  // namespace

std::vector<ImportRow> normalization_imports() {
  return {
      {.op = "BatchNormalization", .import = batch_normalization, .first_opset = 6},
      {.op = "GroupNormalization", .import = group_normalization},
      {.op = "InstanceNormalization", .import = instance_normalization, .first_opset = 6},
      {.op = "LRN", .import = lrn, .first_opset = 1},
      {.op = "LayerNormalization", .import = layer_normalization},
      {.op = "LpNormalization", .import = lp_normalization, .first_opset = 1},
      {.op = "MeanVarianceNormalization", .import = mean_variance_normalization},
      {.op = "RMSNormalization", .import = rms_normalization},
  };
}

}  // namespace pinnacle::onnx
