// Own layers: any function from Value to Value is one. A block made of other layers needs nothing
// else; a layer with parameters of its own names itself and asks the network for them.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/pinnacle.hpp>

#include "command_line.hpp"

namespace pn = pinnacle;

/// relu(x + body(x)): He et al., "Deep residual learning for image recognition", arXiv:1512.03385.
pn::Layer residual(int channels) {
  auto body = pn::conv2d({.filters = channels, .kernel = 3, .padding = 1}) | pn::batch_norm() |
              pn::relu | pn::conv2d({.filters = channels, .kernel = 3, .padding = 1}) |
              pn::batch_norm();
  return [=](pn::Value x) { return pn::relu(x + body(x)); };
}

/// x where positive, slope * x elsewhere, with one trained slope per channel.
/// He et al., "Delving deep into rectifiers", arXiv:1502.01852.
pn::Layer prelu() {
  return [](pn::Value x) {
    pn::Network& network = x.network();
    const pn::Value slope =
        pn::parameter(network, network.layer_name("prelu"), "slope", {x.shape()[1], 1, 1},
                      {.kind = pn::Initializer::Kind::constant, .scale = 0.25});
    const pn::Value positive = pn::relu(x);
    return positive + slope * (x - positive);  // the gradient follows from these ops
  };
}

void train(const std::string& device_name) {
  constexpr int kChannels = 8;
  const pn::Layer net = pn::conv2d({.filters = kChannels, .kernel = 5, .stride = 2, .padding = 2}) |
                        prelu()                                                // 14x14
                        | residual(kChannels) | pn::max_pool2d({.kernel = 2})  // 7x7
                        | pn::flatten | pn::dense(10);

  const auto [train, test, source] = pn::data::drawn_digits(2000, 500, 1);
  fmt::print("{} training and {} test samples: {}\n\n", train.size(), test.size(), source);
  pn::Trainer trainer(net, train, {.loss = pn::softmax_cross_entropy, .optimizer = pn::adam()},
                      pn::select_device(device_name));
  fmt::print("{}\n", trainer.model().summary());
  std::fflush(stdout);
  trainer.fit({.epochs = 3, .batch = 50, .on_progress = pn::progress_bar()});
  const pn::Tensor& slopes = trainer.model().weights().at("prelu_1.slope");
  fmt::print("slopes learned, from 0.25 each: {:.3f}\n", fmt::join(slopes.f32(), " "));
  fmt::print("test accuracy {:.2f} %\n", 100 * trainer.evaluate(test).accuracy);
}

int main(int argc, char** argv) {
  std::string device;
  CLI::App app("Trains a network with a residual block and a layer with parameters of its own.");
  app.add_option("--device", device, "index, part of a name, fastest, cpu, gpu, host");
  if (const std::optional<int> code = samples::parse(app, argc, argv)) return *code;
  try {
    train(device);
    return 0;
  } catch (const pn::Error& error) {
    fmt::print(stderr, "04_own_layer: {}\n", error.what());
    return 1;
  }
}
