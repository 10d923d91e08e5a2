// sgd_update and adam_update: the new contents of parameters and their moments, in place where the
// plan allows. One node may update several parameters (see passes/group_updates): then its inputs are
// those of each parameter in turn, and `steps`, the number of steps done so far, comes last.
// Sources: Sutskever, Martens, Dahl, Hinton, ICML 2013 (momentum, in the form of Keras); Kingma, Ba,
// 2014, arXiv:1412.6980 (Adam).
// SPDX-License-Identifier: Apache-2.0
#include "ops/optimizer.hpp"

#include <pinnacle/op.hpp>

#include <cmath>

#include "ops/launch.hpp"

namespace pinnacle {
namespace {

constexpr std::size_t kSgdInputs = 3;   // of a parameter: parameter, gradient, velocity or none
constexpr std::size_t kAdamInputs = 4;  // parameter, gradient, m, v

// Checks the count of inputs, and steps. throws ShapeError
void check_grouped(const OpView& op, std::size_t inputs) {
  const std::size_t count = op.in.size();
  if (count <= inputs || count % inputs != 1) {
    shape_error(op, "{} inputs; expected {} for each parameter, and steps", count, inputs);
  }
}

// Input i of the parameter whose inputs begin at `first`.
void check_alike(const OpView& op, std::size_t first, std::size_t i, const char* name) {
  if (!op.has_input(first + i)) shape_error(op, "{} (input {}) is absent", name, first + i);
  if (!(*op.in[first + i] == *op.in[first])) {
    shape_error(op, "{} is {} but parameter is {}", name, *op.in[first + i], *op.in[first]);
  }
}

void check_steps(const OpView& op, std::size_t i) {
  check_f32(op, i, "steps");
  if (op.shape(i).elements() != 1) shape_error(op, "steps is {}; expected a scalar", op.shape(i));
}

// How the parameters of one call are cut: each into its own work-groups.
struct Chunks {
  std::int64_t vw = 1, each = 1, loops = 1, wg = 1;
  std::vector<std::int64_t> ends;  // the group behind the last one of each parameter
};

Chunks chunks_of(const OpView& op, std::size_t inputs, Family family, const Target& target) {
  std::int64_t all = 0;
  for (std::size_t p = 0; p + 1 < op.in.size(); p += inputs) all += op.shape(p).elements();
  const Grid grid = make_grid(1, all, family, target);
  Chunks chunks{.vw = grid.vw,
                .each = grid.cols_each,
                .loops = grid.loops,
                .wg = static_cast<std::int64_t>(grid.local[0]),
                .ends = {}};
  std::int64_t end = 0;
  for (std::size_t p = 0; p + 1 < op.in.size(); p += inputs) {
    end += std::max<std::int64_t>(1, ceil_div(op.shape(p).elements(), chunks.each * chunks.wg));
    chunks.ends.push_back(end);
  }
  return chunks;
}

// Defines, operands (inputs of a parameter that are there, its outputs, its size and its last group),
// and sizes.
KernelCall& add_call(Lowering& lowering, const char* file, const OpView& op, std::size_t inputs,
                     const Chunks& chunks) {
  KernelCall& call = lowering.call(file);
  call.define("VW", chunks.vw).define("WG", chunks.wg);
  std::string all;
  for (std::size_t k = 0; k < chunks.ends.size(); ++k) all += fmt::format(" F({})", k);
  call.prelude = fmt::format("#define EACH_PARAMETER(F){}\n", all);
  const std::size_t outputs = op.out.size() / chunks.ends.size();
  for (std::size_t k = 0; k < chunks.ends.size(); ++k) {
    for (std::size_t i = k * inputs; i < (k + 1) * inputs; ++i) {
      if (op.has_input(i)) call.arg(in(static_cast<int>(i)));
    }
    for (std::size_t o = k * outputs; o < (k + 1) * outputs; ++o) {
      call.arg(out(static_cast<int>(o)));
      // Parameter and moments lie in order, but for the gradient between them.
      const std::size_t moment = o - k * outputs;
      lowering.may_share.emplace_back(static_cast<int>(o),
                                      static_cast<int>(k * inputs + moment + (moment > 0 ? 1 : 0)));
    }
    call.arg(to_int(op.shape(k * inputs).elements())).arg(to_int(chunks.ends[k]));
  }
  call.arg(in(static_cast<int>(op.in.size()) - 1)).arg(to_int(chunks.each));
  call.range({static_cast<std::size_t>(chunks.ends.back() * chunks.wg), 1, 1},
             {static_cast<std::size_t>(chunks.wg), 1, 1});
  call.loops(chunks.loops);
  return call;
}

float number(const OpView& op, const char* name, double absent) {
  return static_cast<float>(op.attributes().number(name, absent));
}

Cost cost(const OpView& op, std::size_t inputs, double flop) {
  double elements = 0;
  for (std::size_t p = 0; p + 1 < op.in.size(); p += inputs) {
    elements += static_cast<double>(op.shape(p).elements());
  }
  return {.flop = flop * elements, .bytes = op.operand_bytes()};
}

// ---- sgd_update(parameter, gradient, velocity?, steps) -----------------------------------------

std::vector<TensorType> infer_sgd(const OpView& op) {
  check_grouped(op, kSgdInputs);
  check_steps(op, op.in.size() - 1);
  const bool velocity = op.has_input(2);
  if (!velocity && op.attributes().number("momentum", 0) != 0) {
    shape_error(op, "momentum needs a velocity (input 2)");
  }
  std::vector<TensorType> results;
  for (std::size_t p = 0; p + 1 < op.in.size(); p += kSgdInputs) {
    check_f32(op, p, "parameter");
    check_alike(op, p, 1, "gradient");
    if (op.has_input(p + 2) != velocity) {
      shape_error(op, "velocity (input {}) is {}; expected one for all parameters or for none",
                  p + 2, velocity ? "absent" : "given");
    }
    results.push_back(*op.in[p]);
    if (!velocity) continue;
    check_alike(op, p, 2, "velocity");
    results.push_back(*op.in[p]);
  }
  return results;
}

std::vector<Array> reference_sgd(const OpView& op, std::span<const Array> in) {
  const Attributes& a = op.attributes();
  const double rate = a.number("learning_rate") / (1 + a.number("decay", 0) * in.back().data[0]);
  const double momentum = a.number("momentum", 0);
  const double weight_decay = a.number("weight_decay", 0);
  const bool nesterov = a.integer("nesterov", 0) != 0;
  std::vector<Array> results;
  for (std::size_t k = 0; k + 1 < in.size(); k += kSgdInputs) {
    Array p = in[k];
    Array velocity = in[k + 2];
    for (std::size_t i = 0; i < p.data.size(); ++i) {
      const double change = rate * (in[k + 1].data[i] + weight_decay * in[k].data[i]);
      if (!op.has_input(k + 2)) {
        p.data[i] -= change;
        continue;
      }
      velocity.data[i] = momentum * in[k + 2].data[i] - change;
      p.data[i] += nesterov ? momentum * velocity.data[i] - change : velocity.data[i];
    }
    results.push_back(std::move(p));
    if (op.has_input(k + 2)) results.push_back(std::move(velocity));
  }
  return results;
}

Lowering lower_sgd(const OpView& op, const Target& target, Family family) {
  const bool momentum = op.has_input(2);
  const bool nesterov = op.attributes().integer("nesterov", 0) != 0;
  Lowering lowering;
  KernelCall& call = add_call(lowering, "optimizer/sgd_update.cl", op, kSgdInputs,
                              chunks_of(op, kSgdInputs, family, target));
  call.define("MOMENTUM", momentum ? 1 : 0).define("NESTEROV", nesterov ? 1 : 0);
  call.arg(number(op, "momentum", 0)).arg(number(op, "learning_rate", 0));
  call.arg(number(op, "decay", 0)).arg(number(op, "weight_decay", 0));
  return lowering;
}

// ---- adam_update(parameter, gradient, m, v, steps) ---------------------------------------------

std::vector<TensorType> infer_adam(const OpView& op) {
  check_grouped(op, kAdamInputs);
  check_steps(op, op.in.size() - 1);
  std::vector<TensorType> results;
  for (std::size_t p = 0; p + 1 < op.in.size(); p += kAdamInputs) {
    check_f32(op, p, "parameter");
    check_alike(op, p, 1, "gradient");
    check_alike(op, p, 2, "m");
    check_alike(op, p, 3, "v");
    results.insert(results.end(), 3, *op.in[p]);
  }
  return results;
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
  const double t = in.back().data[0] + 1;
  const double rate = a.learning_rate / (1 + a.decay * in.back().data[0]) *
                      std::sqrt(1 - std::pow(a.beta2, t)) / (1 - std::pow(a.beta1, t));
  std::vector<Array> results;
  for (std::size_t k = 0; k + 1 < in.size(); k += kAdamInputs) {
    Array p = in[k];
    Array m = in[k + 2];
    Array v = in[k + 3];
    for (std::size_t i = 0; i < p.data.size(); ++i) {
      const double g = in[k + 1].data[i] + a.weight_decay * in[k].data[i];
      m.data[i] = a.beta1 * m.data[i] + (1 - a.beta1) * g;
      v.data[i] = a.beta2 * v.data[i] + (1 - a.beta2) * g * g;
      p.data[i] -= rate * m.data[i] / (std::sqrt(v.data[i]) + a.epsilon);
    }
    for (Array* result : {&p, &m, &v}) results.push_back(std::move(*result));
  }
  return results;
}

Lowering lower_adam(const OpView& op, const Target& target, Family family) {
  const Adam a = adam_of(op);
  Lowering lowering;
  KernelCall& call = add_call(lowering, "optimizer/adam_update.cl", op, kAdamInputs,
                              chunks_of(op, kAdamInputs, family, target));
  // A beta of 0 has no logarithm; exp(-1000) is as much nothing as 0^t.
  const auto log_of = [](double beta) {
    return static_cast<float>(beta > 0 ? std::log(beta) : -1000.0);
  };
  call.arg(static_cast<float>(a.learning_rate)).arg(static_cast<float>(a.decay));
  call.arg(static_cast<float>(1 - a.beta1)).arg(static_cast<float>(1 - a.beta2));
  call.arg(log_of(a.beta1)).arg(log_of(a.beta2));
  call.arg(static_cast<float>(a.epsilon)).arg(static_cast<float>(a.weight_decay));
  return lowering;
}

// What one call can take: 1024 bytes of arguments are allowed everywhere.
std::size_t most_parameters(std::size_t inputs, std::size_t outputs) {
  constexpr std::size_t kMostBytes = 1024;
  constexpr std::size_t kScalars = 64;  // and steps
  constexpr std::size_t kMost = 16;
  const std::size_t each = (inputs + outputs) * sizeof(std::uint64_t) + 2 * sizeof(std::int32_t);
  return std::min(kMost, (kMostBytes - kScalars) / each);
}

constexpr const char* kNoGradient = "an update ends a training step";

}  // namespace

std::optional<UpdateGroup> update_group(const Node& node) {
  if (node.op == "sgd_update" && node.inputs.size() == kSgdInputs + 1) {
    const bool velocity = node.inputs[2] != kNoValue;
    return UpdateGroup{most_parameters(velocity ? 3 : 2, velocity ? 2 : 1)};
  }
  if (node.op == "adam_update" && node.inputs.size() == kAdamInputs + 1) {
    return UpdateGroup{most_parameters(kAdamInputs, 3)};
  }
  return std::nullopt;
}

std::vector<OpDef> optimizer_ops() {
  return {{.name = "sgd_update",
           .infer = infer_sgd,
           .reference = reference_sgd,
           .gradient = no_gradient(kNoGradient),
           .cost = [](const OpView& op) { return cost(op, kSgdInputs, op.has_input(2) ? 6 : 4); },
           .variants = both_families(lower_sgd)},
          {.name = "adam_update",
           .infer = infer_adam,
           .reference = reference_adam,
           .gradient = no_gradient(kNoGradient),
           .cost = [](const OpView& op) { return cost(op, kAdamInputs, 14); },
           .variants = both_families(lower_adam)}};
}

}  // namespace pinnacle
