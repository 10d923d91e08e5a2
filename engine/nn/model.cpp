// Model: builds graphs from the recipe, keeps the weights, prints the summary.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/model.hpp>

#include <algorithm>
#include <memory>
#include <vector>

namespace pinnacle {
namespace {

// Adds the input "x" and the layer's nodes.
Value build(Network& network, const Layer& layer, const TensorType& sample, std::int64_t batch) {
  if (batch < 1)
    throw ShapeError(fmt::format("batch is {}; it must be at least 1", batch), "Model");
  for (const std::int64_t extent : sample.shape) {
    if (extent < 1) {
      throw ShapeError(fmt::format("a sample of shape {} has no elements", sample.shape), "Model");
    }
  }
  std::vector<std::int64_t> dims{batch};
  dims.insert(dims.end(), sample.shape.begin(), sample.shape.end());
  Graph& graph = network.graph();
  GraphValue input;
  input.name = "x";
  input.type = {Shape(std::move(dims)), sample.dtype};
  input.role = Role::input;
  const Value x(network, graph.add_value(std::move(input)));
  graph.inputs.push_back(x.id());
  const Value y = layer(x);
  if (&y.network() != &network) {
    throw ArgumentError("the layer returns a value of another network", "Model");
  }
  if (graph.value(y.id()).role != Role::local) {
    throw ArgumentError("the layer computes nothing: it returns a value as it was given", "Model");
  }
  if (y.shape().rank() == 0 || y.shape()[0] != batch) {
    throw ShapeError(fmt::format("the result for {} samples is {}", batch, y.shape()), "Model",
                     "its first axis must be the batch");
  }
  graph.outputs.push_back(y.id());
  return y;
}

void collect(const Graph& graph, Weights& weights, std::int64_t& parameters) {
  for (const GraphValue& value : graph.values) {
    if (value.role != Role::parameter && value.role != Role::state) continue;
    if (!weights.emplace(value.name, *value.data).second) continue;
    if (value.role == Role::parameter) parameters += value.type.shape.elements();
  }
}

// 118,282
std::string with_commas(std::int64_t number) {
  const std::string digits = fmt::format("{}", number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string before_dot(const std::string& name) { return name.substr(0, name.find('.')); }

// "[N, 6, 28, 28]" of a shape at batch 1.
std::string batch_shape(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (i == 0) {
      text += shape[0] == 1 ? "N" : fmt::format("{} N", shape[0]);
    } else {
      text += fmt::format(", {}", shape[i]);
    }
  }
  return text + "]";
}

struct Row {
  std::string layer;
  std::string shape;
  std::int64_t parameters;
};

// A node belongs to the layer whose parameters it reads, else to the one that its name starts with.
std::string layer_of(const Graph& graph, const Node& node) {
  for (const ValueId id : node.inputs) {
    if (id == kNoValue) continue;
    const GraphValue& value = graph.value(id);
    if (value.role == Role::parameter) return before_dot(value.name);
  }
  return before_dot(node.name);
}

// Which values lead to the output: others only follow it, such as new running means.
std::vector<bool> needed_values(const Graph& graph) {
  std::vector<bool> needed(graph.values.size());
  for (const ValueId id : graph.outputs) needed[static_cast<std::size_t>(id)] = true;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const bool leads = std::any_of(node->outputs.begin(), node->outputs.end(), [&](ValueId id) {
      return needed[static_cast<std::size_t>(id)];
    });
    if (!leads) continue;
    for (const ValueId id : node->inputs) {
      if (id != kNoValue) needed[static_cast<std::size_t>(id)] = true;
    }
  }
  return needed;
}

std::vector<Row> rows_of(const Graph& graph) {
  std::map<std::string, std::int64_t> parameters;
  for (const GraphValue& value : graph.values) {
    if (value.role == Role::parameter) {
      parameters[before_dot(value.name)] += value.type.shape.elements();
    }
  }
  const std::vector<bool> needed = needed_values(graph);
  std::vector<Row> rows;
  for (const Node& node : graph.nodes) {
    const ValueId y = node.outputs.front();
    if (!needed[static_cast<std::size_t>(y)]) continue;
    const std::string layer = layer_of(graph, node);
    if (rows.empty() || rows.back().layer != layer) rows.push_back({layer, "", 0});
    rows.back().shape = batch_shape(graph.type(y).shape);
    rows.back().parameters += std::exchange(parameters[layer], 0);
  }
  return rows;
}

}  // namespace

Model::Model(Layer layer, TensorType sample, std::uint64_t seed)
    : layer_(std::move(layer)), sample_(std::move(sample)), seed_(seed) {
  for (const bool training : {false, true}) {
    Network network(training, seed_, &weights_);
    const Shape y = build(network, layer_, sample_, 1).shape();
    result_ = Shape(std::vector<std::int64_t>(y.begin() + 1, y.end()));
    collect(network.graph(), weights_, parameter_count_);
  }
}

Graph Model::inference_graph(std::int64_t batch) const {
  Network network(false, seed_, &weights_);
  const Value y = build(network, layer_, sample_, batch);
  network.graph().value(y.id()).name = "y";
  return std::move(network.graph());
}

std::string Model::summary() const {
  Network network(true, seed_, &weights_);
  build(network, layer_, sample_, 1);
  const std::vector<Row> rows = rows_of(network.graph());
  std::size_t name_width = 5, shape_width = 12;
  for (const Row& row : rows) {
    name_width = std::max(name_width, row.layer.size());
    shape_width = std::max(shape_width, row.shape.size());
  }
  const auto line = [&](const std::string& name, const std::string& shape,
                        const std::string& parameters) {
    return fmt::format("{:<{}}  {:<{}}  {:>12}\n", name, name_width, shape, shape_width,
                       parameters);
  };
  const std::string rule(name_width + shape_width + 16, '-');
  std::string text = line("layer", "output shape", "parameters") + rule + "\n";
  for (const Row& row : rows) text += line(row.layer, row.shape, with_commas(row.parameters));
  return text + rule + "\n" + line("total", "", with_commas(parameter_count_));
}

void set_weights(Graph& graph, const Weights& weights) {
  for (GraphValue& value : graph.values) {
    if (value.role != Role::parameter && value.role != Role::state) continue;
    const auto it = weights.find(value.name);
    if (it == weights.end()) continue;
    if (it->second.type() != value.type) {
      throw ShapeError(fmt::format("is {} but the weight is {}", value.type, it->second.type()),
                       value.name, "the weights belong to another network");
    }
    value.data = std::make_shared<const Tensor>(it->second);
  }
}

}  // namespace pinnacle
