// Cases of conv2d and its two backward ops.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {
namespace {

using Ints = Attributes::Ints;

struct Layer {
  const char* name;
  Shape x, w;
  Attributes options = {};
  bool perf = false;
};

std::int64_t output(std::int64_t in, std::int64_t pads, std::int64_t kernel, std::int64_t stride,
                    std::int64_t dilation) {
  return (in + pads - dilation * (kernel - 1) - 1) / stride + 1;
}

Shape output(const Layer& layer) {
  const Ints strides = layer.options.ints("strides", {1, 1});
  const Ints dilations = layer.options.ints("dilations", {1, 1});
  const Ints pads = layer.options.ints("pads", {0, 0, 0, 0});
  const Shape& x = layer.x;
  const Shape& w = layer.w;
  return {x[0], w[0], output(x[2], pads[0] + pads[2], w[2], strides[0], dilations[0]),
          output(x[3], pads[1] + pads[3], w[3], strides[1], dilations[1])};
}

// A layer as four cases: forward without and with bias and epilogue, and the two backward passes.
void append(std::vector<OpCase>& cases, const Layer& layer) {
  const Shape& x = layer.x;
  const Shape& w = layer.w;
  const Shape y = output(layer);
  // Sums of up to some thousand products of numbers below 1.
  const double tolerance = 3e-5;
  Attributes fused = layer.options;
  fused.set("epilogue", "relu(x0)");
  Attributes data = layer.options;
  data.set("input_shape", x.dims());
  Attributes filter = layer.options;
  filter.set("weight_shape", w.dims());
  OpCase c;
  c.name = layer.name;
  c.tolerance = tolerance;
  c.perf = layer.perf;
  c.gradient = !layer.perf;

  c.op = "conv2d", c.in = {f32(x), f32(w)}, c.attributes = layer.options;
  cases.push_back(c);
  c.op = "conv2d_backward_data", c.in = {f32(y), f32(w)}, c.attributes = data;
  cases.push_back(c);
  c.op = "conv2d_backward_filter", c.in = {f32(x), f32(y)}, c.attributes = filter;
  cases.push_back(c);
  c.op = "conv2d", c.in = {f32(x), f32(w), f32({w[0]})}, c.attributes = layer.options;
  c.name = std::string(layer.name) + ", bias";
  cases.push_back(c);
  c.name += " and relu", c.attributes = fused, c.gradient = false;
  cases.push_back(c);
}

// Forward with a residual, without a bias and with one.
void append_residual(std::vector<OpCase>& cases, const Layer& layer) {
  OpCase c{.op = "conv2d",
           .name = std::string("residual ") + layer.name,
           .in = {f32(layer.x), f32(layer.w)},
           .attributes = layer.options,
           .tolerance = 3e-5,
           .gradient = false};
  c.attributes.set("epilogue", "mul(relu(x0), x1)");
  const Shape y = output(layer);
  OpCase with_bias = c;
  c.absent = {2};
  c.in.push_back(f32(y));
  cases.push_back(c);
  with_bias.name += ", bias";
  with_bias.in.push_back(f32({y[1]}));
  with_bias.in.push_back(f32(y));
  cases.push_back(with_bias);
}

}  // namespace

