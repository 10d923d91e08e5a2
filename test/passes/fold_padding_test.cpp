// fold_padding: which pads become options, and which must not.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <limits>

#include "passes/compare.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {
namespace {

using Ints = Attributes::Ints;

ValueId padded(Builder& b, ValueId x, const Ints& pads, double value = 0) {
  return b.apply("pad", {x}, {{"pads", pads}, {"value", value}});
}

const Ints kPixels = {0, 0, 1, 0, 0, 0, 0, 2};

Attributes window() { return {{"kernel_shape", Ints{3, 3}}, {"strides", Ints{2, 1}}}; }

}  // namespace

TEST_CASE("fold_padding: zeros before a convolution, beside its own padding") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3, 6, 5}, Role::input);
  const ValueId w = add_value(graph, "w", {4, 3, 3, 3}, Role::parameter);
  graph.outputs = {b.apply("conv2d", {padded(b, x, kPixels), w}, {{"pads", Ints{1, 0, 0, 1}}})};
  CHECK(checked(fold_padding, graph) == 1);
  REQUIRE(graph.nodes.size() == 1);
  CHECK(graph.nodes[0].attributes.ints("pads") == Ints{2, 0, 0, 3});
}

TEST_CASE("fold_padding: other values, other axes and other readers") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3, 6, 5}, Role::input);
  const ValueId w = add_value(graph, "w", {4, 3, 3, 3}, Role::parameter);
  const ValueId more = add_value(graph, "more", {4, 4, 3, 3}, Role::parameter);
  const ValueId both = padded(b, x, kPixels);
  graph.outputs = {
      b.apply("conv2d", {padded(b, x, kPixels, 1), w}),
      b.apply("conv2d", {padded(b, x, {0, 0, 0, 0, 0, 1, 1, 0}), more}),
      b.apply("conv2d", {padded(b, w, {1, 0, 0, 0, 0, 0, 0, 0}), w}),
      b.apply("conv2d", {both, w}),
      b.apply("exp", {both}),
  };
  CHECK(checked(fold_padding, graph) == 1);  // the last convolution; the pad stays for exp
  CHECK(count_op(graph, "pad") == 4);
}

TEST_CASE("fold_padding: before max_pool2d what no window chooses") {
  const double least = -std::numeric_limits<double>::infinity();
  for (const bool positive : {false, true}) {
    for (const double value : {0.0, least, 1.0}) {
      CAPTURE(positive);
      CAPTURE(value);
      Graph graph;
      Builder b(graph);
      ValueId x = add_value(graph, "x", {2, 3, 6, 5}, Role::input);
      x = b.apply(positive ? "relu" : "neg", {x});
      graph.outputs = {b.apply("max_pool2d", {padded(b, x, kPixels, value)}, window())};
      const bool folds = value == least || (positive && value == 0);
      CHECK(checked(fold_padding, graph) == (folds ? 1 : 0));
    }
  }
}

TEST_CASE("fold_padding: pools that would see padding alone, and averages that do not count it") {
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {2, 3, 6, 5}, Role::input);
  const ValueId positive = b.apply("relu", {x});
  graph.outputs = {b.apply("max_pool2d", {padded(b, positive, {0, 0, 3, 0, 0, 0, 0, 0})}, window()),
                   b.apply("average_pool2d", {padded(b, x, kPixels)}, window())};
  CHECK(checked(fold_padding, graph) == 0);
}

}  // namespace pinnacle::test
