// Exclusive or: one layer draws one straight line and cannot learn it, two layers can.
// Minsky, Papert, "Perceptrons", 1969, proved the first half.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/pinnacle.hpp>

#include "command_line.hpp"

namespace pn = pinnacle;

const pn::Dataset kTable{pn::Tensor({4, 2}, {0, 0, 0, 1, 1, 0, 1, 1}),  // both inputs
                         pn::Tensor({4, 1}, {0, 1, 1, 0})};             // their exclusive or

/// Trains `net` on the table, prints what it answers, and returns how many answers are wrong.
int wrong_answers(const std::string& name, const pn::Layer& net, const pn::Device& device) {
  // The result is a logit: positive means 1. An accuracy by largest score makes no sense for one
  // number, so there is no metric.
  pn::Trainer trainer(net, kTable,
                      {.loss = pn::binary_cross_entropy,
                       .optimizer = pn::adam({.learning_rate = 0.05}),
                       .metric = {}},
                      device);
  trainer.fit({.epochs = 400, .batch = 4});

  const pn::Tensor logits = trainer.predict(kTable.x);
  int wrong = 0;
  fmt::print("{}\n  a b  a xor b  answer\n", name);
  for (std::size_t i = 0; i < 4; ++i) {
    const float wanted = kTable.y.f32()[i];
    const float answer = logits.f32()[i] > 0 ? 1 : 0;
    if (answer != wanted) ++wrong;
    fmt::print("  {} {}  {:7}  {:6}{}\n", kTable.x.f32()[2 * i], kTable.x.f32()[2 * i + 1], wanted,
               answer, answer == wanted ? "" : "  wrong");
  }
  fmt::print("  {} % wrong\n\n", 25 * wrong);
  return wrong;
}

int main(int argc, char** argv) {
  std::string device_name;
  CLI::App app("A single perceptron cannot learn exclusive or; two layers can.");
  app.add_option("--device", device_name, "index, part of a name, fastest, cpu, gpu, host");
  if (const std::optional<int> code = samples::parse(app, argc, argv)) return *code;
  try {
    const pn::Device device = pn::select_device(device_name);
    wrong_answers("one layer: dense(1)", pn::dense(1), device);
    const pn::Layer two_layers = pn::dense(8) | pn::tanh | pn::dense(1);
    const int wrong = wrong_answers("two layers: dense(8) | tanh | dense(1)", two_layers, device);
    return wrong == 0 ? 0 : 1;
  } catch (const pn::Error& error) {
    fmt::print(stderr, "02_xor: {}\n", error.what());
    return 1;
  }
}
