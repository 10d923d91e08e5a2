// SPDX-License-Identifier: Apache-2.0
#include "api/training_graph.hpp"

#include <algorithm>
#include <optional>

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

// What this device adds to the mean over the samples of all.
Value part_of(Value mean, const Share& share) {
  return share.of_batch == 1 ? mean : mean * static_cast<float>(share.of_batch);
}

// Gradients by buckets, in the order in which they come to be, so that the first are on their way while
// the rest is computed; `others` go with the last. All are replaced by the sums.
void sum_over_devices(Graph& graph, std::vector<ValueId>& gradients,
                      const std::vector<ValueId*>& others) {
  constexpr std::size_t kBucketBytes = 4 << 20;
  std::vector<std::size_t> written(graph.values.size(), 0);  // by which node
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const ValueId id : graph.nodes[i].outputs) written[static_cast<std::size_t>(id)] = i;
  }
  std::vector<ValueId*> order;
  for (ValueId& id : gradients) order.push_back(&id);
  std::stable_sort(order.begin(), order.end(), [&](const ValueId* a, const ValueId* b) {
    return written[static_cast<std::size_t>(*a)] < written[static_cast<std::size_t>(*b)];
  });
  order.insert(order.end(), others.begin(), others.end());
  Builder builder(graph);
  std::vector<ValueId*> bucket;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    bucket.push_back(order[i]);
    bytes += graph.type(*order[i]).bytes();
    if (bytes < kBucketBytes && i + 1 < order.size()) continue;
    std::vector<ValueId> inputs;
    for (const ValueId* id : bucket) inputs.push_back(*id);
    const std::vector<ValueId> sums = builder.apply_all(find_op("all_reduce"), inputs);
    for (std::size_t k = 0; k < sums.size(); ++k) *bucket[k] = sums[k];
    bucket.clear();
    bytes = 0;
  }
}

void add_output(Value value, const std::string& name) {
  value.network().graph().value(value.id()).name = name;
  value.network().graph().outputs.push_back(value.id());
}

}  // namespace

Graph training_graph(const Model& model, const Dataset& data, const TrainerOptions& options,
                     std::int64_t batch, Feed feed, const Share& share) {
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
  if (share.exchanges && share.synchronize) split_batch_norm(graph, share.of_batch);
  Value loss = part_of(options.loss(prediction, y), share);

  std::vector<ValueId> parameters;
  for (std::size_t i = 0; i < graph.values.size(); ++i) {
    if (graph.values[i].role == Role::parameter) parameters.push_back(static_cast<ValueId>(i));
  }
  if (parameters.empty()) {
    throw ArgumentError("the network has no parameters to train", "Trainer");
  }
  std::vector<ValueId> gradients = differentiate(graph, loss.id(), parameters);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (gradients[i] == kNoValue) {
      throw ArgumentError("the loss does not depend on this parameter",
                          graph.value(parameters[i]).name);
    }
  }
  std::optional<Value> metric;
  if (options.metric) metric = part_of(options.metric(prediction, y), share);
  if (share.exchanges) {
    std::vector<ValueId*> last = {};
    ValueId loss_id = loss.id();
    ValueId metric_id = metric ? metric->id() : kNoValue;
    last.push_back(&loss_id);
    if (metric) last.push_back(&metric_id);
    sum_over_devices(graph, gradients, last);
    loss = {network, loss_id};
    if (metric) metric = {network, metric_id};
  }
  const Value done = steps(network);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    options.optimizer.apply(network, {network, parameters[i]}, {network, gradients[i]}, done);
  }
  update(done, done + 1.0f);
  record(loss, "sum", "loss", share.batch);
  add_output(loss, "loss");
  if (metric) {
    record(*metric, "sum", "metric", share.batch);
    add_output(*metric, "metric");
  }
  if (share.exchanges) schedule_exchanges(graph);
  return std::move(graph);
}

Graph training_graph(const Model& model, const Dataset& data, const TrainerOptions& options,
                     std::int64_t batch, Feed feed) {
  return training_graph(model, data, options, batch, feed, {.batch = batch});
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
