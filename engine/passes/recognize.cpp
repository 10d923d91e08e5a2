// recognize: layer_norm and softmax that come as the nodes of their formulas, as older exporters write
// them, become one node each. What remains unread of the formulas goes with the next eliminate_dead.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "passes/match.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

using Ints = Attributes::Ints;

class Recognizer {
 public:
  explicit Recognizer(Graph& graph) : r_(graph) {}

  int run() {
    return r_.run([this](Node& node) {
      if (node.op == "div")
        return softmax(node) || normalized(node, node.inputs[0], deviation(node));
      if (node.op == "mul") return product(node) || scaled(node);
      if (node.op == "add") return shifted(node);
      if (node.op == "log") return log_softmax(node);
      return false;
    });
  }

 private:
  // The value before reshape and expand nodes that change nothing but axes of extent 1, or repeat;
  // `repeated` receives the shapes that are.
  ValueId plain(ValueId id, std::vector<Shape>& repeated) {
    for (const Node* node = r_.writer(id); node != nullptr; node = r_.writer(id)) {
      const bool moves = node->op == "reshape" || node->op == "expand";
      // Not less than the least number there is.
      const bool bounds = node->op == "max" && uniform(r_.graph(), node->inputs[0]) == -INFINITY;
      if (!moves && !bounds) break;
      if (node->op == "expand") repeated.push_back(r_.shape(node->inputs[0]));
      id = node->inputs[bounds ? 1 : 0];
    }
    return id;
  }

  // reduce_X(x) over these axes, beside x: with extent 1 where it was reduced.
  const Node* reduced(const char* op, ValueId id, ValueId of) {
    std::vector<Shape> repeated;
    const Node* node = r_.writer(plain(id, repeated), op);
    if (node == nullptr) return nullptr;
    const Shape& x = r_.shape(node->inputs[0]);
    Shape kept = x;
    for (const std::int64_t axis : axes_of(*node)) kept[static_cast<std::size_t>(axis)] = 1;
    const Shape given = with_rank(r_.shape(id), x.rank());
    // What is repeated must stand beside x already, or it is repeated along another axis.
    const bool beside = (given == kept || given == x) &&
                        std::all_of(repeated.begin(), repeated.end(), [&](const Shape& shape) {
                          return with_rank(shape, x.rank()) == kept;
                        });
    return beside && (of == kNoValue || node->inputs[0] == of) ? node : nullptr;
  }

  Ints axes_of(const Node& reduction) {
    Ints axes = reduction.attributes.ints("axes", {});
    const std::size_t rank = r_.shape(reduction.inputs[0]).rank();
    for (std::size_t i = 0; axes.empty() && i < rank; ++i) {
      axes.push_back(static_cast<std::int64_t>(i));
    }
    std::sort(axes.begin(), axes.end());
    return axes;
  }

  // ---- layer_norm: (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * scale + bias

  // The value whose square this is.
  ValueId square_root(ValueId id) {
    const Node* node = r_.writer(id);
    if (node == nullptr) return kNoValue;
    if (node->op == "square") return node->inputs[0];
    if (node->op == "mul" && node->inputs[0] == node->inputs[1]) return node->inputs[0];
    const bool squares = node->op == "pow" && uniform(r_.graph(), node->inputs[1]) == 2.0;
    return squares ? node->inputs[0] : kNoValue;
  }

  // sqrt(mean((x - mean)^2) + epsilon).
  struct Deviation {
    ValueId centred = kNoValue;
    double epsilon = 0;
    Ints axes;
  };
  std::optional<Deviation> deviation(ValueId id) {
    const Node* root = r_.writer(id);
    if (root == nullptr) return std::nullopt;
    const bool half = root->op == "pow" && uniform(r_.graph(), root->inputs[1]) == 0.5;
    if (root->op != "sqrt" && !half) return std::nullopt;
    const Node* sum = r_.writer(root->inputs[0], "add");
    if (sum == nullptr) return std::nullopt;
    for (std::size_t k = 0; k < 2; ++k) {
      const auto epsilon = uniform(r_.graph(), sum->inputs[1 - k]);
      const Node* variance = reduced("reduce_mean", sum->inputs[k], kNoValue);
      if (!epsilon || variance == nullptr) continue;
      const ValueId centred = square_root(variance->inputs[0]);
      // A gradient would read it, too: then all of the formula would stay beside layer_norm.
      if (centred != kNoValue && r_.readers().count(id) == 1)
        return Deviation{centred, *epsilon, axes_of(*variance)};
    }
    return std::nullopt;
  }
  std::optional<Deviation> deviation(const Node& division) { return deviation(division.inputs[1]); }

  // x * reciprocal(deviation), x * (1 / deviation)
  bool product(const Node& node) {
    for (std::size_t k = 0; k < 2; ++k) {
      const Node* factor = r_.writer(node.inputs[1 - k]);
      if (factor == nullptr) continue;
      const bool is_quotient = factor->op == "div" && uniform(r_.graph(), factor->inputs[0]) == 1.0;
      if (!is_quotient && factor->op != "reciprocal") continue;
      if (normalized(node, node.inputs[k], deviation(factor->inputs.back()))) return true;
    }
    return false;
  }

