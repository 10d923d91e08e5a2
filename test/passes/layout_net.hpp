// A small convolutional net and its gradients, as a graph: every op that can run on channels in
// blocks, with channel counts that are no multiples of a block.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/op.hpp>

#include <string>
#include <vector>

#include "passes/builders.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {

/// x [n, 3, size, size]. Outputs: the result [n, 5], then with `training` the loss and the gradient of
/// every parameter and of x.
inline Graph layout_net(std::int64_t n, std::int64_t size, bool training) {
  using Ints = Attributes::Ints;
  Graph graph;
  Builder b(graph);
  std::vector<ValueId> wanted;
  const auto parameter = [&](const char* name, Shape shape) {
    wanted.push_back(add_value(graph, name, std::move(shape), Role::parameter));
    return wanted.back();
  };
  const auto conv = [&](ValueId x, const char* name, std::int64_t filters, std::int64_t kernel,
                        std::int64_t pad) {
    const ValueId weight = parameter(name, {filters, b.shape(x)[1], kernel, kernel});
    return b.apply("conv2d", {x, weight}, {{"pads", Ints{pad, pad, pad, pad}}});
  };
  const auto norm = [&](ValueId x, const std::string& name) {
    const Shape channels{b.shape(x)[1]};
    const ValueId gamma = parameter((name + "_gamma").c_str(), channels);
    const ValueId beta = parameter((name + "_beta").c_str(), channels);
    if (training) {
      return b.apply_all(find_op("batch_norm_training"), {x, gamma, beta}, {{"epsilon", 1e-3}})[0];
    }
    // Any numbers will do, but not below zero.
    const ValueId mean = parameter((name + "_mean").c_str(), channels);
    const ValueId root = parameter((name + "_root").c_str(), channels);
    const ValueId variance = b.apply("mul", {root, root});
    return b.apply("batch_norm", {x, gamma, beta, mean, variance}, {{"epsilon", 1e-1}});
  };
  const auto pool = [&](const char* op, ValueId x, std::int64_t kernel, std::int64_t pad) {
    return b.apply(op, {x},
                   {{"kernel_shape", Ints{kernel, kernel}},
                    {"strides", Ints{2, 2}},
                    {"pads", Ints{pad, pad, pad, pad}}});
  };
  const ValueId input = add_value(graph, "x", {n, 3, size, size}, Role::input);
  wanted.push_back(input);
  ValueId x = b.apply("relu", {norm(conv(input, "w1", 20, 3, 1), "n1")});
  x = pool("max_pool2d", x, 3, 1);
  x = norm(b.apply("relu", {conv(x, "w2", 33, 3, 1)}), "n2");
  x = pool("average_pool2d", x, 2, 0);
  const ValueId left = conv(x, "w3", 16, 1, 0);
  const ValueId right = b.apply("tanh", {conv(x, "w4", 32, 3, 1)});
  x = b.apply("concat", {left, right}, {{"axis", std::int64_t{1}}});
  const ValueId some =
      b.apply("slice", {x}, {{"starts", Ints{16}}, {"ends", Ints{48}}, {"axes", Ints{1}}});
  const Attributes pixels{{"axes", Ints{2, 3}}};
  const ValueId mean = b.apply("reduce_mean", {x}, pixels);
  const ValueId largest = b.apply("reduce_max", {some}, pixels);
  const ValueId bias = parameter("bias", {33, 1, 1});
  const ValueId more = conv(b.apply("add", {conv(x, "w5", 33, 1, 0), bias}), "w6", 20, 3, 1);
  const ValueId all = b.apply("concat", {mean, largest, b.apply("reduce_sum", {more}, pixels)},
                              {{"axis", std::int64_t{1}}});
  const ValueId y = b.apply("matmul", {all, parameter("w7", {100, 5})});
  graph.outputs = {y};
  if (!training) return graph;
  const ValueId loss = b.apply("reduce_mean", {b.apply("mul", {y, y})}, {{"axes", Ints{0, 1}}});
  graph.outputs.push_back(loss);
  for (const ValueId id : differentiate(graph, loss, wanted)) graph.outputs.push_back(id);
  return graph;
}

}  // namespace pinnacle::test
