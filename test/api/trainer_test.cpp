// Trainer: agrees with the host step by step, repeats bit for bit, resumes, evaluates, refuses.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <pinnacle/train.hpp>

#include <cmath>

#include "device_list.hpp"
#include "test_folder.hpp"

namespace pinnacle::test {
namespace {

Dataset digits(std::int64_t count) { return data::drawn_digits(count, 1, 7).train; }

Layer lenet() {
  return conv2d({.filters = 6, .kernel = 5, .padding = 2}) | pinnacle::tanh |
         max_pool2d({.kernel = 2}) | conv2d({.filters = 16, .kernel = 5}) | pinnacle::tanh |
         max_pool2d({.kernel = 2}) | flatten | dense(120) | pinnacle::tanh | dense(84) |
         pinnacle::tanh | dense(10);
}

Layer mlp() { return flatten | dense(16) | relu | dropout(0.25) | dense(10); }

TrainerOptions with(Optimizer optimizer) {
  return {.loss = softmax_cross_entropy, .optimizer = std::move(optimizer)};
}

std::vector<double> losses(const Layer& layer, const Dataset& data, TrainerOptions options,
                           const Device& device, int batch) {
  std::vector<double> all;
  Trainer trainer(layer, data, std::move(options), device);
  trainer.fit({.epochs = 1, .batch = batch, .on_step = [&](std::int64_t, double loss) {
                 all.push_back(loss);
               }});
  return all;
}

}  // namespace

TEST_CASE("trainer: the losses of every step agree with the host's") {
  struct Net {
    const char* name;
    Layer layer;
    TrainerOptions options;
  };
  const std::vector<Net> nets = {
      {"softmax", flatten | dense(10), with(sgd({.learning_rate = 0.1}))},
      {"mlp", mlp(), with(sgd({.learning_rate = 0.05, .momentum = 0.9, .nesterov = true}))},
      {"lenet", lenet(), with(adam())},
      {"batch norm",
       conv2d({.filters = 3, .kernel = 3, .stride = 2, .bias = false}) | batch_norm() | relu |
           flatten | dense(10),
       with(adam({.learning_rate = 0.01}))},
  };
  const Dataset data = digits(small_only() ? 12 : 40);
  for (const Net& net : nets) {
    CAPTURE(net.name);
    const std::vector<double> wanted = losses(net.layer, data, net.options, Device::host(), 8);
    for (const Device& device : test_devices()) {
      CAPTURE(device.name());
      const std::vector<double> got = losses(net.layer, data, net.options, device, 8);
      REQUIRE(got.size() == wanted.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        CAPTURE(i);
        CHECK(std::fabs(got[i] - wanted[i]) <= 1e-4 * std::fabs(wanted[i]));
      }
    }
  }
}

TEST_CASE("trainer: repeats bit for bit, and learns") {
  const Dataset data = digits(small_only() ? 16 : 200);
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    const auto trained = [&] {
      Trainer trainer(mlp(), data, with(adam({.learning_rate = 0.01})), device);
      const auto epochs = trainer.fit({.epochs = small_only() ? 2 : 5, .batch = 16});
      CHECK(epochs.back().loss < epochs.front().loss);
      return trainer.model().weights();
    };
    CHECK(trained() == trained());
  }
}

TEST_CASE("trainer: a resumed run equals an uninterrupted one") {
  const Dataset data = digits(24);
  const Folder folder;
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    const auto options = with(sgd({.learning_rate = 0.05, .momentum = 0.9, .decay = 0.01}));
    const std::filesystem::path file = folder / "run.safetensors";
    std::filesystem::remove(file);
    Trainer whole(mlp(), data, options, device);
    whole.fit({.epochs = 4, .batch = 8});
    Trainer first(mlp(), data, options, device);
    first.fit({.epochs = 2, .batch = 8, .checkpoint = file});
    Trainer second(mlp(), data, options, device);
    const auto epochs = second.fit({.epochs = 4, .batch = 8, .checkpoint = file});
    CHECK(epochs.size() == 2);
    CHECK(second.model().weights() == whole.model().weights());
  }
}

TEST_CASE("trainer: batches that do not divide the data, validation, evaluation, prediction") {
  const Dataset data = digits(23);
  for (const Device& device : {Device::host(), test_devices().front()}) {
    CAPTURE(device.name());
    Trainer trainer(mlp(), data, with(sgd()), device);
    const auto epochs = trainer.fit({.epochs = 1, .batch = 8, .validation_split = 0.2});
    CHECK(epochs[0].validation_loss > 0);
    const Evaluation evaluation = trainer.evaluate(data);
    const Tensor scores = trainer.predict(data.x);
    CHECK(scores.shape() == Shape({23, 10}));
    int right = 0;
    for (int i = 0; i < 23; ++i) {
      const auto row = scores.f32().subspan(static_cast<std::size_t>(i) * 10, 10);
      right += std::max_element(row.begin(), row.end()) - row.begin() == data.y.i32()[i] ? 1 : 0;
    }
    CHECK(evaluation.accuracy == doctest::Approx(right / 23.0));
    CHECK(trainer.evaluate(data, accuracy) == doctest::Approx(right / 23.0));
  }
}

TEST_CASE("trainer: data that does not fit is refused before anything runs") {
  Dataset data = digits(8);
  CHECK_THROWS_WITH_AS(Trainer(flatten | dense(5), data, with(sgd()), Device::host()),
                       doctest::Contains("5 classes"), ArgumentError);
  Trainer trainer(flatten | dense(10), data, with(sgd()), Device::host());
  CHECK_THROWS_AS(trainer.fit({.epochs = 0}), ArgumentError);
  CHECK_THROWS_AS(trainer.fit({.epochs = 1, .batch = 0}), ArgumentError);
  CHECK_THROWS_AS(trainer.fit({.epochs = 1, .validation_split = 1.0}), ArgumentError);
  CHECK_THROWS_AS(trainer.evaluate({Tensor({2, 5}), Tensor({2}, DType::i32)}), ShapeError);
  CHECK_THROWS_AS(trainer.predict(Tensor({0, 1, 28, 28})), ShapeError);
  CHECK_THROWS_AS(trainer.resume("/nonexistent/file"), FileError);
  data.y = Tensor({7}, DType::i32);
  CHECK_THROWS_AS(Trainer(flatten | dense(10), data, with(sgd()), Device::host()), ShapeError);
}

}  // namespace pinnacle::test
