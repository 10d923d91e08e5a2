// Cases of max_pool2d, average_pool2d and their backward ops.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/op_case.hpp"

namespace pinnacle::test {
namespace {

using Ints = Attributes::Ints;

// Numbers 0.01 apart in a scattered order, so that central differences do not change which is the
// largest; with `ties` just four different ones.
Tensor scattered(const Shape& shape, bool ties) {
  Tensor x(shape);
  const std::int64_t count = x.elements();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t position = i * 7919 % count;
    x.f32()[static_cast<std::size_t>(i)] =
        0.01F * static_cast<float>(ties ? position % 4 : position);
  }
  return x;
}

struct Pooling {
  const char* name;
  Shape x;
  Attributes options;
  bool perf = false;
  bool ties = false;
};

Shape output(const Pooling& pooling) {
  const Ints kernel = pooling.options.ints("kernel_shape");
  const Ints strides = pooling.options.ints("strides", {1, 1});
  const Ints dilations = pooling.options.ints("dilations", {1, 1});
  const Ints pads = pooling.options.ints("pads", {0, 0, 0, 0});
  const Shape& x = pooling.x;
  Shape y = x;
  for (std::size_t i = 0; i < 2; ++i) {
    y[i + 2] =
        (x[i + 2] + pads[i] + pads[i + 2] - dilations[i] * (kernel[i] - 1) - 1) / strides[i] + 1;
  }
  return y;
}

// The largest elements of x's windows: what max_pool2d_backward gets as y.
Tensor largest(const Pooling& pooling, const Tensor& x) {
  const Ints kernel = pooling.options.ints("kernel_shape");
  const Ints strides = pooling.options.ints("strides", {1, 1});
  const Ints dilations = pooling.options.ints("dilations", {1, 1});
  const Ints pads = pooling.options.ints("pads", {0, 0, 0, 0});
  const Shape shape = output(pooling);
  const std::int64_t hi = x.shape()[2], wi = x.shape()[3];
  const std::int64_t lanes = shape.elements(4, shape.rank());  // 1, or channels of a block
  Tensor y(shape);
  for (std::int64_t o = 0; o < y.elements(); ++o) {
    const std::int64_t pixel = o / lanes;
    const std::int64_t plane = pixel / (shape[2] * shape[3]);
    const std::int64_t top = pixel / shape[3] % shape[2] * strides[0] - pads[0];
    const std::int64_t left = pixel % shape[3] * strides[1] - pads[1];
    float best = -1e30F;
    for (std::int64_t t = 0; t < kernel[0] * kernel[1]; ++t) {
      const std::int64_t h = top + t / kernel[1] * dilations[0];
      const std::int64_t w = left + t % kernel[1] * dilations[1];
      if (h < 0 || h >= hi || w < 0 || w >= wi) continue;
      best = std::max(
          best, x.f32()[static_cast<std::size_t>(((plane * hi + h) * wi + w) * lanes + o % lanes)]);
    }
    y.f32()[static_cast<std::size_t>(o)] = best;
  }
  return y;
}

void append(std::vector<OpCase>& cases, const Pooling& pooling) {
  const Shape y = output(pooling);
  const Tensor x = scattered(pooling.x, pooling.ties);
  Attributes with_shape = pooling.options;
  with_shape.set("input_shape", pooling.x.dims());
  OpCase c;
  c.name = pooling.name;
  c.perf = pooling.perf;

  c.op = "max_pool2d", c.in = {f32(pooling.x)}, c.attributes = pooling.options;
  c.values = {x}, c.gradient = !pooling.perf && !pooling.ties;
  cases.push_back(c);
  c.op = "max_pool2d_backward", c.in = {f32(pooling.x), f32(y), f32(y)};
  c.values = {x, largest(pooling, x), scattered(y, false)}, c.gradient = false;
  cases.push_back(c);
  if (pooling.ties) return;
  c.op = "average_pool2d", c.in = {f32(pooling.x)}, c.values = {}, c.gradient = !pooling.perf;
  cases.push_back(c);
  c.op = "average_pool2d_backward", c.in = {f32(y)}, c.attributes = with_shape;
  cases.push_back(c);
}

}  // namespace

