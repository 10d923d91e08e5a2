// Trains a small net on drawn digits, evaluates it and saves a checkpoint: what is to go well, or to be
// explained, whatever fails.  short_training CHECKPOINT [parts [STEP_LIMIT]]
// The last line reads: loss L, without N devices.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/pinnacle.hpp>

#include <string>

namespace pn = pinnacle;

int main(int argc, char** argv) {
  try {
    const bool parts = argc > 2 && std::string(argv[2]) == "parts";
    // The last batch of an epoch is smaller: its steps are compiled while others have run.
    const pn::Dataset data = pn::data::drawn_digits(100, 1, 7).train;
    const pn::Layer net = pn::conv2d({.filters = 4, .kernel = 3, .stride = 2, .bias = false}) |
                          pn::batch_norm() | pn::relu | pn::flatten | pn::dense(10);
    pn::TrainerOptions options{.loss = pn::softmax_cross_entropy, .optimizer = pn::adam()};
    options.strategy = pn::Strategy::data;
    if (argc > 3) options.step_limit = std::stod(argv[3]);
    const pn::Device device = pn::select_device();
    pn::Trainer trainer(net, data, options,
                        parts ? device.split(1) : std::vector<pn::Device>{device});
    trainer.fit({.epochs = 2, .batch = 16, .checkpoint = argc > 1 ? argv[1] : ""});
    const double loss = trainer.evaluate(data).loss;
    for (const pn::DeviceLoss& lost : trainer.device_losses()) {
      fmt::print("without {} after {} steps: {}\n", lost.device, lost.step, lost.reason);
    }
    fmt::print("loss {:.6f}, without {} devices\n", loss, trainer.device_losses().size());
    std::fflush(stdout);
    return 0;
  } catch (const pn::Error& error) {
    fmt::print(stderr, "short_training: {}\n", error.what());
    return 1;
  }
}
