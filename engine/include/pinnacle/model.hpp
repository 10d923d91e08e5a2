// Model: a network as a recipe with its parameters. Graphs for any batch size are built from it.
// Thread safety: const members may be called from several threads.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/layers.hpp>

#include <filesystem>
#include <map>
#include <string>

namespace pinnacle {

/// Named tensors: parameters, states, optimizer moments.
using Weights = std::map<std::string, Tensor>;

class Model {
 public:
  /// sample: the type of one sample, without the batch axis.
  /// The network is built once at batch 1 to check it and to draw its parameters from `seed`.
  /// throws   ShapeError
  Model(Layer layer, TensorType sample, std::uint64_t seed = 1);

  const TensorType& sample() const { return sample_; }
  /// The shape of one result, without the batch axis.
  const Shape& result() const { return result_; }
  std::uint64_t seed() const { return seed_; }
  const Layer& layer() const { return layer_; }
  const Weights& weights() const { return weights_; }
  Weights& weights() { return weights_; }
  /// How many numbers are trained: states such as running means do not count.
  std::int64_t parameter_count() const { return parameter_count_; }

  /// Input "x" [batch, sample...] -> output "y", with this model's weights as contents.
  /// shapes   batch is at least 1
  /// throws   ShapeError
  Graph inference_graph(std::int64_t batch) const;

  /// A table: layer, output shape, parameters; totals below.
  std::string summary() const;

  /// A name that ends in .onnx: the network for inference with its weights, as ONNX (see save_onnx).
  /// Any other: parameters and states as safetensors. Written atomically.
  /// throws   FileError; UnsupportedError if ONNX has no operator for a part of the network
  void save(const std::filesystem::path& file) const;
  /// Optimizer states in the file, as in a checkpoint of a training run, are left out.
  /// throws   FileError, ParseError; ShapeError if names or shapes differ from this model's
  void load(const std::filesystem::path& file);

 private:
  Layer layer_;
  TensorType sample_;
  Shape result_;
  std::uint64_t seed_;
  Weights weights_;
  std::int64_t parameter_count_ = 0;
};

/// Puts `weights` into the parameters and states of the same names; names that the graph does not
/// have are left out.
/// shapes   those of the graph
/// throws   ShapeError
void set_weights(Graph& graph, const Weights& weights);

/// Reads and writes safetensors files (https://github.com/huggingface/safetensors): named tensors
/// with text metadata. Writing is atomic: temporary file, fsync, rename.
/// throws   FileError, ParseError; UnsupportedError for element types that Pinnacle does not have
struct Checkpoint {
  Weights tensors;
  std::map<std::string, std::string> metadata;
};
Checkpoint load_safetensors(const std::filesystem::path& file);
void save_safetensors(const std::filesystem::path& file, const Checkpoint& checkpoint);

}  // namespace pinnacle