std::vector<OpCase> conv2d_cases() {
  const auto padded = [](std::int64_t p) {
    return std::pair<const std::string, Attributes::Attribute>("pads", Ints{p, p, p, p});
  };
  const auto strided = [](std::int64_t s) {
    return std::pair<const std::string, Attributes::Attribute>("strides", Ints{s, s});
  };
  const auto dilated = [](std::int64_t d) {
    return std::pair<const std::string, Attributes::Attribute>("dilations", Ints{d, d});
  };
  const auto grouped = [](std::int64_t g) {
    return std::pair<const std::string, Attributes::Attribute>("group", g);
  };
  const std::vector<Layer> layers = {
      {"one pixel", {1, 1, 1, 1}, {1, 1, 1, 1}},
      {"1x1", {2, 5, 7, 6}, {7, 5, 1, 1}},
      {"1x1, long rows", {1, 3, 4, 90}, {4, 3, 1, 1}},
      {"1x1 stride 2", {1, 4, 7, 7}, {6, 4, 1, 1}, {strided(2)}},
      {"3x3 same", {1, 2, 8, 17}, {5, 2, 3, 3}, {padded(1)}},
      {"3x3 valid, 16 wide", {2, 3, 5, 18}, {4, 3, 3, 3}},
      {"3x3 stride 2", {1, 3, 9, 15}, {4, 3, 3, 3}, {strided(2), padded(1)}},
      {"3x3 stride 3, even", {1, 2, 8, 8}, {3, 2, 3, 3}, {strided(3)}},
      {"3x3 dilation 2", {1, 2, 9, 11}, {3, 2, 3, 3}, {dilated(2), padded(2)}},
      {"2x3 stride 2x1, dilation 1x2",
       {1, 2, 7, 9},
       {3, 2, 2, 3},
       {{"strides", Ints{2, 1}}, {"dilations", Ints{1, 2}}, {"pads", Ints{1, 0, 0, 2}}}},
      {"stride 2, dilation 3", {1, 1, 11, 13}, {2, 1, 3, 2}, {strided(2), dilated(3), padded(1)}},
      {"stride beyond the kernel", {1, 2, 7, 8}, {2, 2, 2, 2}, {strided(3)}},
      {"padding beyond the kernel", {1, 1, 3, 4}, {2, 1, 2, 2}, {padded(3)}},
      {"padding beyond the kernel, stride 2", {1, 1, 4, 3}, {1, 1, 2, 2}, {padded(2), strided(2)}},
      {"asymmetric padding", {1, 2, 6, 5}, {3, 2, 3, 3}, {{"pads", Ints{0, 2, 1, 0}}}},
      {"5x5, 17 filters", {1, 3, 9, 9}, {17, 3, 5, 5}, {padded(2)}},
      {"7x7 stride 2", {1, 3, 13, 13}, {4, 3, 7, 7}, {strided(2), padded(3)}},
      {"kernel = input", {3, 2, 4, 5}, {5, 2, 4, 5}},
      {"2 groups", {2, 6, 6, 6}, {8, 3, 3, 3}, {grouped(2), padded(1)}},
      {"3 groups, stride 2", {1, 3, 7, 7}, {6, 1, 3, 3}, {grouped(3), strided(2), padded(1)}},
      {"depthwise", {2, 5, 7, 9}, {5, 1, 3, 3}, {grouped(5), padded(1)}},
      {"depthwise 5x5 stride 2", {1, 3, 11, 11}, {3, 1, 5, 5}, {grouped(3), strided(2), padded(2)}},
      {"33 channels", {1, 33, 4, 4}, {2, 33, 3, 3}, {padded(1)}},
      {"3x3, whole blocks of channels", {2, 16, 9, 6}, {32, 16, 3, 3}, {padded(1)}},
      {"1x1, whole blocks", {3, 32, 5, 7}, {20, 32, 1, 1}},
      {"1x1 stride 2, whole blocks", {2, 32, 7, 6}, {17, 32, 1, 1}, {strided(2)}},
      {"2x2 stride 2, whole blocks", {1, 16, 7, 8}, {16, 16, 2, 2}, {strided(2), padded(1)}},
      {"3x3 stride 2, whole blocks", {2, 16, 9, 7}, {18, 16, 3, 3}, {strided(2), padded(1)}},
      {"5x5 stride 3, whole blocks", {1, 16, 11, 10}, {16, 16, 5, 5}, {strided(3), padded(2)}},
      {"3x3 dilation 2, whole blocks", {1, 32, 8, 9}, {16, 32, 3, 3}, {dilated(2), padded(2)}},
      {"7x7 stride 2, 3 channels", {2, 3, 17, 15}, {20, 3, 7, 7}, {strided(2), padded(3)}},
      {"3x3, 3 channels", {3, 3, 9, 8}, {16, 3, 3, 3}, {padded(1)}},
      {"31 images of 3x3", {31, 1, 3, 3}, {2, 1, 2, 2}},
      {"a row", {1, 2, 1, 65}, {3, 2, 1, 3}, {{"pads", Ints{0, 1, 0, 1}}}},
      {"a column", {1, 2, 37, 1}, {3, 2, 3, 1}, {{"pads", Ints{1, 0, 1, 0}}}},
      {"LeNet 1, batch 128", {128, 1, 28, 28}, {6, 1, 5, 5}, {padded(2)}, true},
      {"LeNet 2, batch 128", {128, 6, 14, 14}, {16, 6, 5, 5}, {}, true},
      {"ResNet 7x7 stride 2", {1, 3, 224, 224}, {64, 3, 7, 7}, {strided(2), padded(3)}, true},
      {"ResNet 64 at 56", {1, 64, 56, 56}, {64, 64, 3, 3}, {padded(1)}, true},
      {"ResNet 128 at 28", {1, 128, 28, 28}, {128, 128, 3, 3}, {padded(1)}, true},
      {"ResNet 256 at 14", {1, 256, 14, 14}, {256, 256, 3, 3}, {padded(1)}, true},
      {"ResNet 512 at 7", {1, 512, 7, 7}, {512, 512, 3, 3}, {padded(1)}, true},
      {"ResNet 1x1 256 to 64 at 56", {1, 256, 56, 56}, {64, 256, 1, 1}, {}, true},
      {"MobileNet depthwise at 56",
       {1, 144, 56, 56},
       {144, 1, 3, 3},
       {grouped(144), padded(1)},
       true},
  };
  std::vector<OpCase> cases;
  for (const Layer& layer : layers) append(cases, layer);
  const std::vector<Layer> residuals = {
      {"1x1, groups", {3, 8, 5, 7}, {12, 4, 1, 1}, {grouped(2)}},
      {"3x3, 23 wide", {1, 2, 3, 23}, {5, 2, 3, 3}, {padded(1)}},
      {"3x3 of 5x3 images", {2, 2, 5, 3}, {4, 2, 3, 3}, {padded(1)}},
  };
  for (const Layer& layer : residuals) append_residual(cases, layer);
  const auto shuffled = [](std::int64_t rows) {
    return std::pair<const std::string, Attributes::Attribute>("shuffle", rows);
  };
  append_residual(
      cases, {"shuffled 1x1, 2 groups", {3, 8, 5, 7}, {12, 4, 1, 1}, {grouped(2), shuffled(2)}});
  append_residual(
      cases,
      {"shuffled depthwise", {2, 6, 5, 18}, {6, 1, 3, 3}, {grouped(6), shuffled(3), padded(1)}});
  append_residual(
      cases,
      {"depthwise stride 2", {9, 4, 9, 35}, {4, 1, 3, 3}, {grouped(4), strided(2), padded(1)}});
  append_residual(cases, {"shuffled 3x3, other groups",
                          {1, 4, 5, 18},
                          {12, 2, 3, 3},
                          {grouped(2), shuffled(3), padded(1)}});
  return cases;
}

}  // namespace pinnacle::test
