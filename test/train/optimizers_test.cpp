// Optimizers: the nodes and states that they add, and options that make no sense.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <pinnacle/train.hpp>

#include "train/progress.hpp"

namespace pinnacle {
namespace {

struct Updated {
  Network network{true, 1};

  explicit Updated(const Optimizer& optimizer) {
    const Value p = parameter(network, "dense_1", "weight", {3, 2}, {});
    optimizer.apply(network, p, p * 2.0f, steps(network));
    verify(network.graph());
  }
  std::string updates() {
    std::string names;
    for (const Update& update : network.graph().updates) {
      names += network.graph().value(update.target).name + " ";
    }
    return names;
  }
  const Node& last() { return network.graph().nodes.back(); }
};

}  // namespace

TEST_CASE("sgd: without momentum no state, with momentum a velocity") {
  Updated plain(sgd({.learning_rate = 0.1, .decay = 0.01}));
  CHECK(plain.updates() == "dense_1.weight ");
  CHECK(plain.last().op == "sgd_update");
  CHECK(plain.last().attributes.number("learning_rate") == 0.1);
  CHECK(plain.last().attributes.number("decay") == 0.01);
  CHECK(plain.last().inputs[2] == kNoValue);
  Updated moving(sgd({.momentum = 0.9, .nesterov = true}));
  CHECK(moving.updates() == "dense_1.weight dense_1.weight.velocity ");
  CHECK(moving.last().attributes.integer("nesterov") == 1);
  const Graph& graph = moving.network.graph();
  CHECK(graph.type(graph.find("dense_1.weight.velocity")).shape == Shape{3, 2});
}

TEST_CASE("adam: two moments per parameter") {
  Updated step(adam());
  CHECK(step.updates() == "dense_1.weight dense_1.weight.adam_m dense_1.weight.adam_v ");
  CHECK(step.last().op == "adam_update");
  CHECK(step.last().attributes.number("beta2") == 0.999);
}

TEST_CASE("optimizers: options out of range") {
  CHECK_THROWS_WITH_AS(sgd({.learning_rate = 0}), "sgd: learning_rate is 0; it must be positive",
                       ArgumentError);
  CHECK_THROWS_AS(sgd({.learning_rate = 1.0 / 0.0}), ArgumentError);
  CHECK_THROWS_AS(sgd({.momentum = 1}), ArgumentError);
  CHECK_THROWS_AS(sgd({.nesterov = true}), ArgumentError);
  CHECK_THROWS_AS(sgd({.decay = -1}), ArgumentError);
  CHECK_THROWS_AS(sgd({.weight_decay = -1}), ArgumentError);
  CHECK_THROWS_AS(adam({.learning_rate = -1}), ArgumentError);
  CHECK_THROWS_AS(adam({.beta1 = 1}), ArgumentError);
  CHECK_THROWS_AS(adam({.beta2 = -0.1}), ArgumentError);
  CHECK_THROWS_AS(adam({.epsilon = 0}), ArgumentError);
}

TEST_CASE("progress: lines") {
  Progress progress{.epoch = 2,
                    .epochs = 12,
                    .step = 50,
                    .steps = 100,
                    .loss = 0.12345,
                    .accuracy = 0.9612,
                    .seconds = 1.94,
                    .eta_seconds = 65};
  CHECK(progress_bar_line(progress) ==
        "epoch  2/12 [============>           ]  50 %  loss 0.1235  accuracy 96.12 %  ETA 1:05");
  CHECK(progress_epoch_line(progress) == "epoch  2/12  1.9 s  loss 0.1235  accuracy 96.12 %");
  progress.has_validation = true;
  progress.validation_loss = 0.5;
  progress.validation_accuracy = 0.5;
  CHECK(progress_epoch_line(progress).ends_with("validation loss 0.5000  accuracy 50.00 %"));
  progress.steps = 0;
  CHECK(progress_bar_line(progress).find("  0 %") != std::string::npos);
  CHECK(clock_time(7.4) == "0:07");
  CHECK(clock_time(3723) == "1:02:03");
  CHECK(clock_time(-1) == "0:00");
  CHECK(clock_time(0.0 / 0.0) == "?");
}

}  // namespace pinnacle
