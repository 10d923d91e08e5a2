// Training on several devices together: as one device would, bit for bit again, in any shares.
// SPDX-License-Identifier: Apache-2.0
#include "api/team.hpp"

#include <doctest/doctest.h>

#include <pinnacle/pipeline.hpp>
#include <pinnacle/train.hpp>

#include <cmath>
#include <numeric>

#include "device_list.hpp"
#include "test_folder.hpp"

namespace pinnacle::test {
namespace {

Dataset digits(std::int64_t count) { return data::drawn_digits(count, 1, 7).train; }

Layer small_conv() {
  return conv2d({.filters = 4, .kernel = 3, .stride = 2}) | relu | max_pool2d({.kernel = 2}) |
         flatten | dense(24) | pinnacle::tanh | dense(10);
}

Layer with_batch_norm() {
  return conv2d({.filters = 4, .kernel = 3, .stride = 2, .bias = false}) | batch_norm() | relu |
         conv2d({.filters = 5, .kernel = 3, .stride = 2, .bias = false}) | batch_norm() | relu |
         flatten | dense(10) | batch_norm();
}

// Several devices: parts of the one under test where it can be split, and the host otherwise.
std::vector<Device> several(const Device& device) {
  try {
    std::vector<Device> parts = device.split(1);
    if (parts.size() > 1) return {parts[0], parts[1]};
  } catch (const DeviceError&) {
    // It offers no parts.
  }
  return {device, Device::host()};
}

struct Run {
  std::vector<double> losses;
  Weights weights;
};

Run train(const Layer& layer, const Dataset& data, const std::vector<Device>& devices, int batch) {
  Run run;
  // Given shares: those of unlike devices are measured, and may differ from run to run.
  Placement placement;
  placement.strategy = Strategy::data;
  for (const std::string& label : device_labels(devices)) {
    placement.shares.push_back({.device = label, .share = 1, .alone_us = 0, .reason = {}});
  }
  TrainerOptions options{.loss = softmax_cross_entropy, .optimizer = adam()};
  options.placement = std::move(placement);
  Trainer trainer(layer, data, options, devices);
  trainer.fit({.epochs = small_only() ? 2 : 13,
               .batch = batch,
               .on_step = [&](std::int64_t, double loss) { run.losses.push_back(loss); }});
  run.weights = trainer.model().weights();
  return run;
}

}  // namespace

TEST_CASE("team: rows are shared in proportion, all of them") {
  const std::vector<double> speeds = {1, 2, 1};
  for (const std::int64_t total : {0, 1, 2, 3, 4, 7, 100, 101}) {
    CAPTURE(total);
    std::int64_t next = 0;
    for (const Rows& rows : share_rows(total, speeds)) {
      CHECK(rows.first == next);
      CHECK(rows.count >= 0);
      next += rows.count;
    }
    CHECK(next == total);
  }
  CHECK(share_rows(100, speeds)[1].count == 50);
}

TEST_CASE("team: losses are those of one device, and repeat bit for bit") {
  const Dataset data = digits(small_only() ? 14 : 100);
  // The last batch of an epoch is smaller, down to one sample for two devices.
  const int batch = small_only() ? 13 : 33;
  // Where the other device is the host, batch_norm of few samples makes much of other roundings.
  const double tolerance = small_only() ? 1e-4 : 1e-5;
  bool with_norm = false;
  SUBCASE("without batch_norm") {}
  SUBCASE("with batch_norm") { with_norm = true; }
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    const Layer layer = with_norm ? with_batch_norm() : small_conv();
    const Run alone = train(layer, data, {device}, batch);
    const Run together = train(layer, data, several(device), batch);
    REQUIRE(together.losses.size() == alone.losses.size());
    for (std::size_t i = 0; i < alone.losses.size(); ++i) {
      CAPTURE(i);
      CHECK(std::fabs(together.losses[i] - alone.losses[i]) <=
            tolerance * std::fabs(alone.losses[i]));
    }
    const Run again = train(layer, data, several(device), batch);
    CHECK(again.losses == together.losses);
    for (const auto& [name, tensor] : together.weights) {
      CAPTURE(name);
      CHECK(again.weights.at(name) == tensor);
    }
  }
}

TEST_CASE("team: checkpoints go from one device to several and back") {
  const Dataset data = digits(small_only() ? 8 : 64);
  const Folder folder;
  const std::filesystem::path file = folder.path() / "training.safetensors";
  const TrainerOptions options{
      .loss = softmax_cross_entropy, .optimizer = adam(), .strategy = Strategy::data};
  const FitOptions fit{.epochs = 1, .batch = small_only() ? 4 : 16};
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    Trainer whole(small_conv(), data, options, std::vector<Device>{device});
    whole.fit(fit);
    Trainer parts(small_conv(), data, options, several(device));
    parts.fit(fit);
    CHECK(parts.devices().size() == 2);
    parts.save(file);
    Trainer resumed(small_conv(), data, options, std::vector<Device>{device});
    resumed.resume(file);
    const double expected = whole.fit(fit).front().loss;
    CHECK(resumed.fit(fit).front().loss == doctest::Approx(expected).epsilon(1e-4));
    whole.save(file);
    Trainer split(small_conv(), data, options, several(device));
    split.resume(file);
    CHECK(split.evaluate(data).loss == doctest::Approx(whole.evaluate(data).loss).epsilon(1e-4));
    const double later = whole.fit(fit).front().loss;
    CHECK(split.fit(fit).front().loss == doctest::Approx(later).epsilon(1e-4));
  }
}

TEST_CASE("team: shares follow how long the devices were busy") {
  if (small_only()) return;  // where the host's references may be as fast
  const Dataset data = digits(64);
  const Model model(flatten | dense(256) | relu | dense(10), {{1, 28, 28}, DType::f32}, 1);
  const TrainerOptions options{.loss = softmax_cross_entropy, .optimizer = adam()};
  std::vector<std::int32_t> indices(32);
  std::iota(indices.begin(), indices.end(), 0);
  const std::vector<std::span<const std::int32_t>> batches(4, indices);
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    Team team(model, data, options, {device, Device::host()}, {0.5, 0.5});
    CHECK(team.rebalance().empty());  // nothing is known
    team.run(batches);                // the first run of a session does not count
    team.run(batches);
    const std::vector<double> shares = team.rebalance();
    REQUIRE(shares.size() == 2);
    CHECK(shares[0] > 0.6);  // the references are slow
    CHECK(shares[0] + shares[1] == doctest::Approx(1).epsilon(0.05));
    CHECK(team.rebalance().empty());
    team.run(batches);
    team.finish();
    // Sums and parameters went along.
    Team alone(model, data, options, {device}, {});
    for (int i = 0; i < 3; ++i) alone.run(batches);
    alone.finish();
    const double expected = alone.any_step().read_state("sum.loss").f32()[0];
    CHECK(team.any_step().read_state("sum.loss").f32()[0] ==
          doctest::Approx(expected).epsilon(1e-4));
  }
}

TEST_CASE("team: what makes no sense is refused") {
  const Dataset data = digits(8);
  TrainerOptions options{.loss = softmax_cross_entropy, .optimizer = sgd()};
  CHECK_THROWS_AS(Trainer(small_conv(), data, options, std::vector<Device>{}), ArgumentError);
  options.peers = {.exchange = nullptr, .rank = 2, .count = 2};
  CHECK_THROWS_AS(Trainer(small_conv(), data, options, std::vector<Device>{Device::host()}),
                  ArgumentError);
}

}  // namespace pinnacle::test
