// The first five minutes: lists the OpenCL devices, trains a digit classifier on the fastest one,
// times the same training step on every device, saves the network and shows what it sees.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/pinnacle.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "command_line.hpp"

namespace pn = pinnacle;

struct Flags {
  std::string data;
  std::string device;
  int epochs = 0;
  int batch = 128;
  std::string out = "lenet.safetensors";
};

/// LeCun et al., "Gradient-based learning applied to document recognition", 1998, with the tanh and
/// max_pool2d of today.
pn::Layer lenet() {
  return pn::conv2d({.filters = 6, .kernel = 5, .padding = 2}) | pn::tanh  //  6 x 28 x 28
         | pn::max_pool2d({.kernel = 2})                                   //  6 x 14 x 14
         | pn::conv2d({.filters = 16, .kernel = 5}) | pn::tanh             // 16 x 10 x 10
         | pn::max_pool2d({.kernel = 2}) | pn::flatten                     // 400
         | pn::dense(120) | pn::tanh | pn::dense(84) | pn::tanh | pn::dense(10);
}

pn::Trainer make_trainer(const pn::Dataset& data, const pn::Device& device) {
  return {lenet(), data, {.loss = pn::softmax_cross_entropy, .optimizer = pn::adam()}, device};
}

void heading(const std::string& text) {
  fmt::print("\n== {} ==\n", text);
  std::fflush(stdout);
}

constexpr std::size_t kNameWidth = 40;

/// A device's name, short enough for a table.
std::string short_name(const pn::Device& device) {
  const std::string& name = device.name();
  return name.size() <= kNameWidth ? name : name.substr(0, kNameWidth - 3) + "...";
}

void list_devices(const pn::Discovery& found) {
  heading("devices");
  fmt::print("{:>2}  {:<40}  {:<28}  {:<5}  {:>8}  {:>6}\n", "", "name", "platform", "kind",
             "GFLOP/s", "GB/s");
  for (std::size_t i = 0; i < found.devices.size(); ++i) {
    const pn::Device& device = found.devices[i];
    fmt::print("{:>2}  {:<40}  {:<28}  {:<5}  ", i, short_name(device), device.platform(),
               pn::to_string(device.kind()));
    std::fflush(stdout);  // measuring takes a second when a device is new
    try {
      const pn::Target& target = device.target();
      if (target.host) {
        fmt::print("the reference: slow, always there\n");
      } else {
        fmt::print("{:8.1f}  {:6.1f}\n", target.peak_gflops, target.bandwidth_gbs);
      }
    } catch (const pn::Error& error) {
      fmt::print("not usable: {}\n", error.what());
    }
  }
  for (const std::string& problem : found.problems) fmt::print("note: {}\n", problem);
}

struct Timing {
  std::string device;
  std::int64_t batch = 0;
  double seconds = 0;  // per step
  std::string problem = {};
};

/// A few steps, then as many as fit into two seconds. A slow device gets a small batch, so that
/// none takes long.
Timing time_device(const pn::Device& device, const pn::Dataset& data, std::int64_t batch) {
  constexpr std::int64_t kFewSamples = 8;
  constexpr double kSeconds = 2;
  Timing timing{.device = short_name(device), .batch = std::min(batch, kFewSamples)};
  try {
    pn::Trainer trainer = make_trainer(data, device);
    timing.seconds = trainer.time_steps(static_cast<int>(timing.batch), 1);
    const double whole = timing.seconds * static_cast<double>(batch) / kFewSamples;
    if (whole < kSeconds) {
      timing.batch = batch;
      timing.seconds = trainer.time_steps(static_cast<int>(batch), 1);
    }
    const int count = static_cast<int>(std::clamp(kSeconds / timing.seconds, 1.0, 100.0));
    if (count > 1) timing.seconds = trainer.time_steps(static_cast<int>(timing.batch), count);
  } catch (const pn::Error& error) {
    timing.problem = error.what();
  }
  return timing;
}