  bool normalized(const Node& node, ValueId numerator, const std::optional<Deviation>& by) {
    if (!by || numerator != by->centred) return false;
    const Node* difference = r_.writer(by->centred, "sub");
    if (difference == nullptr) return false;
    const ValueId x = difference->inputs[0];
    const Node* mean = reduced("reduce_mean", difference->inputs[1], x);
    const auto rank = static_cast<std::int64_t>(r_.shape(x).rank());
    const std::int64_t first = rank - static_cast<std::int64_t>(by->axes.size());
    if (mean == nullptr || axes_of(*mean) != by->axes || by->axes.front() != first) return false;
    if (r_.type(x) != r_.type(node.outputs[0]) || r_.type(x).dtype != DType::f32) return false;
    const std::vector<std::int64_t>& dims = r_.shape(x).dims();
    const Shape normal(std::vector<std::int64_t>(dims.begin() + first, dims.end()));
    const std::vector<float> ones(static_cast<std::size_t>(normal.elements()), 1.0F);
    const ValueId scale = r_.b().constant(Tensor(normal, std::span<const float>(ones)));
    unscaled_.push_back(scale);
    r_.b().apply("layer_norm", {x, scale}, {{"axis", first}, {"epsilon", by->epsilon}}, node.name);
    r_.writes(node.outputs[0]);
    return true;
  }

  // The vector beside the normalised axes that this is, with their shape; kNoValue if it is none.
  ValueId vector(ValueId id, const Node& norm) {
    const Shape normal = r_.shape(norm.inputs[1]);
    const Shape& given = r_.shape(id);
    if (given.elements() != normal.elements()) return kNoValue;
    const std::size_t rank = std::max(given.rank(), normal.rank());
    if (with_rank(given, rank) != with_rank(normal, rank)) return kNoValue;
    return given == normal ? id : r_.b().apply("reshape", {id}, {{"shape", normal.dims()}});
  }

  // A layer_norm that nothing else reads takes the factor or the summand that follows.
  bool extended(const Node& node, bool bias) {
    for (std::size_t k = 0; k < 2; ++k) {
      const Node* found = r_.writer(node.inputs[k], "layer_norm");
      if (found == nullptr || !r_.readers().only_in(node, node.inputs[k])) continue;
      Node norm = *found;
      const bool unscaled = std::count(unscaled_.begin(), unscaled_.end(), norm.inputs[1]) > 0;
      if (norm.inputs.size() != 2 || (!bias && !unscaled)) continue;
      const ValueId operand = vector(node.inputs[1 - k], norm);
      if (operand == kNoValue) continue;
      if (bias) norm.inputs.push_back(operand);
      if (!bias) norm.inputs[1] = operand;
      r_.b().apply("layer_norm", norm.inputs, norm.attributes, node.name);
      r_.writes(node.outputs[0]);
      return true;
    }
    return false;
  }
  bool scaled(const Node& node) { return extended(node, false); }
  bool shifted(const Node& node) { return extended(node, true); }

  // ---- softmax: exp(x - max) / sum(exp(x - max))

  bool softmax(const Node& node) {
    const Node* exponential = r_.writer(node.inputs[0], "exp");
    const Node* sum = reduced("reduce_sum", node.inputs[1], node.inputs[0]);
    if (exponential == nullptr || sum == nullptr) return false;
    if (r_.readers().count(node.inputs[0]) != 2 || r_.readers().count(node.inputs[1]) != 1) {
      return false;
    }
    const Ints axes = axes_of(*sum);
    ValueId x = exponential->inputs[0];
    if (axes.size() != 1 || r_.type(x) != r_.type(node.outputs[0])) return false;
    if (const Node* difference = r_.writer(x, "sub")) {
      const Node* most = reduced("reduce_max", difference->inputs[1], difference->inputs[0]);
      if (most != nullptr && axes_of(*most) == axes) x = difference->inputs[0];
    }
    r_.b().apply("softmax", {x}, {{"axis", axes[0]}}, node.name);
    r_.writes(node.outputs[0]);
    return true;
  }

  bool log_softmax(const Node& node) {
    const Node* inner = r_.writer(node.inputs[0], "softmax");
    if (inner == nullptr || !r_.readers().only_in(node, node.inputs[0])) return false;
    const Attributes attributes = inner->attributes;
    r_.b().apply("log_softmax", {inner->inputs[0]}, attributes, node.name);
    r_.writes(node.outputs[0]);
    return true;
  }

  Rewriting r_;
  std::vector<ValueId> unscaled_;  // the ones that stand for an absent scale
};

}  // namespace

int recognize(Graph& graph) { return Recognizer(graph).run(); }

}  // namespace pinnacle
