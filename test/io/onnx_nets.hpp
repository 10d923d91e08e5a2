// Small networks that together use every op that layers and functions make, for writing as ONNX.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/layers.hpp>
#include <pinnacle/model.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace pinnacle::test {

struct NamedNet {
  std::string name;
  Layer layer;
  TensorType sample;
};

inline Value residual_block(Value x) {
  const Layer body = conv2d({.filters = 8, .kernel = 3, .stride = 2, .padding = 1, .bias = false}) |
                     batch_norm() | relu | conv2d({.filters = 8, .kernel = 3, .padding = 1}) |
                     batch_norm();
  const Layer past = conv2d({.filters = 8, .kernel = 1, .stride = 2, .bias = false}) | batch_norm();
  return relu(body(x) + past(x));
}

/// Self-attention over 6 tokens of 8 numbers with 2 heads. x [N, 6, 8]
inline Value attention_block(Value x) {
  const Value n = layer_norm({.axis = 2})(x);
  const Value heads = reshape(n, {-1, 6, 2, 4});
  const Value q = transpose(heads, {0, 2, 1, 3});
  const Value k = transpose(heads, {0, 2, 3, 1});
  const Value mixed = matmul(softmax(matmul(q, k) / 2.0f, -1), q);
  return x + gelu(reshape(transpose(mixed, {0, 2, 1, 3}), {0, 6, 8}));
}

inline Value activations(Value x) {
  return silu(x) + hard_swish(x) + elu(x, 0.7) + leaky_relu(x, 0.2) + hard_sigmoid(x, 0.3, 0.4) +
         softplus(x) + sigmoid(x) * tanh(x) - neg(exp(minimum(x, x * 0.5f)));
}

/// x [N, 4, 8, 8]
inline Value images(Value x) {
  const Value wide = conv_transpose2d(
      {.filters = 6, .kernel = 3, .stride = 2, .padding = 1, .output_padding = 1, .groups = 2})(x);
  const Value pooled = average_pool2d({.kernel = 3, .stride = 2, .padding = 1})(wide);
  const Value part = slice(concat({pooled, x}, 1), {1, 0}, {9, 8}, {1, 2});
  return max_pool2d({.kernel = {3, 2}, .stride = 1})(pad(part, {0, 0, 1, 2}, {0, 0, 0, 1}, 0.5f));
}

/// x [N, C, H, W] -> [N, H, W]
inline Value reductions(Value x) {
  const Value spread = reduce_max(x, {1}) - reduce_min(x, {1});
  const Value mean = reduce_mean(x, {1, 2, 3}, true);
  const Value root = sqrt(abs(reduce_sum(x, {1}))) + log(abs(spread) + 1.0f);
  return maximum(root, reshape(mean, {-1, 1, 1})) / (spread + 2.0f);
}

inline std::vector<NamedNet> onnx_nets() {
  return {{"residual",
           Layer(residual_block) |
               conv2d({.filters = 8, .kernel = {3, 1}, .dilation = 2, .groups = 4}) |
               Layer(global_average_pool) | dense(5) | batch_norm(),
           {{3, 12, 10}, DType::f32}},
          {"attention",
           Layer(attention_block) | flatten | dense(5, {.bias = false}) | dropout(0.5) |
               Layer([](Value x) { return softmax(x); }),
           {{6, 8}, DType::f32}},
          {"images",
           Layer(activations) | Layer(images) | Layer(reductions) | flatten | dense(3) |
               Layer([](Value x) { return log_softmax(x); }),
           {{4, 8, 8}, DType::f32}}};
}

/// With running statistics that are not the first ones.
inline Model make_model(const NamedNet& net) {
  Model model(net.layer, net.sample, 5);
  for (auto& [name, weight] : model.weights()) {
    if (name.find("running") == std::string::npos) continue;
    float next = 0.5f;
    for (float& value : weight.f32()) value = next = next > 1.5f ? 0.5f : next + 0.125f;
  }
  return model;
}

/// Numbers in [-2, 2) that repeat late.
inline Tensor some_numbers(Shape shape) {
  Tensor x(std::move(shape));
  std::uint32_t state = 12345;
  for (float& value : x.f32()) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) / static_cast<float>(1 << 22) - 2.0f;
  }
  return x;
}

}  // namespace pinnacle::test
