// What is tuned: one node of a compiled graph, which travels to the child process as JSON and
// becomes a graph of its own there.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/op.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/environment.hpp"

namespace pinnacle::bench {

/// An input that is made of other inputs of its node, as the largest values are of a pooling's
/// input: output `output` of an op on inputs `from`.
struct MadeInput {
  std::string op;
  std::vector<int> from;  ///< -1: absent
  Attributes attributes;
  std::size_t output = 0;
};

struct TuneWork {
  std::string key;  ///< see ops/shape_key.hpp
  std::string op;
  std::vector<std::optional<TensorType>> in;
  std::vector<bool> fixed;  ///< see OpView
  Attributes attributes;
  std::map<std::size_t, MadeInput> made = {};
  double low = -1, high = 1;  ///< f32 inputs are uniform in [low, high]
  std::int64_t int_high = 2;  ///< i32 inputs in [0, int_high)
  double tolerance = 5e-5;    ///< relative to max(1, largest |reference|)
};

Json to_json(const TuneWork& work);
/// throws ParseError
TuneWork work_from_json(const Json& json);

/// The numbers of each input; nothing where one is absent. The same on every machine.
std::vector<std::optional<Tensor>> work_inputs(const TuneWork& work);
/// One node; inputs "x0", "x1", ...; fixed ones are parameters that hold `inputs`.
Graph work_graph(const TuneWork& work, const std::vector<std::optional<Tensor>>& inputs);

struct WorkSelection {
  bool ops = false;   ///< the op cases marked perf
  std::string model;  ///< "lenet", "mlp" or ""
  std::int64_t batch = 128;
  std::string op;      ///< only nodes of this op
  std::string filter;  ///< only keys with this text
};
/// Nodes among whose variants and parameters there is a choice on that target, each once.
/// throws   ArgumentError if there is none
std::vector<TuneWork> select_work(const WorkSelection& selection, const Target& target);

}  // namespace pinnacle::bench
