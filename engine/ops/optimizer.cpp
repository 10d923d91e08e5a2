// sgd_update and adam_update: the new contents of one parameter and its moments, in place where the
// plan allows. `steps` is the number of steps done so far.
// Sources: Sutskever, Martens, Dahl, Hinton, ICML 2013 (momentum, in the form of Keras); Kingma, Ba,
// 2014, arXiv:1412.6980 (Adam).
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <cmath>

#include "ops/launch.hpp"

namespace pinnacle {
namespace {

void check_alike(const OpView& op, std::size_t i, const char* name) {
  if (!(*op.in[i] == *op.in[0])) {
    shape_error(op, "{} is {} but parameter is {}", name, *op.in[i], *op.in[0]);
  }
}

void check_steps(const OpView& op, std::size_t i) {
  check_f32(op, i, "steps");
  if (op.shape(i).elements() != 1) shape_error(op, "steps is {}; expected a scalar", op.shape(i));
}

struct Chunks {
  std::int64_t vw = 1, each = 1, loops = 1, wg = 1;
  std::size_t global = 1;
};

Chunks chunks_of(std::int64_t n, Family family, const Target& target) {
  const Grid grid = make_grid(1, n, family, target);
  return {.vw = grid.vw,
          .each = grid.cols_each,
          .loops = grid.loops,
          .wg = static_cast<std::int64_t>(grid.local[0]),
          .global = grid.global[0]};
}

float number(const OpView& op, const char* name, double absent) {
  return static_cast<float>(op.attributes().number(name, absent));
}

Cost cost(const OpView& op, double flop) {
  return {.flop = flop * static_cast<double>(op.shape(0).elements()), .bytes = op.operand_bytes()};
}

// ---- sgd_update(parameter, gradient, velocity?, steps) -----------------------------------------

std::vector<TensorType> infer_sgd(const OpView& op) {
  check_inputs(op, 2, 4);
  if (op.in.size() < 4 || !op.in[3]) shape_error(op, "steps (input 3) is absent");
  check_f32(op, 0, "parameter");
  check_alike(op, 1, "gradient");
  check_steps(op, 3);
  if (op.has_input(2)) check_alike(op, 2, "velocity");
  if (!op.has_input(2) && op.attributes().number("momentum", 0) != 0) {
    shape_error(op, "momentum needs a velocity (input 2)");
  }
  std::vector<TensorType> results{*op.in[0]};
  if (op.has_input(2)) results.push_back(*op.in[0]);
  return results;
}

std::vector<Array> reference_sgd(const OpView& op, std::span<const Array> in) {
  const Attributes& a = op.attributes();
  const double rate = a.number("learning_rate") / (1 + a.number("decay", 0) * in[3].data[0]);
  const double momentum = a.number("momentum", 0);
  const bool nesterov = a.integer("nesterov", 0) != 0;
  Array p = in[0];
  Array velocity = in[2];
  for (std::size_t i = 0; i < p.data.size(); ++i) {
    const double change = rate * (in[1].data[i] + a.number("weight_decay", 0) * in[0].data[i]);
    if (!op.has_input(2)) {
      p.data[i] -= change;
      continue;
    }
    velocity.data[i] = momentum * in[2].data[i] - change;
    p.data[i] += nesterov ? momentum * velocity.data[i] - change : velocity.data[i];
  }
  if (!op.has_input(2)) return {std::move(p)};
  return {std::move(p), std::move(velocity)};
}

Lowering lower_sgd(const OpView& op, const Target& target, Family family) {
  const std::int64_t n = op.shape(0).elements();
  const bool momentum = op.has_input(2);
  const bool nesterov = op.attributes().integer("nesterov", 0) != 0;
  const Chunks chunks = chunks_of(n, family, target);
  Lowering lowering;
  lowering.may_share = {{0, 0}};
  KernelCall& call = lowering.call("optimizer/sgd_update.cl");
  call.define("VW", chunks.vw)
      .define("WG", chunks.wg)
      .define("MOMENTUM", momentum ? 1 : 0)
      .define("NESTEROV", nesterov ? 1 : 0);
  call.arg(in(0)).arg(in(1));
  if (momentum) call.arg(in(2));
  call.arg(in(3)).arg(out(0));
  if (momentum) {
    lowering.may_share.emplace_back(1, 2);
    call.arg(out(1)).arg(number(op, "momentum", 0));
  }
  call.arg(to_int(n)).arg(to_int(chunks.each)).arg(number(op, "learning_rate", 0));
  call.arg(number(op, "decay", 0)).arg(number(op, "weight_decay", 0));
  call.range({chunks.global, 1, 1}, {static_cast<std::size_t>(chunks.wg), 1, 1});
  call.loops(chunks.loops);
  return lowering;
}

// ---- adam_update(parameter, gradient, m, v, steps) ---------------------------------------------

std::vector<TensorType> infer_adam(const OpView& op) {
  check_inputs(op, 5, 5);
  check_f32(op, 0, "parameter");
  check_alike(op, 1, "gradient");
  check_alike(op, 2, "m");
  check_alike(op, 3, "v");
  check_steps(op, 4);
  return {*op.in[0], *op.in[0], *op.in[0]};
}

struct Adam {
  double learning_rate, beta1, beta2, epsilon, decay, weight_decay;
};

Adam adam_of(const OpView& op) {
  const Attributes& a = op.attributes();
  return {.learning_rate = a.number("learning_rate"),
          .beta1 = a.number("beta1", 0.9),
          .beta2 = a.number("beta2", 0.999),
          .epsilon = a.number("epsilon", 1e-7),
          .decay = a.number("decay", 0),
          .weight_decay = a.number("weight_decay", 0)};
}

std::vector<Array> reference_adam(const OpView& op, std::span<const Array> in) {
  const Adam a = adam_of(op);
  const double t = in[4].data[0] + 1;
  const double rate = a.learning_rate / (1 + a.decay * in[4].data[0]) *
                      std::sqrt(1 - std::pow(a.beta2, t)) / (1 - std::pow(a.beta1, t));
  Array p = in[0];
  Array m = in[2];
  Array v = in[3];
  for (std::size_t i = 0; i < p.data.size(); ++i) {
    const double g = in[1].data[i] + a.weight_decay * in[0].data[i];
    m.data[i] = a.beta1 * m.data[i] + (1 - a.beta1) * g;
    v.data[i] = a.beta2 * v.data[i] + (1 - a.beta2) * g * g;
    p.data[i] -= rate * m.data[i] / (std::sqrt(v.data[i]) + a.epsilon);
  }
  return {std::move(p), std::move(m), std::move(v)};
}

Lowering lower_adam(const OpView& op, const Target& target, Family family) {
  const std::int64_t n = op.shape(0).elements();
  const Adam a = adam_of(op);
  const Chunks chunks = chunks_of(n, family, target);
  Lowering lowering;
  lowering.may_share = {{0, 0}, {1, 2}, {2, 3}};
  KernelCall& call = lowering.call("optimizer/adam_update.cl");
  call.define("VW", chunks.vw).define("WG", chunks.wg);
  for (int i = 0; i < 5; ++i) call.arg(in(i));
  for (int i = 0; i < 3; ++i) call.arg(out(i));
  // A beta of 0 has no logarithm; exp(-1000) is as much nothing as 0^t.
  const auto log_of = [](double beta) {
    return static_cast<float>(beta > 0 ? std::log(beta) : -1000.0);
  };
  call.arg(to_int(n)).arg(to_int(chunks.each)).arg(static_cast<float>(a.learning_rate));
  call.arg(static_cast<float>(a.decay));
  call.arg(static_cast<float>(1 - a.beta1)).arg(static_cast<float>(1 - a.beta2));
  call.arg(log_of(a.beta1)).arg(log_of(a.beta2));
  call.arg(static_cast<float>(a.epsilon)).arg(static_cast<float>(a.weight_decay));
  call.range({chunks.global, 1, 1}, {static_cast<std::size_t>(chunks.wg), 1, 1});
  call.loops(chunks.loops);
  return lowering;
}

constexpr const char* kNoGradient = "an update ends a training step";

}  // namespace

std::vector<OpDef> optimizer_ops() {
  return {{.name = "sgd_update",
           .infer = infer_sgd,
           .reference = reference_sgd,
           .gradient = no_gradient(kNoGradient),
           .cost = [](const OpView& op) { return cost(op, op.has_input(2) ? 6 : 4); },
           .variants = both_families(lower_sgd)},
          {.name = "adam_update",
           .infer = infer_adam,
           .reference = reference_adam,
           .gradient = no_gradient(kNoGradient),
           .cost = [](const OpView& op) { return cost(op, 14); },
           .variants = both_families(lower_adam)}};
}

}  // namespace pinnacle
