// fold_batch_norm: what a channel is multiplied by and what is added to it after a convolution or a
// product becomes part of its weights and bias, where these stay the same from run to run:
//   batch_norm: factor = gamma / sqrt(variance + epsilon),  w' = w factor,  b' = beta + (b - mean) factor
// and likewise for add, sub, mul and div with a number for each channel. A batch_norm after anything
// else becomes one multiplication and addition, which other pointwise nodes join. These new nodes depend
// on parameters alone, so a plan runs them once (see Step::prepare).
// One whose statistics are those of this run's samples becomes a pointwise node, too.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "passes/match.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

using Ints = Attributes::Ints;

class Folder {
 public:
  explicit Folder(Graph& graph) : r_(graph) {}

  int run() {
    return r_.run([this](Node& node) { return node.op == "batch_norm" ? norm(node) : step(node); });
  }

 private:
  bool is_fixed(ValueId id) const { return r_.readers().is_fixed(id) || made_.count(id) != 0; }

  ValueId make(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    const ValueId id = r_.b().apply(op, std::move(inputs), std::move(attributes));
    made_.insert(id);
    return id;
  }
  ValueId formula(const std::string& expression, std::vector<ValueId> inputs) {
    return make("pointwise", std::move(inputs), {{"expression", expression}});
  }
  ValueId reshaped(ValueId id, const Shape& shape) {
    return r_.shape(id) == shape ? id : make("reshape", {id}, {{"shape", shape.dims()}});
  }

  // What broadcasts to that shape, a number for each channel.
  static Shape beside_of(const Shape& shape, std::int64_t channels) {
    return shape.rank() == 4 ? Shape{channels, 1, 1} : Shape{channels};
  }

  std::int64_t channels_of(ValueId x) const {
    const Shape& shape = r_.shape(x);
    return shape.rank() == 4 ? shape[1] : shape.back();
  }

  // The convolution or product that nothing but `node` reads and whose weights are fixed.
  std::optional<Node> foldable(const Node& node, ValueId x) {
    const Node* before = r_.writer(x);
    if (before == nullptr || !r_.readers().only_in(node, x)) return std::nullopt;
    const bool is_conv = before->op == "conv2d" && !before->attributes.has("block");
    const bool is_product = before->op == "matmul" && r_.shape(before->inputs[1]).rank() == 2 &&
                            r_.shape(x).rank() != 4;
    if ((!is_conv && !is_product) || before->attributes.has("epilogue")) return std::nullopt;
    if (before->inputs.size() > 3 || !is_fixed(before->inputs[1])) return std::nullopt;
    if (bias_of(*before) != kNoValue && !is_fixed(bias_of(*before))) return std::nullopt;
    return *before;
  }

  static ValueId bias_of(const Node& node) {
    return node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
  }

  // A number for each output channel, beside the weight.
  ValueId beside_weight(const Node& node, ValueId vector) {
    const std::int64_t count = r_.shape(vector).elements();
    if (node.op == "conv2d") return reshaped(vector, {count, 1, 1, 1});
    if (node.attributes.integer("transpose_b", 0) != 0) return reshaped(vector, {count, 1});
    return vector;
  }

  bool finish(Node folded, ValueId weight, ValueId bias, const Node& last) {
    folded.inputs = {folded.inputs[0], weight};
    if (bias != kNoValue) folded.inputs.push_back(bias);
    folded.outputs = last.outputs;
    folded_.insert(last.outputs[0]);
    r_.graph().nodes.push_back(std::move(folded));
    return true;
  }

  bool norm(const Node& node) {
    for (std::size_t i = 1; i < 5; ++i) {
      if (!is_fixed(node.inputs[i])) return norm_of_run(node);
    }
    const ValueId x = node.inputs[0];
    const auto before = foldable(node, x);
    if (!before && r_.shape(x).rank() != 4 && r_.shape(x).rank() != 2) return false;
    const double epsilon = node.attributes.number("epsilon");
    const ValueId factor = formula(fmt::format("div(x0, sqrt(add(x1, {})))", epsilon),
                                   {node.inputs[1], node.inputs[4]});
    if (!before) {
      const ValueId offset =
          formula("sub(x0, mul(x1, x2))", {node.inputs[2], node.inputs[3], factor});
      return affine(node, {.x = x, .factor = factor, .offset = offset});
    }
    const ValueId weight = make("mul", {before->inputs[1], beside_weight(*before, factor)});
    std::vector<ValueId> operands = {node.inputs[2], node.inputs[3], factor};
    const ValueId old = bias_of(*before);
    if (old != kNoValue) operands.push_back(old);
    const ValueId bias = formula(
        old != kNoValue ? "add(x0, mul(sub(x3, x1), x2))" : "sub(x0, mul(x1, x2))", operands);
    return finish(*before, weight, bias, node);
  }

