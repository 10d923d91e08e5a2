// Trains one of three classic networks on handwritten digits and tests it on others.
// The last line reads: test loss L, test accuracy A, T us per sample per epoch.
// Several processes share each batch: mpirun -n 2 samples/01_mnist
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/pinnacle.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "command_line.hpp"
#ifdef PINNACLE_HAS_MPI
#include <pinnacle/mpi.hpp>
#endif

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
  std::string checkpoint;
  std::string devices;
  std::string strategy = "auto";
  pn::Peers peers;
};

// Whether mpirun, or something like it, started this process with others.
bool started_by_mpi() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    const char* const value = std::getenv(name);
    if (value != nullptr && std::atoi(value) > 1) return true;
  }
  return false;
}

// Processes on one machine would fight for all its cores: without a wish each takes one.
std::vector<pn::Device> choose_devices(const Flags& flags) {
  if (!flags.devices.empty()) return pn::select_devices(flags.devices);
  const pn::Device device = pn::select_device(flags.device);
  const bool shared = flags.peers.count > 1 && flags.device.empty() &&
                      device.kind() == pn::DeviceKind::cpu && device.target().compute_units > 1;
  if (!shared) return {device};
  try {
    const std::vector<pn::Device> cores = device.split(1);
    return {cores[static_cast<std::size_t>(flags.peers.rank) % cores.size()]};
  } catch (const pn::DeviceError&) {
    return {device};  // its driver offers no parts
  }
}

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
  const bool speaks = flags.peers.rank == 0;
  if (speaks) {
    fmt::print("{} training and {} test samples: {}\n", train.size(), test.size(), source);
  }

  const std::int64_t held_out =
      static_cast<std::int64_t>(static_cast<double>(train.size()) * flags.validation_split);
  const std::int64_t trained_on = train.size() - held_out;

  // The loss from logits: the network ends in a dense layer, and softmax is part of the loss.
  const pn::TrainerOptions options{
      .loss = pn::softmax_cross_entropy,
      .optimizer = make_optimizer(flags),
      .seed = flags.seed,
      .strategy = flags.strategy == "data" ? pn::Strategy::data : pn::Strategy::automatic,
      .peers = flags.peers};
  const std::vector<pn::Device> devices = choose_devices(flags);
  pn::Trainer trainer = flags.devices.empty()
                            ? pn::Trainer(make_net(flags.net), train, options, devices.front())
                            : pn::Trainer(make_net(flags.net), train, options, devices);
  if (speaks) fmt::print("device {}\n", trainer.device().name());
  if (flags.peers.count > 1) {
    fmt::print("process {} of {}: {} compute units of {}\n", flags.peers.rank, flags.peers.count,
               trainer.device().target().compute_units, trainer.device().name());
  }
  if (!flags.devices.empty()) fmt::print("{}", trainer.placement(flags.batch));
  if (speaks) fmt::print("\n{}\n", trainer.model().summary());
  std::fflush(stdout);

  pn::FitOptions fit{.epochs = flags.epochs,
                     .batch = flags.batch,
                     .validation_split = flags.validation_split,
                     .on_progress = speaks ? pn::progress_bar() : pn::ProgressFunction(),
                     .checkpoint = flags.checkpoint};
  std::ofstream losses;
  if (!flags.losses.empty() && speaks) {
    losses.open(flags.losses);
    if (!losses) throw pn::FileError("cannot be written", flags.losses);
    fit.on_step = [&](std::int64_t, double loss) { losses << fmt::format("{:.9g}\n", loss); };
  }

  const auto start = std::chrono::steady_clock::now();
  trainer.fit(fit);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;

  for (const pn::DeviceLoss& lost : trainer.device_losses()) {
    fmt::print("went on without {} after {} steps: {}\n", lost.device, lost.step, lost.reason);
  }
  if (!speaks) return;
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
  app.add_option(
      "--devices", flags.devices,
      "train on several together: all, or names joined by commas; sub:0 is a core of the CPU");
  app.add_option("--strategy", flags.strategy,
                 "of --devices: what is fastest, or data: all of them")
      ->check(samples::one_of({"auto", "data"}));
  app.add_option("--checkpoint", flags.checkpoint,
                 "file written after every epoch, and resumed from if it is there");
  app.add_option("--data", flags.data,
                 "folder with the four MNIST files; else $PINNACLE_DATA, the cache, a download, or "
                 "digits that Pinnacle draws");
  app.add_option("--samples", flags.samples, "use only so many of each set; 0: all")
      ->check(CLI::Range(0, 1000000));
  app.add_option("--losses", flags.losses, "file for the loss of every step, a line each");
  if (const std::optional<int> code = samples::parse(app, argc, argv)) return *code;
  try {
    if (started_by_mpi()) {
#ifdef PINNACLE_HAS_MPI
      const pn::MpiSession session(argc, argv);
      flags.peers = session.peers();
      train(flags);
      return 0;
#else
      throw pn::Error("this program was built without MPI", "mpirun",
                      "install MPI (Debian: libopenmpi-dev) and build again with -Dmpi=enabled");
#endif
    }
    train(flags);
    return 0;
  } catch (const pn::Error& error) {
    fmt::print(stderr, "01_mnist: {}\n", error.what());
    return 1;
  }
}
