// A net built like ResNet-50, as importers write it: one kernel for each convolution with its batch_norm,
// residual and activation.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "passes/compare.hpp"
#include "passes/passes.hpp"
#include "targets.hpp"

namespace pinnacle::test {
namespace {

using Ints = Attributes::Ints;

// ResNet-50 with a quarter of its channels.
class ResNet {
 public:
  Graph build() {
    const ValueId image = add_value(graph_, "image", {1, 3, 224, 224}, Role::input);
    ValueId x = b_.apply("relu", {conv_norm(image, 16, 7, 2)});
    x = b_.apply(
        "max_pool2d", {x},
        {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}});
    const int blocks[] = {3, 4, 6, 3};
    for (int stage = 0; stage < 4; ++stage) {
      for (int block = 0; block < blocks[stage]; ++block) {
        const std::int64_t stride = stage > 0 && block == 0 ? 2 : 1;
        x = bottleneck(x, std::int64_t{16} << stage, stride, block == 0);
      }
    }
    x = b_.apply("average_pool2d", {x}, {{"kernel_shape", Ints{7, 7}}});
    x = b_.apply("reshape", {x}, {{"shape", Ints{1, 512}}});
    x = b_.apply("matmul", {x, parameter({1000, 512})}, {{"transpose_b", std::int64_t{1}}});
    x = b_.apply("add", {x, parameter({1000})});
    graph_.outputs = {b_.apply("softmax", {x}, {{"axis", std::int64_t{1}}})};
    return std::move(graph_);
  }

 private:
  ValueId parameter(Shape shape) {
    return add_value(graph_, graph_.fresh_name("w"), std::move(shape), Role::parameter);
  }

  ValueId conv_norm(ValueId x, std::int64_t filters, std::int64_t kernel, std::int64_t stride) {
    const std::int64_t pad = kernel / 2;
    const ValueId y =
        b_.apply("conv2d", {x, parameter({filters, b_.shape(x)[1], kernel, kernel})},
                 {{"strides", Ints{stride, stride}}, {"pads", Ints{pad, pad, pad, pad}}});
    return b_.apply(
        "batch_norm",
        {y, parameter({filters}), parameter({filters}), parameter({filters}), parameter({filters})},
        {{"epsilon", 1e-5}});
  }

  ValueId bottleneck(ValueId x, std::int64_t channels, std::int64_t stride, bool project) {
    ValueId y = b_.apply("relu", {conv_norm(x, channels, 1, stride)});
    y = b_.apply("relu", {conv_norm(y, channels, 3, 1)});
    y = conv_norm(y, 4 * channels, 1, 1);
    const ValueId skip = project ? conv_norm(x, 4 * channels, 1, stride) : x;
    return b_.apply("relu", {b_.apply("add", {y, skip})});
  }

  Graph graph_;
  Builder b_{graph_};
};

}  // namespace

TEST_CASE("ResNet-50: at most 60 kernels, conversions of layout included") {
  Graph graph = ResNet().build();
  CHECK(count_op(graph, "conv2d") == 53);
  const Plan plan = run_passes(graph, wide_target(), {});
  CAPTURE(to_text(plan));
  CHECK(plan.kernel_count() <= 60);
  for (const Step& step : plan.steps) {
    if (step.op == "add" || step.op == "relu" || step.op == "pointwise") CHECK(step.calls.empty());
  }
}

}  // namespace pinnacle::test