  // (x - mean) * factor + beta: with as many digits as batch_norm has where the mean is large.
  bool norm_of_run(const Node& node) {
    const Shape shape = r_.shape(node.inputs[0]);
    const Shape beside = beside_of(shape, shape[1]);
    const auto operand = [&](ValueId id) {
      return r_.b().apply("reshape", {id}, {{"shape", beside.dims()}});
    };
    const ValueId factor = r_.b().apply(
        "pointwise", {node.inputs[1], node.inputs[4]},
        {{"expression",
          fmt::format("div(x0, sqrt(add(x1, {})))", node.attributes.number("epsilon"))}});
    r_.b().apply(
        "pointwise",
        {node.inputs[0], operand(node.inputs[3]), operand(factor), operand(node.inputs[2])},
        {{"expression", std::string("add(mul(sub(x0, x1), x2), x3)")}}, node.name);
    r_.writes(node.outputs[0]);
    return true;
  }

  // ---- add, sub, mul and div with a number for each channel

  // x op vector, or vector op x.
  struct Step {
    ValueId x = kNoValue;
    ValueId vector = kNoValue;  // [channels] or [1]
    bool swapped = false;
  };

  std::optional<Step> step_of(const Node& node) {
    constexpr std::array kOps = {"add", "sub", "mul", "div"};
    if (std::find(kOps.begin(), kOps.end(), node.op) == kOps.end()) return std::nullopt;
    for (std::size_t k = 0; k < 2; ++k) {
      const ValueId x = node.inputs[k];
      const ValueId operand = node.inputs[1 - k];
      if (!is_fixed(operand) || is_fixed(x) || r_.type(x) != r_.type(node.outputs[0])) continue;
      if (k == 1 && node.op == "div") return std::nullopt;
      const Shape& shape = r_.shape(x);
      if (shape.rank() == 0 || r_.shape(operand).rank() > shape.rank()) continue;
      Shape expected(std::vector<std::int64_t>(shape.rank(), 1));
      const std::size_t axis = shape.rank() == 4 ? 1 : shape.rank() - 1;
      expected[axis] = shape[axis];
      const Shape given = with_rank(r_.shape(operand), shape.rank());
      const std::int64_t count = given.elements();
      if (count != 1 && given != expected) continue;
      return Step{x, operand, k == 1};
    }
    return std::nullopt;
  }

  // One number for all is no reason to make new weights: an epilogue does the same.
  bool step(const Node& node) {
    auto step = step_of(node);
    if (!step) return false;
    const bool is_vector = r_.shape(step->vector).elements() > 1;
    const auto known = affine_.find(step->x);
    if (known != affine_.end() && r_.readers().only_in(node, step->x)) {
      const Affine old = known->second;
      return affine(node, extended(old, node, *step));
    }
    const auto before = foldable(node, step->x);
    if (!before || (!is_vector && folded_.count(step->x) == 0)) return false;
    // A first bias is added by the product itself, fixed or not: see fuse.
    const ValueId old = bias_of(*before);
    if (before->op == "matmul" && node.op == "add" && old == kNoValue) return false;
    const std::int64_t channels = channels_of(step->x);
    const ValueId vector = as_vector(step->vector);
    ValueId weight = before->inputs[1];
    ValueId bias = old;
    if (node.op == "mul" || node.op == "div") {
      weight = make(node.op, {weight, beside_weight(*before, vector)});
      if (old != kNoValue) bias = make(node.op, {old, vector});
    } else if (step->swapped && node.op == "sub") {
      weight = make("neg", {weight});
      bias = old == kNoValue ? spread(vector, channels) : make("sub", {vector, old});
    } else if (old != kNoValue) {
      bias = make(node.op, {old, vector});
    } else {
      bias = spread(node.op == "sub" ? make("neg", {vector}) : vector, channels);
    }
    return finish(*before, weight, bias, node);
  }

  ValueId as_vector(ValueId id) { return reshaped(id, {r_.shape(id).elements()}); }
  ValueId spread(ValueId vector, std::int64_t channels) {
    if (r_.shape(vector)[0] == channels) return vector;
    return make("expand", {vector}, {{"shape", Ints{channels}}});
  }

  // ---- x * factor + offset where nothing takes it in

  struct Affine {
    ValueId x = kNoValue, factor = kNoValue, offset = kNoValue;  // the last two are [channels]
  };

  bool affine(const Node& node, const Affine& a) {
    const Shape& shape = r_.shape(a.x);
    const std::int64_t channels = channels_of(a.x);
    const Shape beside = beside_of(shape, channels);
    r_.b().apply("pointwise", {a.x, reshaped(a.factor, beside), reshaped(a.offset, beside)},
                 {{"expression", std::string("add(mul(x0, x1), x2)")}}, node.name);
    r_.writes(node.outputs[0]);
    affine_[node.outputs[0]] = a;
    return true;
  }

  Affine extended(Affine a, const Node& node, const Step& step) {
    const ValueId vector = as_vector(step.vector);
    if (node.op == "mul" || node.op == "div") {
      a.factor = make(node.op, {a.factor, vector});
      a.offset = make(node.op, {a.offset, vector});
    } else if (step.swapped && node.op == "sub") {
      a.factor = make("neg", {a.factor});
      a.offset = make("sub", {vector, a.offset});
    } else {
      a.offset = make(node.op, {a.offset, vector});
    }
    return a;
  }

  Rewriting r_;
  std::set<ValueId> made_;    // of fixed values, by this pass
  std::set<ValueId> folded_;  // results whose weights are new already
  std::map<ValueId, Affine> affine_;
};

}  // namespace

int fold_batch_norm(Graph& graph) { return Folder(graph).run(); }

}  // namespace pinnacle