void compare_devices(const pn::Discovery& found, const pn::Dataset& train, int batch) {
  heading("the same training step on every device");
  const pn::Dataset data = train.rows(0, std::min<std::int64_t>(batch, train.size()));
  std::vector<Timing> timings;
  double best = 0;  // samples per second
  for (const pn::Device& device : found.devices) {
    timings.push_back(time_device(device, data, data.size()));
    const Timing& timing = timings.back();
    if (timing.problem.empty()) {
      best = std::max(best, static_cast<double>(timing.batch) / timing.seconds);
    }
  }
  fmt::print("{:<40}  {:>5}  {:>12}  {:>11}  {:>11}\n", "device", "batch", "ms per step",
             "samples/s", "of the best");
  for (const Timing& timing : timings) {
    if (!timing.problem.empty()) {
      fmt::print("{:<40}  not usable: {}\n", timing.device, timing.problem);
      continue;
    }
    const double rate = static_cast<double>(timing.batch) / timing.seconds;
    fmt::print("{:<40}  {:>5}  {:>12.2f}  {:>11.0f}  {:>10.1f} %\n", timing.device, timing.batch,
               1e3 * timing.seconds, rate, 100 * rate / best);
  }
}

/// Pictures side by side.
std::string in_a_row(const std::vector<std::string>& pictures) {
  std::vector<std::string> lines;
  for (const std::string& picture : pictures) {
    std::istringstream stream(picture);
    std::string line;
    for (std::size_t i = 0; std::getline(stream, line); ++i) {
      if (i == lines.size()) lines.emplace_back();
      lines[i] += line;
    }
  }
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

/// Loads the saved network as any other program would and classifies the first test digits.
void classify(const std::string& file, const pn::Dataset& test, const pn::Device& device) {
  heading("what the saved network sees");
  const std::int64_t count = std::min<std::int64_t>(4, test.size());
  const pn::Dataset some = test.rows(0, count);
  pn::Model model(lenet(), {{1, 28, 28}, pn::DType::f32});
  model.load(file);
  const pn::Tensor logits = pn::compile(model, device, count)(some.x);

  std::vector<std::string> pictures;
  std::string answers;
  for (std::int64_t i = 0; i < count; ++i) {
    pictures.push_back(pn::data::draw(some.x.rows(i, 1).reshaped({1, 28, 28})));
    const auto scores = logits.f32().subspan(static_cast<std::size_t>(10 * i), 10);
    const auto highest = std::max_element(scores.begin(), scores.end());
    double sum = 0;  // softmax: the probability of the highest is 1 / sum
    for (const float score : scores) sum += std::exp(static_cast<double>(score - *highest));
    answers +=
        fmt::format("{:^28}", fmt::format("says {} ({:.1f} %), is {}", highest - scores.begin(),
                                          100 / sum, some.y.i32()[static_cast<std::size_t>(i)]));
  }
  fmt::print("{}{}\n", in_a_row(pictures), answers);
}

void run(const Flags& flags) {
  const pn::Discovery found = pn::discover();
  list_devices(found);

  const auto [train, test, source] = pn::data::find_digits(flags.data);
  const pn::Device device = pn::select_device(flags.device);
  heading(fmt::format("training LeNet on {}", device.name()));
  fmt::print("data: {} training and {} test samples, {}\n", train.size(), test.size(), source);
  std::fflush(stdout);
  // By default as many epochs as show the network about 60,000 digits, an epoch of MNIST.
  const auto enough = static_cast<int>(std::max<std::int64_t>(1, 60000 / train.size()));
  pn::Trainer trainer = make_trainer(train, device);
  trainer.fit({.epochs = flags.epochs > 0 ? flags.epochs : enough,
               .batch = flags.batch,
               .on_progress = pn::progress_bar()});
  fmt::print("test accuracy {:.2f} %\n", 100 * trainer.evaluate(test).accuracy);

  compare_devices(found, train, flags.batch);

  trainer.model().save(flags.out);
  classify(flags.out, test, device);
  fmt::print("\nthe network is saved in {}\n", std::filesystem::absolute(flags.out).string());
}

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Trains a digit classifier, compares all devices, classifies a few digits.");
  app.add_option("--data", flags.data,
                 "folder with the four MNIST files; else $PINNACLE_DATA, the cache, a download, or "
                 "digits that Pinnacle draws");
  app.add_option(
      "--device", flags.device,
      "index, part of a name, fastest, cpu, gpu, host; else $PINNACLE_DEVICE or fastest");
  app.add_option("--epochs", flags.epochs,
                 "passes over the training data; default: about 60,000 "
                 "samples in all")
      ->check(CLI::Range(1, 1000000));
  app.add_option("--batch", flags.batch, "samples per step")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000000));
  app.add_option("--out", flags.out, "file for the trained network")->capture_default_str();
  if (const std::optional<int> code = samples::parse(app, argc, argv)) return *code;
  try {
    run(flags);
    return 0;
  } catch (const pn::Error& error) {
    fmt::print(stderr, "quickstart: {}\n", error.what());
    return 1;
  }
}
