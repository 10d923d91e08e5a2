// The nets whose plans are golden, and one as importers write them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/session.hpp>
#include <pinnacle/train.hpp>

#include "api/training_graph.hpp"
#include "passes/builders.hpp"

namespace pinnacle::test {

inline Graph training_step(const Layer& layer, Optimizer optimizer, std::int64_t batch) {
  const Dataset data{Tensor({256, 1, 28, 28}), Tensor({256}, DType::i32)};
  const Model model(layer, {Shape({1, 28, 28}), DType::f32});
  const TrainerOptions options{.loss = softmax_cross_entropy, .optimizer = std::move(optimizer)};
  return training_graph(model, data, options, batch, Feed::resident);
}

inline Layer lenet() {
  return conv2d({.filters = 6, .kernel = 5, .padding = 2}) | pinnacle::tanh |
         max_pool2d({.kernel = 2}) | conv2d({.filters = 16, .kernel = 5}) | pinnacle::tanh |
         max_pool2d({.kernel = 2}) | flatten | dense(120) | pinnacle::tanh | dense(84) |
         pinnacle::tanh | dense(10);
}

inline Layer residual(int channels) {
  auto body =
      conv2d({.filters = channels, .kernel = 3, .padding = 1, .bias = false}) | batch_norm() |
      relu | conv2d({.filters = channels, .kernel = 3, .padding = 1, .bias = false}) | batch_norm();
  return [=](Value x) { return relu(x + body(x)); };
}

inline Layer depthwise_block() {
  return conv2d({.filters = 16, .kernel = 1, .bias = false}) | batch_norm() | hard_swish |
         conv2d({.filters = 16, .kernel = 3, .padding = 1, .groups = 16}) | relu |
         conv2d({.filters = 8, .kernel = 1}) | [](Value x) { return global_average_pool(x); };
}

inline Graph mlp_training(std::int64_t batch) {
  return training_step(flatten | dense(128) | relu | dense(128) | relu | dense(10), sgd(), batch);
}
inline Graph lenet_training(std::int64_t batch) { return training_step(lenet(), adam(), batch); }
inline Graph lenet_inference(std::int64_t batch) {
  return Model(lenet(), {Shape({1, 28, 28}), DType::f32}).inference_graph(batch);
}
inline Graph residual_inference(std::int64_t batch) {
  return Model(conv2d({.filters = 8, .kernel = 3}) | residual(8) | residual(8),
               {Shape({3, 16, 16}), DType::f32})
      .inference_graph(batch);
}
inline Graph depthwise_inference(std::int64_t batch) {
  return Model(depthwise_block(), {Shape({8, 14, 14}), DType::f32}).inference_graph(batch);
}

/// Something for every pass: channels last, padding and activations of their own, batch_norm with a scale
/// and a shift after it, formulas of primitive nodes, and nodes that do nothing.
inline Graph imported_net() {
  using Ints = Attributes::Ints;
  Graph graph;
  Builder b(graph);
  const auto parameter = [&](const std::string& name, Shape shape) {
    return add_value(graph, graph.fresh_name(name), std::move(shape), Role::parameter);
  };
  const auto transpose = [&](ValueId x, Ints perm) {
    return b.apply("transpose", {x}, {{"perm", std::move(perm)}});
  };
  const auto kept = [&](const char* op, ValueId x, Ints axes) {
    return b.apply(op, {x}, {{"axes", std::move(axes)}, {"keepdims", std::int64_t{1}}});
  };
  const auto conv = [&](ValueId x, std::int64_t filters, std::int64_t kernel) {
    const std::int64_t pad = kernel / 2;
    x = b.apply("pad", {x}, {{"pads", Ints{0, pad, pad, 0, 0, pad, pad, 0}}});
    const ValueId w = parameter("w", {filters, b.shape(x)[3], kernel, kernel});
    ValueId y = b.apply("conv2d", {transpose(x, {0, 3, 1, 2}), w});
    y = b.apply("batch_norm",
                {y, parameter("gamma", {filters}), parameter("beta", {filters}),
                 parameter("mean", {filters}), parameter("variance", {filters})},
                {{"epsilon", 1e-3}});
    y = b.apply("mul", {y, parameter("scale", {filters, 1, 1})});
    y = b.apply("add", {y, parameter("shift", {filters, 1, 1})});
    return transpose(y, {0, 2, 3, 1});
  };
  const auto hard_swish = [&](ValueId x) {
    const ValueId shifted = b.apply("relu", {b.apply("add", {x, b.constant(3.0F)})});
    const ValueId gate =
        b.apply("div", {b.apply("min", {shifted, b.constant(6.0F)}), b.constant(6.0F)});
    return b.apply("mul", {x, gate});
  };
  const ValueId image = add_value(graph, "image", {1, 12, 12, 3}, Role::input);
  ValueId x = hard_swish(conv(image, 32, 3));
  x = b.apply("relu", {b.apply("add", {x, conv(hard_swish(conv(x, 16, 1)), 32, 3)})});
  x = b.apply("concat", {x, b.apply("tanh", {conv(x, 16, 3)}), b.apply("tanh", {conv(x, 32, 1)})},
              {{"axis", std::int64_t{3}}});
  x = b.apply("relu", {conv(x, 16, 3)});
  x = b.apply("reshape", {b.apply("reshape", {x}, {{"shape", Ints{144, 16}}})},
              {{"shape", Ints{1, 144, 16}}});
  const ValueId centred = b.apply("sub", {x, kept("reduce_mean", x, {2})});
  const ValueId variance = kept("reduce_mean", b.apply("mul", {centred, centred}), {2});
  const ValueId deviation = b.apply("sqrt", {b.apply("add", {variance, b.constant(1e-2F)})});
  x = b.apply("mul", {b.apply("div", {centred, deviation}), parameter("scale", {16})});
  x = b.apply("add", {x, parameter("bias", {16})});
  const ValueId scores = b.apply("matmul", {x, transpose(x, {0, 2, 1})});
  const ValueId e = b.apply("exp", {b.apply("sub", {scores, kept("reduce_max", scores, {2})})});
  x = b.apply("matmul", {b.apply("div", {e, kept("reduce_sum", e, {2})}), x});
  x = b.apply("mul", {x, b.apply("sigmoid", {x})});
  const ValueId total = b.apply("reduce_sum", {x}, {{"axes", Ints{1}}});
  const ValueId twice = b.apply("reduce_sum", {x}, {{"axes", Ints{1}}});
  graph.outputs = {b.apply("mul", {total, b.apply("tanh", {twice})})};
  return graph;
}

}  // namespace pinnacle::test
