// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/sequence_nets.hpp"

#include <cmath>

namespace pinnacle::bench {
namespace {

Value weights(Value x, const std::string& layer, const std::string& name, Shape shape) {
  return parameter(x.network(), layer, name, std::move(shape), {});
}

Value zeros(Value x, Shape shape) {
  return {x.network(), x.network().builder().constant(Tensor(std::move(shape)), "")};
}

// dense() on the last axis of [N, tokens, features].
Value project(Value x, int units) {
  const std::string layer = x.network().layer_name("project");
  const Value w = weights(x, layer, "weight", {x.shape()[2], units});
  const Value b = parameter(x.network(), layer, "bias", {units},
                            {.kind = Initializer::Kind::zeros, .scale = 0});
  return matmul(x, w) + b;
}

Value lstm(Value x, int hidden) {
  const std::int64_t batch = x.shape()[0];
  const std::int64_t steps = x.shape()[1];
  Network& network = x.network();
  const Value products = transpose(project(x, 4 * hidden), {1, 0, 2});
  const Value w = weights(x, network.layer_name("lstm"), "weight", {1, hidden, 4 * hidden});
  const Value state = zeros(x, {1, batch, hidden});
  const ValueId y =
      network.builder().apply("lstm", {products.id(), w.id(), state.id(), kNoValue, state.id()});
  const auto last = static_cast<int>(steps - 1);
  return reshape(slice({network, y}, {last}, {last + 1}, {0}), {static_cast<int>(batch), hidden});
}

Value attention(Value x, int heads) {
  const auto batch = static_cast<int>(x.shape()[0]);
  const auto tokens = static_cast<int>(x.shape()[1]);
  const auto features = static_cast<int>(x.shape()[2]);
  const int each = features / heads;
  const auto split = [&](Value v, std::vector<int> order) {
    return transpose(reshape(v, {batch, tokens, heads, each}), std::move(order));
  };
  const Value q = split(project(x, features), {0, 2, 1, 3});
  const Value k = split(project(x, features), {0, 2, 3, 1});
  const Value v = split(project(x, features), {0, 2, 1, 3});
  const float scale = 1 / std::sqrt(static_cast<float>(each));
  const Value mixed = matmul(softmax(matmul(q, k) * scale), v);
  return project(reshape(transpose(mixed, {0, 2, 1, 3}), {batch, tokens, features}), features);
}

Value encoder_block(Value x) {
  constexpr int kHeads = 4;
  constexpr int kHidden = 1024;
  const auto features = static_cast<int>(x.shape()[2]);
  x = layer_norm()(x + attention(x, kHeads));
  return layer_norm()(x + project(gelu(project(x, kHidden)), features));
}

}  // namespace

Net lstm_net() {
  const Layer layer = [](Value x) { return dense(10)(lstm(x, 256)); };
  return {"lstm", {64, 128}, 10, 0, layer};
}

Net transformer_net() { return {"transformer", {128, 256}, 0, 0, Layer(encoder_block)}; }

}  // namespace pinnacle::bench
