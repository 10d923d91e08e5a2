// Optimizers: one update node per parameter, with its moments as states beside the parameter.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/train.hpp>

#include <cmath>

namespace pinnacle {
namespace {

void check(const char* optimizer, const char* option, double value, bool fits, const char* wanted) {
  if (fits && std::isfinite(value)) return;
  throw ArgumentError(fmt::format("{} is {}; it must be {}", option, value, wanted), optimizer);
}

const std::string& name_of(Value parameter) {
  return parameter.network().graph().value(parameter.id()).name;
}

// Zeros like the parameter, called "<parameter>.<name>".
Value moment(Value parameter, const std::string& name) {
  return state(parameter.network(), name_of(parameter), name, Tensor(parameter.shape()));
}

// Adds the update node; its outputs are the new contents of parameter and moments, in this order.
void add_update(Network& network, const char* op, std::vector<ValueId> inputs,
                Attributes attributes, const std::vector<Value>& targets) {
  const std::string name = name_of(targets.front()) + ".update";
  const std::vector<ValueId> results =
      network.builder().apply_all(find_op(op), std::move(inputs), std::move(attributes), name);
  for (std::size_t i = 0; i < targets.size(); ++i) update(targets[i], Value(network, results[i]));
}

}  // namespace

Optimizer sgd(SgdOptions options) {
  check("sgd", "learning_rate", options.learning_rate, options.learning_rate > 0, "positive");
  check("sgd", "momentum", options.momentum, options.momentum >= 0 && options.momentum < 1,
        "in [0, 1)");
  check("sgd", "decay", options.decay, options.decay >= 0, "0 or more");
  check("sgd", "weight_decay", options.weight_decay, options.weight_decay >= 0, "0 or more");
  if (options.nesterov && options.momentum == 0) {
    throw ArgumentError("nesterov needs a momentum", "sgd", "add .momentum = 0.9");
  }
  const auto apply = [options](Network& network, Value parameter, Value gradient, Value steps) {
    std::vector<Value> targets{parameter};
    if (options.momentum > 0) targets.push_back(moment(parameter, "velocity"));
    const ValueId velocity = options.momentum > 0 ? targets.back().id() : kNoValue;
    add_update(network, "sgd_update", {parameter.id(), gradient.id(), velocity, steps.id()},
               {{"learning_rate", options.learning_rate},
                {"momentum", options.momentum},
                {"nesterov", std::int64_t{options.nesterov ? 1 : 0}},
                {"decay", options.decay},
                {"weight_decay", options.weight_decay}},
               targets);
  };
  return {"sgd", apply};
}

Optimizer adam(AdamOptions options) {
  check("adam", "learning_rate", options.learning_rate, options.learning_rate > 0, "positive");
  check("adam", "beta1", options.beta1, options.beta1 >= 0 && options.beta1 < 1, "in [0, 1)");
  check("adam", "beta2", options.beta2, options.beta2 >= 0 && options.beta2 < 1, "in [0, 1)");
  check("adam", "epsilon", options.epsilon, options.epsilon > 0, "positive");
  check("adam", "decay", options.decay, options.decay >= 0, "0 or more");
  check("adam", "weight_decay", options.weight_decay, options.weight_decay >= 0, "0 or more");
  const auto apply = [options](Network& network, Value parameter, Value gradient, Value steps) {
    const std::vector<Value> targets{parameter, moment(parameter, "adam_m"),
                                     moment(parameter, "adam_v")};
    add_update(network, "adam_update",
               {parameter.id(), gradient.id(), targets[1].id(), targets[2].id(), steps.id()},
               {{"learning_rate", options.learning_rate},
                {"beta1", options.beta1},
                {"beta2", options.beta2},
                {"epsilon", options.epsilon},
                {"decay", options.decay},
                {"weight_decay", options.weight_decay}},
               targets);
  };
  return {"adam", apply};
}

}  // namespace pinnacle
