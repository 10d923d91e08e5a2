// SPDX-License-Identifier: Apache-2.0
#include "bench/workloads.hpp"

#include <algorithm>

#include "base/random.hpp"

namespace pinnacle::bench {
namespace {

constexpr std::int64_t kLeastSamples = 256;

Tensor random_tensor(Shape shape, double low, double high) {
  Random random(1);
  Tensor tensor(std::move(shape));
  for (float& v : tensor.f32()) v = static_cast<float>(random.uniform(low, high));
  return tensor;
}

}  // namespace

Layer lenet() {
  return conv2d({.filters = 6, .kernel = 5, .padding = 2}) | tanh | max_pool2d({.kernel = 2}) |
         conv2d({.filters = 16, .kernel = 5}) | tanh | max_pool2d({.kernel = 2}) | flatten |
         dense(120) | tanh | dense(84) | tanh | dense(10);
}

Layer mlp() { return Layer(flatten) | dense(128) | relu | dense(128) | relu | dense(10); }

Dataset random_digits(std::int64_t count) {
  Dataset data{.x = random_tensor({count, 1, 28, 28}, 0, 1), .y = Tensor({count}, DType::i32)};
  std::int32_t label = 0;
  for (std::int32_t& y : data.y.i32()) y = label++ % 10;
  return data;
}

TrainerOptions training_options() { return {.loss = softmax_cross_entropy, .optimizer = adam()}; }

Trainer make_trainer(Layer layer, std::int64_t batch, const Device& device) {
  return Trainer(std::move(layer), random_digits(std::max(batch, kLeastSamples)),
                 training_options(), device);
}

Graph chain(int kernels) {
  Graph graph;
  GraphValue value{.name = "x", .type = {{16, 16}, DType::f32}, .role = Role::input, .data = {}};
  ValueId x = graph.add_value(value);
  graph.inputs.push_back(x);
  Builder b(graph);
  const ValueId w = b.constant(random_tensor({16, 16}, -0.4, 0.4), "w");
  for (int i = 0; i < kernels; ++i) {
    x = i % 2 == 0 ? b.apply("matmul", {x, w}) : b.apply("tanh", {x});
  }
  graph.outputs.push_back(x);
  return graph;
}

Run session_run(std::shared_ptr<Session> session) {
  return [session = std::move(session)](std::int64_t count) {
    const double start = now();
    for (std::int64_t i = 0; i < count; ++i) session->enqueue();
    session->finish();
    return now() - start;
  };
}

Run waited_run(std::shared_ptr<Session> session) {
  return [session = std::move(session)](std::int64_t count) {
    const double start = now();
    for (std::int64_t i = 0; i < count; ++i) {
      session->enqueue();
      session->finish();
    }
    return now() - start;
  };
}

void fill_inputs(Session& session) {
  const Graph& graph = session.graph();
  for (const ValueId id : graph.inputs) {
    const TensorType& type = graph.type(id);
    const Tensor tensor = type.dtype == DType::f32 ? random_tensor(type.shape, -1, 1)
                                                   : Tensor(type.shape, type.dtype);
    session.write(graph.value(id).name, tensor.bytes());
  }
}

}  // namespace pinnacle::bench
