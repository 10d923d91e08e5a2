// Networks under construction: names, parameters, states, and ops applied to values.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/value.hpp>

#include <memory>

#include "nn/initializers.hpp"

namespace pinnacle {
namespace {

void check_extents(const Shape& shape, const std::string& name) {
  for (const std::int64_t extent : shape) {
    if (extent <= 0) {
      throw ShapeError(fmt::format("{} has an extent that is not positive", shape), name);
    }
  }
}

Value persistent(Network& network, Role role, const std::string& name, Tensor contents) {
  Graph& graph = network.graph();
  GraphValue value;
  value.name = name;
  value.type = contents.type();
  value.role = role;
  value.data = std::make_shared<const Tensor>(std::move(contents));
  return {network, graph.add_value(std::move(value))};
}

// The contents given to the network for `name`, checked; nullptr if there are none.
const Tensor* given_contents(const Network& network, const std::string& name,
                             const TensorType& type) {
  const Tensor* given = network.given(name);
  if (given != nullptr && given->type() != type) {
    throw ShapeError(fmt::format("is {} but the weights given hold {}", type, given->type()), name,
                     "they belong to another network");
  }
  return given;
}

void check_name(Network& network, const std::string& name) {
  if (network.graph().find(name) != kNoValue) {
    throw ArgumentError("the network already has a value of that name", name,
                        "make each layer's name with network.layer_name(stem)");
  }
}

Network& common_network(std::string_view op, const std::vector<Value>& inputs) {
  if (inputs.empty()) throw ArgumentError("needs at least one value", std::string(op));
  Network& network = inputs.front().network();
  for (const Value& input : inputs) {
    if (&input.network() != &network) {
      throw ArgumentError("the values belong to different networks", std::string(op),
                          "a layer must use the value that it is given, and only values made "
                          "from it");
    }
  }
  return network;
}

}  // namespace

std::string Network::layer_name(const std::string& stem) { return graph_.fresh_name(stem); }

const Tensor* Network::given(const std::string& name) const {
  if (weights_ == nullptr) return nullptr;
  const auto it = weights_->find(name);
  return it == weights_->end() ? nullptr : &it->second;
}

Value apply(const OpDef& op, std::vector<Value> inputs, Attributes attributes) {
  Network& network = common_network(op.name, inputs);
  std::vector<ValueId> ids;
  ids.reserve(inputs.size());
  for (const Value& input : inputs) ids.push_back(input.id());
  return {network, network.builder().apply(op, std::move(ids), std::move(attributes))};
}

Value apply(std::string_view op, std::vector<Value> inputs, Attributes attributes) {
  return apply(find_op(op), std::move(inputs), std::move(attributes));
}

Value parameter(Network& network, const std::string& layer, const std::string& name, Shape shape,
                Initializer initializer) {
  const std::string full = layer + "." + name;
  check_extents(shape, full);
  check_name(network, full);
  const Tensor* given = given_contents(network, full, {shape, DType::f32});
  return persistent(
      network, Role::parameter, full,
      given != nullptr ? *given : initial_tensor(initializer, shape, network.seed(), full));
}

Value state(Network& network, const std::string& layer, const std::string& name, Tensor initial) {
  const std::string full = layer + "." + name;
  check_extents(initial.shape(), full);
  check_name(network, full);
  const Tensor* given = given_contents(network, full, initial.type());
  return persistent(network, Role::state, full, given != nullptr ? *given : std::move(initial));
}

Value steps(Network& network) {
  const std::string name = "steps";
  if (const ValueId id = network.graph().find(name); id != kNoValue) return {network, id};
  const Tensor* given = given_contents(network, name, {{}, DType::f32});
  return persistent(network, Role::state, name, given != nullptr ? *given : Tensor::scalar(0));
}

void update(Value target, Value source) {
  Network& network = common_network("update", {target, source});
  Graph& graph = network.graph();
  const GraphValue& value = graph.value(target.id());
  if (value.role != Role::parameter && value.role != Role::state) {
    throw ArgumentError(fmt::format("{} is no parameter and no state", to_string(value.role)),
                        fmt::format("update of \"{}\"", value.name));
  }
  if (value.type != graph.type(source.id())) {
    throw ShapeError(
        fmt::format("is {} but the new value is {}", value.type, graph.type(source.id())),
        fmt::format("update of \"{}\"", value.name));
  }
  graph.updates.push_back({target.id(), source.id()});
}

Layer operator|(Layer first, Layer second) {
  return
      [first = std::move(first), second = std::move(second)](Value x) { return second(first(x)); };
}

}  // namespace pinnacle
