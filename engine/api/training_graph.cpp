// SPDX-License-Identifier: Apache-2.0
#include "api/training_graph.hpp"

#include "passes/passes.hpp"

namespace pinnacle {
namespace {

Shape batched(const Shape& shape, std::size_t first_axis, std::int64_t batch) {
  std::vector<std::int64_t> dims = {batch};
  dims.insert(dims.end(), shape.begin() + static_cast<std::ptrdiff_t>(first_axis), shape.end());
  return Shape(std::move(dims));
}

Value input(Network& network, const std::string& name, TensorType type) {
  GraphValue value;
  value.name = name;
  value.type = std::move(type);
  value.role = Role::input;
  const ValueId id = network.graph().add_value(std::move(value));
  network.graph().inputs.push_back(id);
  return {network, id};
}

Value resident(Network& network, const std::string& name, const Tensor& data) {
  return state(network, "dataset", name, data);
}

// sum += mean * batch, and an output for the mean.
void record(Value mean, const std::string& group, const std::string& name, std::int64_t batch) {
  Network& network = mean.network();
  if (mean.shape().elements() != 1) {
    throw ShapeError(fmt::format("the {} is {}; expected one number", name, mean.shape()),
                     "Trainer", "reduce it over the batch, for example with reduce_mean");
  }
  const Value sum = state(network, group, name, Tensor(mean.shape()));
  update(sum, sum + mean * static_cast<float>(batch));
}

void add_output(Value value, const std::string& name) {
  value.network().graph().value(value.id()).name = name;
  value.network().graph().outputs.push_back(value.id());
}

}  // namespace

Graph training_graph(const Model& model, const Dataset& data, const TrainerOptions& options,
                     std::int64_t batch, Feed feed) {
  Network network(/*training=*/true, model.seed(), &model.weights());
  Graph& graph = network.graph();
  const auto [x, y] = [&]() -> std::pair<Value, Value> {
    if (feed == Feed::resident) {
      const Value indices = input(network, "indices", {Shape({batch}), DType::i32});
      return {pinnacle::apply("gather", {resident(network, "x", data.x), indices}),
              pinnacle::apply("gather", {resident(network, "y", data.y), indices})};
    }
    const Value sample = input(network, "x", {batched(data.x.shape(), 1, batch), data.x.dtype()});
    return {sample, input(network, "y", {batched(data.y.shape(), 1, batch), data.y.dtype()})};
  }();
  const Value prediction = model.layer()(x);
  const Value loss = options.loss(prediction, y);

  std::vector<ValueId> parameters;
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (graph.values[i].role == Role::parameter) parameters.push_back(static_cast<ValueId>(i));
  }
  if (parameters.empty()) {
    throw ArgumentError("the network has no parameters to train", "Trainer");
  }
  const std::vector<ValueId> gradients = differentiate(graph, loss.id(), parameters);
  const Value done = steps(network);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (gradients[i] == kNoValue) {
      throw ArgumentError("the loss does not depend on this parameter",
                          graph.value(parameters[i]).name);
    }
    options.optimizer.apply(network, {network, parameters[i]}, {network, gradients[i]}, done);
  }
  update(done, done + 1.0f);
  record(loss, "sum", "loss", batch);
  add_output(loss, "loss");
  if (options.metric) {
    const Value metric = options.metric(prediction, y);
    record(metric, "sum", "metric", batch);
    add_output(metric, "metric");
  }
  return std::move(graph);
}

Graph evaluation_graph(const Model& model, const TensorType& target, const TrainerOptions& options,
                       std::int64_t batch) {
  Network network(/*training=*/false, model.seed(), &model.weights());
  const Value x =
      input(network, "x", {batched(model.sample().shape, 0, batch), model.sample().dtype});
  const Value y = input(network, "y", {batched(target.shape, 1, batch), target.dtype});
  const Value prediction = model.layer()(x);
  if (options.loss) record(options.loss(prediction, y), "evaluation", "loss", batch);
  if (options.metric) record(options.metric(prediction, y), "evaluation", "metric", batch);
  return std::move(network.graph());
}

}  // namespace pinnacle
