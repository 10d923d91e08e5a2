// The set "rest": what nets do between matrix products and convolutions, at their sizes.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "bench/shape_set_parts.hpp"

namespace pinnacle::bench {
namespace {

using Ints = Attributes::Ints;

TensorType f32(Shape shape) { return {std::move(shape), DType::f32}; }

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
  add("softmax", {batch * 128, 1000}, {{"axis", std::int64_t{1}}});
  add("softmax", {batch * 12 * 128, 128}, {{"axis", std::int64_t{1}}});

  for (const auto& [channels, size] : {std::pair{64, 112}, {256, 56}, {512, 28}, {2048, 7}}) {
    for (const char* op : {"batch_norm", "batch_norm_training"}) {
      ShapeCase& c = add(op, images(channels, size), {{"epsilon", 1e-3}});
      const bool given = c.op == "batch_norm";  // the statistics, too
      for (int i = 0; i < (given ? 4 : 2); ++i) c.in.push_back(f32({channels}));
      if (given) c.constant = {1, 2, 3, 4};
      c.low = 0.5;
      c.high = 2;
      c.free_ports = true;
    }
  }
  ShapeCase& norm =
      add("layer_norm", {batch * 128, 768}, {{"axis", std::int64_t{1}}, {"epsilon", 1e-5}});
  norm.in.push_back(f32({768}));
  norm.in.push_back(f32({768}));

  add("softmax_cross_entropy", {batch * 128, 1000}, {}).in.push_back({{batch * 128}, DType::i32});

  for (const char* op : {"relu", "sigmoid", "tanh", "silu", "exp", "log"}) {
    ShapeCase& c = add(op, images(256, 56), {});
    if (c.op == "log") c.low = 0.01, c.high = 10;
  }
  add("gelu", {batch * 128, 3072}, {});
  add("add", images(256, 56), {}).in.push_back(f32(images(256, 56)));

  add("reduce_sum", images(256, 56), {{"axes", Ints{0, 2, 3}}}, " to channels");
  add("reduce_sum", {batch * 128, 4096}, {{"axes", Ints{0}}}, " to columns");
  add("reduce_mean", {batch * 128, 768}, {{"axes", Ints{1}}}, " to rows");
  add("reduce_max", {batch * 128, 768}, {{"axes", Ints{1}}}, " to rows");

  add("transpose", {batch, 128, 12, 64}, {{"perm", Ints{0, 2, 1, 3}}}, " heads");
  add("transpose", {batch * 1024, 1024}, {{"perm", Ints{1, 0}}}, " matrix");
  add("transpose", images(256, 56), {{"perm", Ints{0, 2, 3, 1}}}, " channels last");
  return cases;
}

std::vector<ShapeCase> rest_backward_cases(const std::string& set, std::int64_t batch) {
  std::vector<ShapeCase> cases;
  const auto add = [&](const char* op, const Shape& named, const std::vector<Shape>& in,
                       Attributes attributes, const std::string& note = "") -> ShapeCase& {
    ShapeCase c{.set = set,
                .shape = fmt::format("{} {}{}", op, text(named), note),
                .op = op,
                .pass = Pass::backward_data,
                .batch = batch,
                .in = {},
                .attributes = std::move(attributes)};
    for (const Shape& shape : in) c.in.push_back(f32(shape));
    cases.push_back(std::move(c));
    return cases.back();
  };
  const auto images = [batch](std::int64_t channels, std::int64_t size) {
    return Shape{batch, channels, size, size};
  };
  // In blocks of channels, as beside convolutions, and on rows.
  for (const bool rows : {false, true}) {
    const char* where = rows ? " on rows" : "";
    const auto max_pool = [&](std::int64_t channels, std::int64_t size, std::int64_t kernel,
                              std::int64_t pad, const char* note) {
      const Shape x = images(channels, size);
      const Shape y = images(channels, size / 2);
      add("max_pool2d_backward", x, {x, y, y}, window(kernel, 2, pad), std::string(note) + where)
          .free_ports = !rows;
    };
    max_pool(64, 112, 3, 1, " 3x3 s2");
    max_pool(64, 224, 2, 0, " 2x2 s2");
    Attributes average = window(2, 2, 0);
    average.set("input_shape", images(128, 56).dims());
    add("average_pool2d_backward", images(128, 56), {images(128, 28)}, average,
        std::string(" 2x2 s2") + where)
        .free_ports = !rows;
    for (const auto& [channels, size] : {std::pair{64, 112}, {256, 56}, {512, 28}, {2048, 7}}) {
      const Shape x = images(channels, size);
      ShapeCase& c = add("batch_norm_backward", x, {x, x, {channels}, {channels}, {channels}},
                         {{"epsilon", 1e-3}}, where);
      c.low = 0.5;
      c.high = 2;
      c.free_ports = !rows;
    }
  }
  for (const Shape& x : {Shape{batch * 128, 1000}, Shape{batch * 12 * 128, 128}}) {
    add("softmax_backward", x, {x, x}, {{"axis", std::int64_t{1}}});
  }
  ShapeCase& loss = add("softmax_cross_entropy_backward", {batch * 128, 1000},
                        {{batch * 128, 1000}, {batch * 128}, Shape{}}, {});
  loss.in[1].dtype = DType::i32;
  const Shape rows{batch * 128, 768};
  add("layer_norm_backward", rows, {rows, rows, {768}},
      {{"axis", std::int64_t{1}}, {"epsilon", 1e-5}});
  // Updates do not depend on the batch.
  for (const Shape& p : {Shape{1000, 2048}, Shape{64, 64, 3, 3}}) {
    const Attributes sgd = {{"learning_rate", 0.01}, {"momentum", 0.9}};
    add("sgd_update", p, {p, p, p, Shape{}}, sgd);
    ShapeCase& adam = add("adam_update", p, {p, p, p, p, Shape{}}, {{"learning_rate", 0.001}});
    adam.low = 0.1;
  }
  return cases;
}

}  // namespace pinnacle::bench
