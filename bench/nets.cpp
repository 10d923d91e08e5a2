// Sources: He et al. 2015 (arXiv:1512.03385), Simonyan, Zisserman 2014 (arXiv:1409.1556), Sandler
// et al. 2018 (arXiv:1801.04381), LeCun et al. 1998.
// SPDX-License-Identifier: Apache-2.0
#include "bench/nets.hpp"

#include <pinnacle/error.hpp>

#include <algorithm>

#include "api/training_graph.hpp"
#include "base/text.hpp"
#include "bench/workloads.hpp"

namespace pinnacle::bench {
namespace {

constexpr int kClasses = 1000;

Value relu6(Value x) {
  Network& network = x.network();
  return minimum(relu(x), Value(network, network.builder().constant(6.0f)));
}

struct Filters {
  int count;
  int kernel = 1;
  int stride = 1;
  int groups = 1;
};

// A convolution that keeps the size but for its stride, then batch_norm.
Layer normed(Filters filters) {
  return conv2d({.filters = filters.count,
                 .kernel = filters.kernel,
                 .stride = filters.stride,
                 .padding = filters.kernel / 2,
                 .groups = filters.groups,
                 .bias = false}) |
         batch_norm();
}

Layer residual(const Layer& body, int channels, int stride) {
  return [=](Value x) {
    const bool same = stride == 1 && x.shape()[1] == channels;
    const Value past = body(x);
    return relu(past + (same ? x : normed({.count = channels, .stride = stride})(x)));
  };
}

Layer basic_block(int width, int stride) {
  return residual(normed({.count = width, .kernel = 3, .stride = stride}) | relu |
                      normed({.count = width, .kernel = 3}),
                  width, stride);
}

Layer bottleneck(int width, int stride) {
  return residual(normed({.count = width}) | relu |
                      normed({.count = width, .kernel = 3, .stride = stride}) | relu |
                      normed({.count = 4 * width}),
                  4 * width, stride);
}

Layer resnet(Layer (*block)(int width, int stride), const std::vector<int>& depths) {
  Layer net = normed({.count = 64, .kernel = 7, .stride = 2}) | relu |
              max_pool2d({.kernel = 3, .stride = 2, .padding = 1});
  int width = 64;
  for (const int depth : depths) {
    for (int i = 0; i < depth; ++i) net = net | block(width, i == 0 && width > 64 ? 2 : 1);
    width *= 2;
  }
  return net | global_average_pool | dense(kClasses);
}

Layer vgg16() {
  Layer net = [](Value x) { return x; };
  const std::vector<std::pair<int, int>> stages = {{2, 64}, {2, 128}, {3, 256}, {3, 512}, {3, 512}};
  for (const auto& [depth, width] : stages) {
    for (int i = 0; i < depth; ++i) {
      net = net | conv2d({.filters = width, .kernel = 3, .padding = 1}) | relu;
    }
    net = net | max_pool2d({.kernel = 2});
  }
  return net | flatten | dense(4096) | relu | dropout(0.5) | dense(4096) | relu | dropout(0.5) |
         dense(kClasses);
}

Layer inverted_residual(int factor, int channels, int stride) {
  return [=](Value x) {
    const auto in = static_cast<int>(x.shape()[1]);
    const int hidden = factor * in;
    Value y = factor == 1 ? x : relu6(normed({.count = hidden})(x));
    y = relu6(normed({.count = hidden, .kernel = 3, .stride = stride, .groups = hidden})(y));
    y = normed({.count = channels})(y);
    return stride == 1 && in == channels ? x + y : y;
  };
}

Layer mobilenet_v2() {
  struct Stage {
    int factor, channels, depth, stride;
  };
  Layer net = normed({.count = 32, .kernel = 3, .stride = 2}) | relu6;
  for (const Stage& stage :
       {Stage{1, 16, 1, 1}, Stage{6, 24, 2, 2}, Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
        Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2}, Stage{6, 320, 1, 1}}) {
    for (int i = 0; i < stage.depth; ++i) {
      net = net | inverted_residual(stage.factor, stage.channels, i == 0 ? stage.stride : 1);
    }
  }
  return net | normed({.count = 1280}) | relu6 | global_average_pool | dropout(0.2) |
         dense(kClasses);
}

}  // namespace

std::vector<Net> all_nets() {
  const Shape digit = {1, 28, 28};
  const Shape image = {3, 224, 224};
  return {{"softmax", digit, 10, 128, Layer(flatten) | dense(10)},
          {"mlp", digit, 10, 128, mlp()},
          {"lenet", digit, 10, 128, lenet()},
          {"mobilenet_v2", image, kClasses, 8, mobilenet_v2()},
          {"resnet18", image, kClasses, 8, resnet(basic_block, {2, 2, 2, 2})},
          {"resnet50", image, kClasses, 8, resnet(bottleneck, {3, 4, 6, 3})},
          {"vgg16", image, kClasses, 8, vgg16()}};
}

Net find_net(std::string_view name) {
  std::vector<std::string> names;
  for (Net& net : all_nets()) {
    if (net.name == name) return std::move(net);
    names.push_back(net.name);
  }
  const std::string near = suggestion(name, names);
  throw ArgumentError(fmt::format("there is no net \"{}\"", name), "nets",
                      near.empty() ? fmt::format("there are: {}", fmt::join(names, ", ")) : near);
}

double product_flop(const Graph& graph) {
  double flop = 0;
  for (const Node& node : graph.nodes) {
    const bool recurrent = node.op == "lstm" || node.op == "gru" || node.op == "rnn";
    if (node.op == "matmul" || node.op.rfind("conv2d", 0) == 0 || recurrent) {
      flop += node.def->cost(view(graph, node)).flop;
    }
  }
  return flop;
}

Graph step_graph(const Net& net, const Model& model, std::int64_t batch) {
  std::vector<std::int64_t> dims = {batch};
  dims.insert(dims.end(), net.sample.begin(), net.sample.end());
  const Dataset data{.x = Tensor(Shape(std::move(dims))), .y = Tensor({batch}, DType::i32)};
  TrainerOptions options{.loss = softmax_cross_entropy,
                         .optimizer = sgd({.learning_rate = 0.01, .momentum = 0.9})};
  options.metric = nullptr;
  return training_graph(model, data, options, batch, Feed::streamed);
}

}  // namespace pinnacle::bench
