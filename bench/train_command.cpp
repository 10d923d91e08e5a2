// pinnacle-bench train: training a net on several devices: who gets which share of a batch, and how many
// samples per second that gives next to the first device alone.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>
#include <pinnacle/train.hpp>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/random.hpp"
#include "bench/commands.hpp"
#include "bench/environment.hpp"
#include "bench/nets.hpp"
#include "bench/output.hpp"
#include "bench/table.hpp"
#include "bench/timing.hpp"

namespace pinnacle::bench {
namespace {

Strategy strategy_of(const std::string& word) {
  for (const Strategy strategy :
       {Strategy::automatic, Strategy::data, Strategy::pipeline, Strategy::hybrid}) {
    if (word == to_string(strategy) || (word == "auto" && strategy == Strategy::automatic)) {
      return strategy;
    }
  }
  throw ArgumentError(fmt::format("there is no strategy \"{}\"", word), "--strategy",
                      "there are auto, data, pipeline and hybrid");
}

// Two batches of made-up samples.
Dataset samples(const Net& net, std::int64_t batch) {
  std::vector<std::int64_t> dims = {2 * batch};
  dims.insert(dims.end(), net.sample.begin(), net.sample.end());
  Dataset data{.x = Tensor(Shape(std::move(dims))), .y = Tensor({2 * batch}, DType::i32)};
  Random random(1, 0);
  for (float& x : data.x.f32()) x = static_cast<float>(random.uniform());
  for (std::int32_t& y : data.y.i32()) {
    y = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(net.classes)));
  }
  return data;
}

Run steps_of(Trainer& trainer, std::int64_t batch) {
  return [&trainer, batch](std::int64_t count) {
    return trainer.time_steps(static_cast<int>(batch), static_cast<int>(count)) *
           static_cast<double>(count);
  };
}

Json share_json(const Placement& placement) {
  Json shares = Json::array();
  for (const BatchShare& share : placement.shares) {
    shares.push_back(
        {{"device", share.device}, {"share", share.share}, {"alone_us", share.alone_us}});
  }
  return shares;
}

// The largest relative difference of the losses of some steps.
double loss_difference(const Net& net, const Dataset& data, const TrainerOptions& options,
                       const std::vector<Device>& devices, std::int64_t batch) {
  std::array<std::vector<double>, 2> losses;
  for (std::size_t i = 0; i < losses.size(); ++i) {
    TrainerOptions how = options;
    // Small steps: larger ones on made-up samples make much of the last bit.
    how.optimizer = sgd({.learning_rate = 1e-4, .momentum = 0.9});
    if (i == 0) how.placement = std::nullopt;
    if (i == 0) how.strategy = Strategy::data;
    const std::vector<Device> used = i == 0 ? std::vector<Device>{devices.front()} : devices;
    Trainer trainer(net.layer, data, how, used);
    trainer.fit({.epochs = 3,
                 .batch = static_cast<int>(batch),
                 .on_step = [&](std::int64_t, double x) { losses[i].push_back(x); }});
  }
  double worst = 0;
  for (std::size_t k = 0; k < losses[0].size(); ++k) {
    worst = std::max(worst, std::fabs(losses[1][k] - losses[0][k]) / std::fabs(losses[0][k]));
  }
  return worst;
}

}  // namespace

int run_train(const TrainOptions& options) {
  const Output output(options.json);
  const Net net = find_net(options.net);
  const std::int64_t batch = options.batch > 0 ? options.batch : net.training_batch;
  const std::vector<Device> devices = select_devices(options.devices);
  const Dataset data = samples(net, batch);
  TrainerOptions how{.loss = softmax_cross_entropy,
                     .optimizer = sgd({.learning_rate = 0.01, .momentum = 0.9})};
  how.strategy = strategy_of(options.strategy);
  how.synchronize_batch_norm = !options.own_statistics;
  if (!options.load.empty()) how.placement = load_placement(options.load);
  StatusLine status;
  status.show(fmt::format("placing {} at batch {} on {} device{} ...", net.name, batch,
                          devices.size(), devices.size() == 1 ? "" : "s"));
  Trainer together(net.layer, data, how, devices);
  const Placement placement = together.placement(static_cast<int>(batch));
  if (!options.save.empty()) save_placement(placement, options.save);
  Trainer alone(net.layer, data, how, devices.front());
  status.clear();
  const Environment environment = describe_environment();
  output.text(
      fmt::format("{}{}, batch {}\n{}\n", to_text(environment), net.name, batch, placement));
  status.show("measuring ...");
  const std::array<Run, 2> runs = {steps_of(alone, batch), steps_of(together, batch)};
  const std::vector<Timing> times = time_interleaved(runs, {.seconds = options.seconds});
  status.show("comparing losses ...");
  const double difference =
      options.check ? loss_difference(net, data, how, devices, batch) : std::nan("");
  status.clear();
  Table table({{.title = "", .wraps = true},
               {.title = "ms/step", .right = true},
               {.title = "samples/s", .right = true}});
  const auto rate = [&](const Timing& timing) {
    return static_cast<double>(batch) / timing.seconds;
  };
  table.add({"the first device alone", number(1e3 * times[0].seconds), number(rate(times[0]))});
  table.add({"as placed", number(1e3 * times[1].seconds), number(rate(times[1]))});
  const double ratio = times[0].seconds / times[1].seconds;
  std::string text = table.text() + fmt::format("ratio to the first device alone: {:.2f}\n", ratio);
  if (options.check) text += fmt::format("losses differ by {:.1e} at most\n", difference);
  for (const DeviceLoss& loss : together.device_losses()) {
    text += fmt::format("lost: {} after {} steps: {}\n", loss.device, loss.step, loss.reason);
  }
  output.text(text);
  Json result = {{"net", net.name},
                 {"batch", batch},
                 {"strategy", options.strategy},
                 {"environment", to_json(environment)},
                 {"devices", Json::array()},
                 {"shares", share_json(placement)},
                 {"notes", placement.notes},
                 {"samples_per_s", rate(times[1])},
                 {"alone_samples_per_s", rate(times[0])},
                 {"ratio", ratio},
                 {"lost", together.device_losses().size()}};
  if (options.check) result["loss_difference"] = difference;
  for (const Device& device : devices) result["devices"].push_back(identity_json(device));
  output.json(result);
  return !options.check || difference <= 1e-3 ? 0 : 1;
}

}  // namespace pinnacle::bench
