// OnnxModel: a network read from an ONNX file (https://onnx.ai), and networks written to one.
// Reading checks the file; graph() makes the graph for given shapes. No device is touched.
// Thread safety: const members may be called from several threads.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/graph.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pinnacle {

class Model;

/// What a model file may ask for at most: files are not trusted. Units: bytes where the name says so.
struct OnnxLimits {
  std::uint64_t file_bytes = (std::uint64_t{2} << 30) - 1;  ///< of the model file itself
  std::uint64_t weight_bytes = std::uint64_t{16} << 30;     ///< initializers and constants together
  std::int64_t nodes = 200'000;  ///< after functions and loops are unrolled
  int nesting = 32;              ///< subgraphs in subgraphs, functions in functions
  double fold_flop = 4e9;        ///< work on constants while importing, all nodes together
};

/// An input or output as the file declares it.
struct OnnxPort {
  std::string name;
  DType dtype = DType::f32;
  /// False for what is no tensor, or of an element type that Pinnacle does not have.
  bool supported = true;
  /// An extent, or -1 where it is symbolic or not said; none: not even the rank is said.
  std::optional<std::vector<std::int64_t>> dims;
  /// Names of symbolic extents ("batch_size"), "" elsewhere; as long as dims.
  std::vector<std::string> symbols;
};

/// What graph() needs to make shapes static.
struct OnnxBinding {
  /// Extents of symbolic dimensions by name. Those that are not named are 1.
  std::map<std::string, std::int64_t, std::less<>> symbols = {};
  /// Shapes of inputs by name; they go before `symbols`.
  std::map<std::string, Shape, std::less<>> shapes = {};
  /// Contents of inputs that decide shapes (the second input of Reshape, say). Such an input is fixed:
  /// it becomes part of the graph and is not among the graph's inputs any more. The contents of
  /// other inputs are not used.
  std::map<std::string, Tensor, std::less<>> contents = {};
};

class OnnxModel {
 public:
  /// Inputs without those that the file gives contents for.
  const std::vector<OnnxPort>& inputs() const;
  const std::vector<OnnxPort>& outputs() const;
  /// Version of the default operator set, 1 to 28; below 7 the operators that say so are taken.
  int opset() const;

  /// The graph for these shapes, with the file's names and weights as constants.
  /// throws   UnsupportedError that lists every node that cannot be imported; ShapeError; ParseError;
  ///          ArgumentError for a symbol, shape or contents of no input
  Graph graph(const OnnxBinding& binding = {}) const;

  struct Impl;
  explicit OnnxModel(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<const Impl> impl_;
};

/// Reads a model file. External data must lie in the model's folder or below it.
/// throws   FileError; ParseError for what is no valid model; UnsupportedError if Pinnacle was built
///          without ONNX, or for an operator set that it does not know
OnnxModel load(const std::filesystem::path& file, const OnnxLimits& limits = {});
/// The same from memory. `folder` is where external data lies; empty: there may be none.
/// throws   as load()
OnnxModel parse_onnx(std::span<const std::byte> bytes, const std::filesystem::path& folder = {},
                     const OnnxLimits& limits = {});
/// A tensor as the ONNX project's test data holds them (TensorProto in a .pb file).
/// throws   FileError, ParseError, UnsupportedError
Tensor load_onnx_tensor(const std::filesystem::path& file);

/// Writes a graph as an ONNX model, operator set 17, atomically. Names of inputs, outputs and weights
/// are kept; what serves training alone is left out.
/// throws   FileError; UnsupportedError that lists every node that cannot be written: ONNX has no
///          operator for it, or Pinnacle no row of the map, or if the
///          file would be larger than 2 GiB
void save_onnx(const Graph& graph, const std::filesystem::path& file);
/// The model for inference. Its batch axis is the symbol "batch", unless the network is another for
/// each batch size: then it is 1.
/// throws   as above
void save_onnx(const Model& model, const std::filesystem::path& file);

}  // namespace pinnacle
