// fuse: fewer, larger kernels. A consumer absorbs the node before it where that node's result is
// used by nothing else: bias and activation into GEMM and convolution, pointwise into pointwise.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <optional>

#include "ops/pointwise/expression.hpp"
#include "ops/pointwise/pointwise.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

constexpr std::size_t kMostOperands = 8;
constexpr int kMostCalls = 32;

Expression operand(int index) {
  Expression e;
  e.kind = Expression::Kind::operand;
  e.operand = index;
  return e;
}

class Fuser {
 public:
  explicit Fuser(Graph& graph) : graph_(graph) {
    users_.resize(graph.values.size(), 0);
    producer_.resize(graph.values.size(), -1);
    dead_.resize(graph.nodes.size(), false);
    for (const ValueId id : graph.outputs) ++users_[index(id)];
    for (const Update& update : graph.updates) ++users_[index(update.source)];
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      for (const ValueId id : graph.nodes[i].inputs) {
        if (id != kNoValue) ++users_[index(id)];
      }
      for (const ValueId id : graph.nodes[i].outputs) producer_[index(id)] = static_cast<int>(i);
    }
  }

  int run() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      if (!is_fusible(graph_.nodes[i])) continue;
      inline_scalars(i);
      // An epilogue is best: the value never leaves the registers.
      while (absorb_pointwise(i)) {
      }
      if (!absorb_bias(i) && !into_residual(i)) into_epilogue(i);
    }
    std::vector<Node> nodes;
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      for (Node& node : before_[i]) nodes.push_back(std::move(node));
      if (!dead_[i]) nodes.push_back(std::move(graph_.nodes[i]));
    }
    graph_.nodes = std::move(nodes);
    return static_cast<int>(std::count(dead_.begin(), dead_.end(), true));
  }

 private:
  static std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

  // Formulas are of f32.
  bool is_fusible(const Node& node) const {
    const auto is_f32 = [&](ValueId id) {
      return id != kNoValue && graph_.type(id).dtype == DType::f32;
    };
    return node.def->pointwise && node.outputs.size() == 1 && is_f32(node.outputs[0]) &&
           std::all_of(node.inputs.begin(), node.inputs.end(), is_f32);
  }

  // The node that writes `id`, if only one node reads it.
  std::optional<std::size_t> sole_producer(ValueId id) const {
    if (id == kNoValue || producer_[index(id)] < 0 || users_[index(id)] != 1) return std::nullopt;
    const auto at = static_cast<std::size_t>(producer_[index(id)]);
    if (dead_[at] || graph_.nodes[at].outputs.size() != 1) return std::nullopt;
    return at;
  }

  // Rewrites node i as a `pointwise` node.
  void set_expression(std::size_t i, const Expression& e, std::vector<ValueId> inputs) {
    Node& node = graph_.nodes[i];
    node.op = "pointwise";
    node.def = &find_op("pointwise");
    node.attributes = Attributes{{"expression", to_text(e)}};
    node.inputs = std::move(inputs);
  }

  // Constants of one element become numbers in the formula.
  void inline_scalars(std::size_t i) {
    const Node& node = graph_.nodes[i];
    std::vector<Expression> operands;
    std::vector<ValueId> inputs;
    for (const ValueId id : node.inputs) {
      const GraphValue& value = graph_.value(id);
      const bool scalar = value.role == Role::constant && value.type.shape.elements() == 1 &&
                          value.type.shape.rank() <= graph_.type(node.outputs[0]).shape.rank();
      if (scalar) {
        Expression number;
        number.number = to_array(*value.data).data[0];
        operands.push_back(number);
      } else {
        operands.push_back(operand(static_cast<int>(inputs.size())));
        inputs.push_back(id);
      }
    }
    if (inputs.size() == node.inputs.size() || inputs.empty()) return;
    // What is left must still broadcast to the same shape.
    const Shape& shape = graph_.type(node.outputs[0]).shape;
    if (std::none_of(inputs.begin(), inputs.end(),
                     [&](ValueId id) { return graph_.type(id).shape == shape; })) {
      return;
    }
    set_expression(i, substitute(parse_expression(pointwise_expression(node)), operands), inputs);
  }

  bool absorb_pointwise(std::size_t i) {
    const Node& node = graph_.nodes[i];
    for (std::size_t k = 0; k < node.inputs.size(); ++k) {
      const auto at = sole_producer(node.inputs[k]);
      if (!at || !is_fusible(graph_.nodes[*at])) continue;
      const Node& before = graph_.nodes[*at];
      if (graph_.type(before.outputs[0]).shape != graph_.type(node.outputs[0]).shape) continue;
      std::vector<ValueId> inputs;
      const auto slot = [&](ValueId id) {
        const auto it = std::find(inputs.begin(), inputs.end(), id);
        if (it != inputs.end()) return operand(static_cast<int>(it - inputs.begin()));
        inputs.push_back(id);
        return operand(static_cast<int>(inputs.size()) - 1);
      };
      std::vector<Expression> inner;
      for (const ValueId id : before.inputs) inner.push_back(slot(id));
      const Expression value = substitute(parse_expression(pointwise_expression(before)), inner);
      std::vector<Expression> outer;
      for (std::size_t j = 0; j < node.inputs.size(); ++j) {
        outer.push_back(j == k ? value : slot(node.inputs[j]));
      }
      const Expression whole = substitute(parse_expression(pointwise_expression(node)), outer);
      if (inputs.size() > kMostOperands || size(whole) > kMostCalls) continue;
      for (const ValueId id : before.inputs) {
        // Read by both: once now.
        if (std::count(node.inputs.begin(), node.inputs.end(), id) > 0) --users_[index(id)];
      }
      dead_[*at] = true;
      set_expression(i, whole, inputs);
      return true;
    }
    return false;
  }

  // add(matmul(a, b), bias) -> matmul(a, b, bias); deeper formulas keep the rest as epilogue.
  bool absorb_bias(std::size_t i) {
    const Node& node = graph_.nodes[i];
    if (node.inputs.size() != 2) return false;
    const Expression e = parse_expression(pointwise_expression(node));
    // Find add(x0, x1) as the innermost call: the rest is then a function of that sum alone.
    for (std::size_t k = 0; k < 2; ++k) {
      const auto at = sole_producer(node.inputs[k]);
      if (!at || graph_.nodes[*at].op != "matmul") continue;
      const Node& product = graph_.nodes[*at];
      if (product.inputs.size() != 2 || product.attributes.has("epilogue")) continue;
      const ValueId bias = node.inputs[1 - k];
      const Shape& shape = graph_.type(product.outputs[0]).shape;
      const Shape& given = graph_.type(bias).shape;
      if (given.rank() == 0 || given.rank() > shape.rank() || given.back() != shape.back())
        continue;
      if (given.elements() != shape.back()) continue;
      if (graph_.type(node.outputs[0]).shape != shape) continue;
      const auto rest = sum_as_operand(e);
      if (!rest) continue;
      const ValueId vector = as_vector(bias, i);
      Node with_bias = graph_.nodes[*at];
      with_bias.inputs.push_back(vector);
      if (rest->kind == Expression::Kind::call) {
        with_bias.attributes.set("epilogue", to_text(*rest));
      }
      take_over(with_bias, i, *at);
      return true;
    }
    return false;
  }

  // [1, N] as [N], made before node i.
  ValueId as_vector(ValueId id, std::size_t i) {
    const Shape& shape = graph_.type(id).shape;
    if (shape.rank() == 1) return id;
    Builder b(graph_);
    const ValueId vector = b.apply("reshape", {id}, {{"shape", Attributes::Ints{shape.back()}}});
    before_[i].push_back(std::move(graph_.nodes.back()));
    graph_.nodes.pop_back();
    users_.push_back(1);
    producer_.push_back(-1);
    return vector;
  }

  // e with add(x0, x1) replaced by x0, if x0 and x1 occur nowhere else.
  static std::optional<Expression> sum_as_operand(const Expression& e) {
    if (e.kind == Expression::Kind::number) return e;
    if (e.kind == Expression::Kind::operand) return std::nullopt;
    const auto is_operand = [](const Expression& x) { return x.kind == Expression::Kind::operand; };
    if (e.row->name == "add" && e.part == Expression::Part::value && is_operand(e.arguments[0]) &&
        is_operand(e.arguments[1]) && e.arguments[0].operand != e.arguments[1].operand) {
      return operand(0);
    }
    Expression out = e;
    for (Expression& argument : out.arguments) {
      auto inner = sum_as_operand(argument);
      if (!inner) return std::nullopt;
      argument = std::move(*inner);
    }
    return out;
  }

  // f(conv(x), r) -> conv(x, r) with epilogue f(x0, x1), for convolutions and matmul.
  bool into_residual(std::size_t i) {
    const Node& node = graph_.nodes[i];
    if (node.inputs.size() != 2 || node.inputs[0] == node.inputs[1]) return false;
    // The later one: the other is then there already.
    std::size_t k = 0;
    std::optional<std::size_t> at;
    for (std::size_t j = 0; j < 2; ++j) {
      const auto candidate = sole_producer(node.inputs[j]);
      if (candidate && takes_residual(graph_.nodes[*candidate]) && (!at || *candidate > *at)) {
        at = candidate;
        k = j;
      }
    }
    const ValueId residual = node.inputs[1 - k];
    const ValueId result = node.outputs[0];
    if (!at || graph_.type(residual).shape != graph_.type(result).shape) return false;
    Node& before = graph_.nodes[*at];
    if (graph_.type(before.outputs[0]).shape != graph_.type(result).shape) return false;
    const Expression inner = before.attributes.has("epilogue")
                                 ? parse_expression(before.attributes.text("epilogue"))
                                 : operand(0);
    std::vector<Expression> operands = {inner, operand(1)};
    if (k == 1) std::swap(operands[0], operands[1]);
    const Expression e = substitute(parse_expression(pointwise_expression(node)), operands);
    if (size(e) > kMostCalls) return false;
    before.inputs.resize(3, kNoValue);  // perhaps without bias
    before.inputs.push_back(residual);
    before.attributes.set("epilogue", to_text(e));
    take_over(before, i, *at);
    return true;
  }

  static bool takes_residual(const Node& node) {
    return (node.op == "matmul" || node.op == "conv2d") && node.inputs.size() < 4;
  }

  // f(conv(x)) -> conv(x) with epilogue f.
  bool into_epilogue(std::size_t i) {
    const Node& node = graph_.nodes[i];
    if (node.inputs.size() != 1) return false;
    const auto at = sole_producer(node.inputs[0]);
    if (!at || !graph_.nodes[*at].def->takes_epilogue) return false;
    Node& before = graph_.nodes[*at];
    Expression e = parse_expression(pointwise_expression(node));
    if (before.attributes.has("epilogue")) {
      e = substitute(e, {parse_expression(before.attributes.text("epilogue"))});
    }
    if (size(e) > kMostCalls) return false;
    before.attributes.set("epilogue", to_text(e));
    take_over(before, i, *at);
    return true;
  }

  // `product` now writes what node i wrote. It moves to i's place, so that what it newly reads is
  // written before it; nothing in between reads its old result.
  void take_over(Node& product, std::size_t i, std::size_t at) {
    const ValueId result = graph_.nodes[i].outputs[0];
    product.outputs = {result};
    graph_.nodes[i] = product;
    dead_[at] = true;
    producer_[index(result)] = static_cast<int>(i);
  }

  Graph& graph_;
  std::vector<int> users_;
  std::vector<int> producer_;
  std::vector<bool> dead_;
  std::map<std::size_t, std::vector<Node>> before_;  // nodes that are new before that one
};

}  // namespace

int fuse(Graph& graph) { return Fuser(graph).run(); }

}  // namespace pinnacle