std::vector<OpCase> pool2d_cases() {
  const auto options = [](std::int64_t kernel, std::int64_t stride, std::int64_t pad = 0) {
    return Attributes{{"kernel_shape", Ints{kernel, kernel}},
                      {"strides", Ints{stride, stride}},
                      {"pads", Ints{pad, pad, pad, pad}}};
  };
  const std::vector<Pooling> poolings = {
      {"one pixel", {1, 1, 1, 1}, options(1, 1)},
      {"2x2", {2, 3, 8, 8}, options(2, 2)},
      {"2x2 with ties", {1, 2, 8, 34}, options(2, 2), false, true},
      {"2x2, odd extents", {1, 2, 7, 35}, options(2, 2)},
      {"2x2, 5 windows", {2, 3, 10, 10}, options(2, 2)},
      {"2x2, 19 windows, padding 1", {1, 2, 6, 37}, options(2, 2, 1), false, true},
      {"3x2, stride 3x2", {1, 2, 9, 70}, {{"kernel_shape", Ints{3, 2}}, {"strides", Ints{3, 2}}}},
      {"2x2 stride 1", {1, 2, 5, 6}, options(2, 1)},
      {"2x2 stride 3", {1, 2, 8, 10}, options(2, 3)},
      {"3x3 stride 2, padding 1", {1, 3, 9, 11}, options(3, 2, 1)},
      {"3x3 stride 2 with ties", {1, 3, 8, 8}, options(3, 2, 1), false, true},
      {"3x3 stride 3, padding 2", {1, 2, 10, 17}, options(3, 3, 2)},
      {"3x2, stride 2x1, asymmetric",
       {2, 1, 6, 7},
       {{"kernel_shape", Ints{3, 2}}, {"strides", Ints{2, 1}}, {"pads", Ints{0, 1, 2, 0}}}},
      {"strides absent", {1, 1, 4, 5}, {{"kernel_shape", Ints{2, 3}}}},
      {"kernel = input", {2, 5, 7, 7}, options(7, 7)},
      {"kernel = input, wide", {1, 2, 3, 31}, {{"kernel_shape", Ints{3, 31}}}},
      {"37 planes", {37, 1, 4, 4}, options(2, 2)},
      {"1x1 stride 2, the last window cut",
       {1, 2, 4, 6},
       {{"kernel_shape", Ints{1, 2}}, {"strides", Ints{2, 3}}, {"pads", Ints{0, 0, 0, 1}}}},
      {"3x2 with gaps",
       {2, 2, 7, 9},
       {{"kernel_shape", Ints{3, 2}},
        {"strides", Ints{1, 2}},
        {"pads", Ints{2, 1, 1, 0}},
        {"dilations", Ints{2, 3}}}},
      {"2x2 with gaps and ties",
       {1, 1, 5, 5},
       {{"kernel_shape", Ints{2, 2}}, {"dilations", Ints{2, 1}}},
       false,
       true},
      {"blocks, 2x2", {2, 1, 6, 4, 16}, options(2, 2)},
      {"blocks, 2x2, odd extents", {1, 2, 5, 7, 8}, options(2, 2)},
      {"blocks, 2x2 with ties", {1, 2, 8, 34, 4}, options(2, 2), false, true},
      {"blocks, 2x2 stride 1", {1, 2, 5, 6, 4}, options(2, 1)},
      {"blocks, 2x2 stride 3", {1, 1, 8, 10, 16}, options(2, 3)},
      {"blocks, 3x3 stride 1, padding 1", {1, 1, 5, 6, 16}, options(3, 1, 1)},
      {"blocks, 3x3 stride 2, padding 1", {1, 2, 9, 11, 4}, options(3, 2, 1)},
      {"blocks, 5x3, stride 2x1",
       {1, 1, 9, 8, 16},
       {{"kernel_shape", Ints{5, 3}}, {"strides", Ints{2, 1}}, {"pads", Ints{2, 1, 2, 1}}}},
      {"blocks, 3x3 stride 2 with ties", {2, 3, 40, 24, 16}, options(3, 2, 1), false, true},
      {"blocks, 3x2, stride 2x1, asymmetric",
       {2, 1, 6, 7, 8},
       {{"kernel_shape", Ints{3, 2}}, {"strides", Ints{2, 1}}, {"pads", Ints{0, 1, 2, 0}}}},
      {"blocks, kernel = input", {1, 2, 7, 7, 16}, options(7, 7)},
      {"LeNet 1, batch 128", {128, 6, 28, 28}, options(2, 2), true},
      {"LeNet 2, batch 128", {128, 16, 10, 10}, options(2, 2), true},
      {"ResNet 3x3 stride 2", {1, 64, 112, 112}, options(3, 2, 1), true},
      {"ResNet 3x3 stride 2, blocks", {1, 4, 112, 112, 16}, options(3, 2, 1), true},
      {"ResNet 7x7, blocks", {8, 32, 7, 7, 16}, options(7, 7), true},
  };
  std::vector<OpCase> cases;
  for (const Pooling& pooling : poolings) append(cases, pooling);
  // Means that count zeros around the input, though not all.
  for (const Shape& x : {Shape{1, 2, 7, 35}, Shape{1, 1, 6, 9, 16}}) {
    const Pooling pooling{x.rank() == 4 ? "padding counts" : "blocks, padding counts",
                          x,
                          {{"kernel_shape", Ints{3, 3}},
                           {"strides", Ints{2, 2}},
                           {"pads", Ints{1, 1, 1, 2}},
                           {"counted_pads", Ints{1, 1, 1, 0}}}};
    std::vector<OpCase> both;
    append(both, pooling);
    for (OpCase& c : both) {
      if (c.op.starts_with("average")) cases.push_back(std::move(c));
    }
  }
  return cases;
}

}  // namespace pinnacle::test
