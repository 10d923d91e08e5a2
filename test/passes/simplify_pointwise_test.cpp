// simplify_pointwise: formulas get the names that they have, in whatever way they are spelled.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "ops/pointwise/table.hpp"
#include "passes/compare.hpp"
#include "passes/passes.hpp"

namespace pinnacle::test {
namespace {

// The node that the formula of x0, x1, ... becomes.
Node simplified(const std::string& formula, int operands = 1) {
  Graph graph;
  Builder b(graph);
  std::vector<ValueId> inputs;
  for (int i = 0; i < operands; ++i) {
    inputs.push_back(add_value(graph, fmt::format("variance{}", i), {9}, Role::input));
  }
  graph.outputs = {b.apply("pointwise", inputs, {{"expression", formula}})};
  checked(simplify_pointwise, graph, 1e-6);
  return graph.nodes.back();
}

std::string op_of(const std::string& formula) { return simplified(formula).op; }

std::string text_of(const std::string& formula, int operands = 1) {
  return simplified(formula, operands).attributes.text("expression", "");
}

bool has(const char* row) { return find_pointwise(row) != nullptr; }

}  // namespace

TEST_CASE("simplify_pointwise: sigmoid, silu and softplus") {
  CHECK(op_of("div(1, add(1, exp(neg(x0))))") == "sigmoid");
  CHECK(op_of("reciprocal(add(exp(mul(x0, -1)), 1))") == "sigmoid");
  CHECK(op_of("mul(sigmoid(x0), x0)") == "silu");
  CHECK(op_of("div(x0, add(1, exp(neg(x0))))") == "silu");
  CHECK(op_of("log(add(exp(x0), 1))") == "softplus");
}

TEST_CASE("simplify_pointwise: hard_sigmoid and hard_swish") {
  CHECK(op_of("div(min(max(add(x0, 3), 0), 6), 6)") == "hard_sigmoid");
  CHECK(op_of("mul(x0, div(min(relu(add(3, x0)), 6), 6))") == "hard_swish");
  CHECK(op_of("div(mul(max(0, min(6, add(x0, 3))), x0), 6)") == "hard_swish");
  CHECK(op_of("mul(hard_sigmoid{0.166666671633720,0.5}(x0), x0)") == "hard_swish");
  CHECK(op_of("mul(x0, hard_sigmoid{0.2,0.5}(x0))") == "pointwise");
  if (has("clip")) CHECK(op_of("mul(x0, div(clip{0,6}(add(x0, 3)), 6))") == "hard_swish");
}

TEST_CASE("simplify_pointwise: gelu") {
  if (has("erf")) {
    CHECK(op_of("mul(mul(x0, 0.5), add(1, erf(div(x0, 1.4142135623730951))))") == "gelu");
    CHECK(op_of("mul(x0, mul(add(erf(mul(0.70710677, x0)), 1), 0.5))") == "gelu");
    CHECK(op_of("div(mul(x0, add(1, erf(div(x0, 1.4142135)))), 2)") == "gelu");
    CHECK(op_of("mul(mul(x0, 0.5), add(1, erf(div(x0, 1.5))))") == "pointwise");
  }
  const char* by_tanh =
      "mul(mul(x0, 0.5), add(1, tanh(mul(0.79788456, add(x0, mul(0.044715, mul(mul(x0, x0), "
      "x0)))))))";
  CHECK(op_of(by_tanh) == (has("gelu_tanh") ? "gelu_tanh" : "pointwise"));
}

TEST_CASE("simplify_pointwise: a formula within a larger one") {
  CHECK(text_of("mul(mul(x0, x1), sigmoid(x0))", 2) == "mul(silu(x0), x1)");
  CHECK(text_of("mul(mul(x0, 3), sigmoid(x0))") == "mul(silu(x0), 3)");
  CHECK(text_of("add(x1, mul(tanh(x0), sigmoid(tanh(x0))))", 2) == "add(x1, silu(tanh(x0)))");
  CHECK(text_of("mul(sub(x0, x1), sigmoid(sub(x0, x1)))", 2) == "silu(sub(x0, x1))");
  CHECK(text_of("mul(sub(x0, x1), sigmoid(sub(x1, x0)))", 2) ==
        "mul(sub(x0, x1), sigmoid(sub(x1, x0)))");
}

TEST_CASE("simplify_pointwise: operands that are sums and products themselves") {
  CHECK(text_of("mul(mul(x0, 3), sigmoid(mul(x0, 3)))") == "silu(mul(x0, 3))");
  CHECK(text_of("mul(mul(x0, x1), sigmoid(mul(x1, x0)))", 2) == "silu(mul(x1, x0))");
  CHECK(text_of("mul(add(x0, 1), sigmoid(add(1, x0)))") == "silu(add(1, x0))");
  if (has("gelu_tanh")) {
    CHECK(text_of("mul(add(x0, x1), mul(0.5, add(1, tanh(mul(0.7978846, add(add(x0, x1),"
                  " mul(add(x0, x1), mul(add(x0, x1), mul(0.044715, add(x0, x1))))))))))",
                  2) == "gelu_tanh(add(x0, x1))");
  }
}

TEST_CASE("simplify_pointwise: powers") {
  if (!has("pow")) return;
  CHECK(op_of("pow(x0, 2)") == "square");
  CHECK(op_of("pow(x0, 0.5)") == "sqrt");
  CHECK(text_of("pow(x0, 3)") == "mul(x0, square(x0))");
  CHECK(text_of("pow(x0, 2.5)") == "pow(x0, 2.5)");
}

TEST_CASE("simplify_pointwise: what has no name keeps its text, and epilogues change as well") {
  CHECK(text_of("mul(add(x0, 1), tanh(div(x0, 3)))") == "mul(add(x0, 1), tanh(div(x0, 3)))");
  Graph graph;
  Builder b(graph);
  const ValueId x = add_value(graph, "x", {4, 5}, Role::input);
  const ValueId w = add_value(graph, "w", {5, 3}, Role::parameter);
  const ValueId y = b.apply("matmul", {x, w});
  graph.outputs = {b.apply("mul", {y, b.apply("sigmoid", {y})})};
  checked(fuse, graph);
  checked(simplify_pointwise, graph);
  REQUIRE(graph.nodes.size() == 1);
  CHECK(graph.nodes[0].attributes.text("epilogue") == "silu(x0)");
}

}  // namespace pinnacle::test
