// The set "rest": what nets do between matrix products and convolutions, at their sizes.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "bench/shape_set_parts.hpp"

namespace pinnacle::bench {
namespace {

using Ints = Attributes::Ints;

TensorType f32(Shape shape) { return {std::move(shape), DType::f32}; }

bool has_op(std::string_view name) {
  const auto ops = builtin_ops();
  return std::any_of(ops.begin(), ops.end(),
                     [name](const OpDef& op) { return std::string_view(op.name) == name; });
}

Attributes window(std::int64_t kernel, std::int64_t stride, std::int64_t pad) {
  return {{"kernel_shape", Ints{kernel, kernel}},
          {"strides", Ints{stride, stride}},
          {"pads", Ints{pad, pad, pad, pad}}};
}

std::string text(const Shape& shape) {
  std::string result;
  for (const std::int64_t extent : shape.dims()) {
    result += fmt::format("{}{}", result.empty() ? "" : "x", extent);
  }
  return result;
}

}  // namespace

std::vector<ShapeCase> rest_cases(const std::string& set, std::int64_t batch) {
  std::vector<ShapeCase> cases;
  const auto add = [&](const char* op, const Shape& x, Attributes attributes,
                       const std::string& note = "") -> ShapeCase& {
    cases.push_back({.set = set,
                     .shape = fmt::format("{} {}{}", op, text(x), note),
                     .op = op,
                     .batch = batch,
                     .in = {f32(x)},
                     .attributes = std::move(attributes)});
    return cases.back();
  };
  const auto images = [batch](std::int64_t channels, std::int64_t size) {
    return Shape{batch, channels, size, size};
  };

  add("max_pool2d", images(64, 112), window(3, 2, 1), " 3x3 s2").free_ports = true;
  add("max_pool2d", images(64, 224), window(2, 2, 0), " 2x2 s2").free_ports = true;
  add("average_pool2d", images(128, 56), window(2, 2, 0), " 2x2 s2").free_ports = true;
  add("average_pool2d", images(2048, 7), window(7, 7, 0), " global").free_ports = true;
  add("average_pool2d", images(1280, 7), window(7, 7, 0), " global").free_ports = true;

  add("softmax", {batch, 1000}, {{"axis", std::int64_t{1}}});
  add("softmax", {batch * 12 * 128, 128}, {{"axis", std::int64_t{1}}});

  for (const auto& [channels, size] : {std::pair{64, 112}, {256, 56}, {512, 28}, {2048, 7}}) {
    for (const char* op : {"batch_norm", "batch_norm_training"}) {
      ShapeCase& c = add(op, images(channels, size), {{"epsilon", 1e-3}});
      const bool given = c.op == "batch_norm";  // the statistics, too
      for (int i = 0; i < (given ? 4 : 2); ++i) c.in.push_back(f32({channels}));
      c.low = 0.5;
      c.high = 2;
      c.free_ports = true;
    }
  }
  if (has_op("layer_norm")) {
    ShapeCase& c =
        add("layer_norm", {batch * 128, 768}, {{"axis", std::int64_t{1}}, {"epsilon", 1e-5}});
    c.in.push_back(f32({768}));
    c.in.push_back(f32({768}));
  }

  for (const char* op : {"relu", "sigmoid", "tanh"}) add(op, images(256, 56), {});
  add("gelu", {batch * 128, 3072}, {});
  add("add", images(256, 56), {}).in.push_back(f32(images(256, 56)));

  add("reduce_sum", images(256, 56), {{"axes", Ints{0, 2, 3}}}, " to channels");
  add("reduce_sum", {batch * 128, 4096}, {{"axes", Ints{0}}}, " to columns");
  add("reduce_mean", {batch * 128, 768}, {{"axes", Ints{1}}}, " to rows");
  add("reduce_max", {batch * 128, 768}, {{"axes", Ints{1}}}, " to rows");
  return cases;
}

}  // namespace pinnacle::bench
