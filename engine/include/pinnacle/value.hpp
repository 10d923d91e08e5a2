// Value and Layer: how a network is written down. A layer is any function Value -> Value;
// `|` composes layers; operators and the functions of functions.hpp work on values.
// Thread safety: one graph is built by one thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/graph.hpp>
#include <pinnacle/op.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <type_traits>
#include <utility>

namespace pinnacle {

/// How the first contents of a parameter are drawn, from its shape and a seed.
struct Initializer {
  enum class Kind : std::uint8_t {
    zeros,
    ones,
    constant,
    normal,
    uniform,
    glorot_uniform,
    glorot_normal,
    he_uniform,
    he_normal
  };
  Kind kind = Kind::glorot_uniform;
  double scale = 0;  ///< constant: the value; normal: standard deviation; uniform: half the range
};

/// A graph under construction: what a Value refers to.
class Network {
 public:
  /// training: dropout drops and batch_norm uses and updates batch statistics.
  /// weights: first contents of the parameters and states named there, instead of drawn ones.
  /// REQUIRES: `weights` outlives the construction.
  Network(bool training, std::uint64_t seed, const std::map<std::string, Tensor>* weights = nullptr)
      : training_(training), seed_(seed), weights_(weights) {}
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  Graph& graph() { return graph_; }
  bool training() const { return training_; }
  std::uint64_t seed() const { return seed_; }
  Builder builder() { return Builder(graph_); }
  /// "conv2d_1", "conv2d_2", ... in the order of construction: the same network gets the same names
  /// each time it is built, which is how graphs for other batch sizes share parameters.
  std::string layer_name(const std::string& stem);
  /// The contents given for `name`, or nullptr.
  const Tensor* given(const std::string& name) const;

 private:
  Graph graph_;
  bool training_;
  std::uint64_t seed_;
  const std::map<std::string, Tensor>* weights_;
};

/// A value of a graph under construction: a cheap handle.
/// REQUIRES: its Network outlives it.
class Value {
 public:
  Value(Network& network, ValueId id) : network_(&network), id_(id) {}

  Network& network() const { return *network_; }
  ValueId id() const { return id_; }
  const Shape& shape() const { return network_->graph().type(id_).shape; }
  DType dtype() const { return network_->graph().type(id_).dtype; }

 private:
  Network* network_;
  ValueId id_;
};

/// Applies any op, also one from outside the library; returns its first output.
/// shapes   as the op defines them
/// throws   ShapeError; ArgumentError if the values belong to different graphs
Value apply(const OpDef& op, std::vector<Value> inputs, Attributes attributes = {});
Value apply(std::string_view op, std::vector<Value> inputs, Attributes attributes = {});

/// A persistent, trained value called `layer.name`.
/// shapes   any
/// throws   ShapeError if an extent is not positive; ArgumentError if the name is taken or the
///          initializer makes no sense
Value parameter(Network& network, const std::string& layer, const std::string& name, Shape shape,
                Initializer initializer);
/// A persistent value that is not trained, such as a running mean.
/// shapes   any
/// throws   ShapeError if an extent is not positive; ArgumentError if the name is taken
Value state(Network& network, const std::string& layer, const std::string& name, Tensor initial);
/// The state "steps": how many training steps are done, shared by dropout and the optimizers. Made
/// at the first call; who builds a training step adds the update steps := steps + 1.
/// shapes   f32 []
/// throws   nothing
Value steps(Network& network);
/// After each run `target` (a parameter or state) holds `source`.
/// shapes   both alike
/// throws   ShapeError; ArgumentError if `target` is neither
void update(Value target, Value source);

/// A function Value -> Value with `|`. Holds a recipe, not parameters: each network built from it
/// makes its own.
class Layer {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, Layer> && std::is_invocable_r_v<Value, F, Value>)
      Layer(F function)
      : function_(std::move(function)) {}  // NOLINT: implicit, so that `|` reads well

  Value operator()(Value x) const { return function_(x); }

 private:
  std::function<Value(Value)> function_;
};

/// first, then second.
Layer operator|(Layer first, Layer second);

/// A function of one value that also composes with `|`, with a name and no options: relu, flatten.
class UnaryFunction {
 public:
  constexpr explicit UnaryFunction(const char* op) : op_(op) {}
  /// shapes   the op's
  /// throws   ShapeError
  Value operator()(Value x) const { return pinnacle::apply(op_, {x}); }
  const char* op() const { return op_; }

 private:
  const char* op_;
};
inline Layer operator|(UnaryFunction first, UnaryFunction second) {
  return Layer(first) | Layer(second);
}

}  // namespace pinnacle
