// A model file as work for the bench: its graph for the asked shapes, and inputs for it.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/onnx.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace pinnacle::bench {

struct OnnxWorkOptions {
  std::int64_t batch = 0;           ///< for symbolic first axes; 0: as the file says, else 1
  std::vector<std::string> shapes;  ///< "x=1x3x224x224", or without the name if there is one input
  std::string inputs;               ///< a folder with input_N.pb; empty: numbers made up
};

struct OnnxWork {
  std::string name;  ///< the file's, without its folder
  Graph graph;
  /// Contents of all inputs; with a folder also of those that are fixed in the graph by now.
  std::map<std::string, Tensor> inputs;
};

/// throws   ArgumentError for options that do not fit the model; what load() and graph() throw
OnnxWork make_work(const std::filesystem::path& file, const OnnxWorkOptions& options);

/// The inputs that the graph still has.
std::map<std::string, Tensor> run_inputs(const Graph& graph, const OnnxWork& work);

/// What a symbolic batch axis of N binds. throws ArgumentError if the model's axis is fixed
OnnxBinding bind_batch(const OnnxModel& model, std::int64_t batch);
/// The shape of --shape for an input. throws ArgumentError that says how it is written
std::pair<std::string, Shape> parse_input_shape(const std::string& text,
                                                const std::vector<OnnxPort>& inputs);
/// Numbers in [-1, 1), the same for the same name; integers are 0 or 1, valid as index and as mask.
Tensor made_up(const std::string& name, const TensorType& type);

}  // namespace pinnacle::bench
