// An own op with its own kernel, from outside the library. It gets what built-in ops have: shape
// checks, a double-precision reference, a gradient, a place in the plan, training.
// The op blurs each channel, which before a max_pool2d makes a network less sensitive to shifts:
// Zhang, "Making convolutional networks shift-invariant again", 2019, arXiv:1904.11486.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/op.hpp>
#include <pinnacle/pinnacle.hpp>

#include <algorithm>
#include <cmath>

#include "command_line.hpp"

namespace pn = pinnacle;

// OpenCL C 1.2. The kernel is called as its file would be, and gets the arguments in the order in
// which lower() below gives them.
constexpr const char* kBlurSource = R"(
__kernel void blur(__global const float *restrict x, __global float *restrict y, const int height,
                   const int width, const int count) {
  const int i = (int)get_global_id(0);
  if (i >= count) return;  // the last group may be longer than what is left
  const int column = i % width;
  const int row = i / width % height;
  float sum = 0.0f;
  for (int dr = -1; dr <= 1; ++dr) {
    for (int dc = -1; dc <= 1; ++dc) {
      const int inside = row + dr >= 0 && row + dr < height && column + dc >= 0 && column + dc < width;
      if (inside) sum += (float)((2 - abs(dr)) * (2 - abs(dc))) * x[i + dr * width + dc];
    }
  }
  y[i] = sum / 16.0f;
}
)";

/// The type of the result, from the operands; the place to refuse what does not fit.
std::vector<pn::TensorType> infer_blur(const pn::OpView& op) {
  pn::check_inputs(op, 1, 1);
  if (op.shape(0).rank() != 4 || op.in[0]->dtype != pn::DType::f32) {
    pn::shape_error(op, "x is {}; expected f32 [N, C, H, W]", *op.in[0]);
  }
  return {*op.in[0]};
}

/// The definition: y[r, c] = sum of x[r + i, c + j] (2 - |i|) (2 - |j|) / 16 for i, j in -1, 0, 1.
std::vector<pn::Array> blur_reference(const pn::OpView&, std::span<const pn::Array> in) {
  const pn::Array& x = in[0];
  const std::int64_t height = x.shape[2], width = x.shape[3];
  pn::Array y(x.shape);
  for (std::int64_t image = 0; image < x.shape[0] * x.shape[1]; ++image) {
    for (std::int64_t r = 0; r < height; ++r) {
      for (std::int64_t c = 0; c < width; ++c) {
        double sum = 0;
        for (std::int64_t i = std::max<std::int64_t>(r - 1, 0); i < std::min(r + 2, height); ++i) {
          for (std::int64_t j = std::max<std::int64_t>(c - 1, 0); j < std::min(c + 2, width); ++j) {
            const auto weight = static_cast<double>((2 - std::abs(i - r)) * (2 - std::abs(j - c)));
            sum += weight * x.data[static_cast<std::size_t>((image * height + i) * width + j)];
          }
        }
        y.data[static_cast<std::size_t>((image * height + r) * width + c)] = sum / 16;
      }
    }
  }
  return {std::move(y)};
}

/// One work-item per pixel.
pn::Lowering lower_blur(const pn::OpView& op, const pn::Target& target, const pn::Params&) {
  const pn::Shape& shape = op.shape(0);
  const auto count = static_cast<std::size_t>(shape.elements());
  const std::size_t group = std::min<std::size_t>(64, target.max_work_group);
  pn::Lowering lowering;
  pn::KernelCall& call = lowering.call("blur.cl");
  call.source = kBlurSource;
  call.arg(pn::in(0)).arg(pn::out());
  for (const std::int64_t number : {shape[2], shape[3], shape.elements()}) {
    call.arg(static_cast<std::int32_t>(number));
  }
  call.range({(count + group - 1) / group * group, 1, 1}, {group, 1, 1}).loops(9);
  return lowering;
}

/// A constant that outlives every graph in which it is used.
const pn::OpDef& blur_op() {
  static const pn::OpDef op{
      .name = "blur",
      .infer = infer_blur,
      .reference = blur_reference,
      // The weights are symmetric, so the gradient of a blur is the blur of the gradient.
      .gradient =
          [](const pn::GradientView& g) {
            return std::vector<pn::ValueId>{g.b.apply(blur_op(), {g.dy[0]})};
          },
      .cost =
          [](const pn::OpView& op) {
            return pn::Cost{.flop = 18.0 * static_cast<double>(op.shape(0).elements()),
                            .bytes = op.operand_bytes()};
          },
      // Accepts every device; a kernel that needs something would return the reason why not.
      .variants =
          std::vector<pn::Variant>{
              {.name = "pixels",
               .accepts = [](const pn::OpView&, const pn::Target&) -> pn::Decline { return {}; },
               .lower = lower_blur}}};
  return op;
}

/// The op as a layer.
pn::Value blur(pn::Value x) { return pn::apply(blur_op(), {x}); }

/// The largest difference between the device's result and the reference, on an odd shape.
float compare(const pn::Device& device) {
  const pn::Model model(blur, {{3, 17, 29}, pn::DType::f32});
  pn::Tensor x({5, 3, 17, 29});
  for (std::size_t i = 0; i < x.f32().size(); ++i) {
    x.f32()[i] = std::sin(static_cast<float>(i * i % 1000));
  }
  const pn::Tensor on_device = pn::compile(model, device, 5)(x);
  const pn::Tensor expected = pn::compile(model, pn::Device::host(), 5)(x);
  float largest = 0;
  for (std::size_t i = 0; i < expected.f32().size(); ++i) {
    largest = std::max(largest, std::fabs(on_device.f32()[i] - expected.f32()[i]));
  }
  return largest;
}

int run(const std::string& device_name) {
  const pn::Device device = pn::select_device(device_name);
  const float difference = compare(device);
  fmt::print("blur on {}: largest difference from the reference {:.1e}\n\n", device.name(),
             difference);

  const pn::Layer net = pn::conv2d({.filters = 8, .kernel = 5, .padding = 2}) | pn::relu | blur |
                        pn::max_pool2d({.kernel = 2}) | pn::flatten | pn::dense(10);
  const auto [train, test, source] = pn::data::drawn_digits(2000, 500, 1);
  pn::Trainer trainer(net, train, {.loss = pn::softmax_cross_entropy, .optimizer = pn::adam()},
                      device);
  fmt::print("{}\n", trainer.model().summary());
  std::fflush(stdout);
  trainer.fit({.epochs = 3, .batch = 50, .on_progress = pn::progress_bar()});
  fmt::print("test accuracy {:.2f} %\n", 100 * trainer.evaluate(test).accuracy);
  return difference < 1e-5f ? 0 : 1;
}

int main(int argc, char** argv) {
  std::string device;
  CLI::App app("Defines an op with its own kernel, checks it and trains a network with it.");
  app.add_option("--device", device, "index, part of a name, fastest, cpu, gpu, host");
  if (const std::optional<int> code = samples::parse(app, argc, argv)) return *code;
  try {
    return run(device);
  } catch (const pn::Error& error) {
    fmt::print(stderr, "05_own_op: {}\n", error.what());
    return 1;
  }
}
