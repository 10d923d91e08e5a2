// Trains one of three classic networks on handwritten digits and tests it on others.
// The last line reads: test loss L, test accuracy A, T us per sample per epoch.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/pinnacle.hpp>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>

#include "command_line.hpp"

namespace pn = pinnacle;

struct Flags {
  std::string net = "lenet";
  int epochs = 5;
  int batch = 128;
  std::string optimizer = "adam";
  std::optional<double> learning_rate;
  double decay = 0;
  double validation_split = 0.2;
  std::uint64_t seed = 1;
  std::string device;
  std::string data;
  std::int64_t samples = 0;
  std::string losses;
};

pn::Layer make_net(const std::string& name) {
  if (name == "softmax") return pn::flatten | pn::dense(10);  // 7,850 parameters
  if (name == "mlp") {                                        // 118,282 parameters
    return pn::flatten | pn::dense(128) | pn::relu | pn::dense(128) | pn::relu | pn::dense(10);
  }
  return pn::conv2d({.filters = 6, .kernel = 5, .padding = 2}) | pn::tanh  //  6 x 28 x 28
         | pn::max_pool2d({.kernel = 2})                                   //  6 x 14 x 14
         | pn::conv2d({.filters = 16, .kernel = 5}) | pn::tanh             // 16 x 10 x 10
         | pn::max_pool2d({.kernel = 2}) | pn::flatten                     // 400
         | pn::dense(120) | pn::tanh | pn::dense(84) | pn::tanh | pn::dense(10);
}

pn::Optimizer make_optimizer(const Flags& flags) {
  if (flags.optimizer == "sgd") {
    return pn::sgd({.learning_rate = flags.learning_rate.value_or(0.01), .decay = flags.decay});
  }
  return pn::adam({.learning_rate = flags.learning_rate.value_or(0.001), .decay = flags.decay});
}

void train(const Flags& flags) {
  auto [train, test, source] = pn::data::find_digits(flags.data);
  if (flags.samples > 0) {
    train = train.rows(0, std::min(flags.samples, train.size()));
    test = test.rows(0, std::min(flags.samples, test.size()));
  }
  fmt::print("{} training and {} test samples: {}\n", train.size(), test.size(), source);

  const std::int64_t held_out =
      static_cast<std::int64_t>(static_cast<double>(train.size()) * flags.validation_split);
  const std::int64_t trained_on = train.size() - held_out;

  // The loss from logits: the network ends in a dense layer, and softmax is part of the loss.
  pn::Trainer trainer(
      make_net(flags.net), train,
      {.loss = pn::softmax_cross_entropy, .optimizer = make_optimizer(flags), .seed = flags.seed},
      pn::select_device(flags.device));
  fmt::print("device {}\n\n{}\n", trainer.device().name(), trainer.model().summary());
  std::fflush(stdout);

  pn::FitOptions fit{.epochs = flags.epochs,
                     .batch = flags.batch,
                     .validation_split = flags.validation_split,
                     .on_progress = pn::progress_bar()};
  std::ofstream losses;
  if (!flags.losses.empty()) {
    losses.open(flags.losses);
    if (!losses) throw pn::FileError("cannot be written", flags.losses);
    fit.on_step = [&](std::int64_t, double loss) { losses << fmt::format("{:.9g}\n", loss); };
  }

  const auto start = std::chrono::steady_clock::now();
  trainer.fit(fit);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;

  const auto [loss, accuracy] = trainer.evaluate(test);
  fmt::print("test loss {:.4f}, test accuracy {:.4f}, {:.2f} us per sample per epoch\n", loss,
             accuracy, wall.count() * 1e6 / static_cast<double>(flags.epochs * trained_on));
}

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Trains a network on handwritten digits.");
  app.option_defaults()->always_capture_default();
  app.add_option("--net", flags.net)->check(samples::one_of({"softmax", "mlp", "lenet"}));
  app.add_option("--epochs", flags.epochs)->check(CLI::Range(1, 1000000));
  app.add_option("--batch", flags.batch)->check(CLI::Range(1, 1000000));
  app.add_option("--optimizer", flags.optimizer)->check(samples::one_of({"sgd", "adam"}));
  app.add_option("--learning-rate", flags.learning_rate, "0.01 for sgd, 0.001 for adam")
      ->check(CLI::Range(0.0, 1000.0));
  app.add_option("--decay", flags.decay, "learning rate / (1 + decay * steps done)")
      ->check(CLI::Range(0.0, 1000.0));
  app.add_option("--validation-split", flags.validation_split, "held out of the training samples")
      ->check(CLI::Range(0.0, 0.99));
  app.add_option("--seed", flags.seed, "of first weights and shuffling");
  app.add_option(
      "--device", flags.device,
      "index, part of a name, fastest, cpu, gpu, host; else $PINNACLE_DEVICE or fastest");
  app.add_option("--data", flags.data,
                 "folder with the four MNIST files; else $PINNACLE_DATA, the cache, a download, or "
                 "digits that Pinnacle draws");
  app.add_option("--samples", flags.samples, "use only so many of each set; 0: all")
      ->check(CLI::Range(0, 1000000));
  app.add_option("--losses", flags.losses, "file for the loss of every step, a line each");
  if (const std::optional<int> code = samples::parse(app, argc, argv)) return *code;
  try {
    train(flags);
    return 0;
  } catch (const pn::Error& error) {
    fmt::print(stderr, "01_mnist: {}\n", error.what());
    return 1;
  }
}
