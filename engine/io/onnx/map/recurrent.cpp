// Recurrent layers: LSTM, GRU, RNN. The products of all inputs with their weights are one matmul, of
// which the op recurs; what ONNX calls W and R is stored transposed, once if it is constant.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "io/onnx/node_import.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = NodeImport::Ints;

// An activation's name in lower case, the expression it stands for (A and B: its parameters) and their
// values if the node gives none.
struct Activation {
  std::string_view name;
  const char* expression;
  int parameters = 0;
  double alpha = 0, beta = 0;
};

constexpr Activation kActivations[] = {
    {"relu", "relu(x0)"},
    {"tanh", "tanh(x0)"},
    {"sigmoid", "sigmoid(x0)"},
    {"softsign", "div(x0, add(abs(x0), 1))"},
    {"softplus", "softplus(x0)"},
    {"affine", "add(mul(x0, A), B)", 2, 1, 0},
    {"leakyrelu", "leaky_relu{A}(x0)", 1, 0.01},
    {"thresholdedrelu", "mul(x0, max.da(x0, A))", 1, 1},
    {"scaledtanh", "mul(tanh(mul(x0, B)), A)", 2, 1, 1},
    {"hardsigmoid", "hard_sigmoid{A,B}(x0)", 2, 0.2, 0.5},
    {"elu", "elu{A}(x0)", 1, 1},
};

// Values of activation_alpha or activation_beta, taken by the functions that have such a parameter.
class Values {
 public:
  explicit Values(std::vector<double> values) : values_(std::move(values)) {}
  double next(double absent) { return at_ < values_.size() ? values_[at_++] : absent; }

 private:
  std::vector<double> values_;
  std::size_t at_ = 0;
};

std::string activations(NodeImport& node, const std::vector<std::string>& standard,
                        std::size_t directions) {
  std::vector<std::string> names = node.texts("activations", {});
  if (names.empty()) {
    for (std::size_t d = 0; d < directions; ++d) {
      names.insert(names.end(), standard.begin(), standard.end());
    }
  }
  if (names.size() != directions * standard.size()) {
    node.invalid(
        fmt::format("has {} activations; expected {}", names.size(), directions * standard.size()));
  }
  Values alphas(node.numbers("activation_alpha", {}));
  Values betas(node.numbers("activation_beta", {}));
  std::string all;
  for (std::string name : names) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto* const found =
        std::find_if(std::begin(kActivations), std::end(kActivations),
                     [&](const Activation& known) { return known.name == name; });
    if (found == std::end(kActivations)) {
      node.invalid(fmt::format("activation \"{}\" is not one of ONNX's", name));
    }
    const double alpha = found->parameters > 0 ? alphas.next(found->alpha) : 0;
    const double beta = found->parameters > 1 ? betas.next(found->beta) : 0;
    if (!all.empty()) all += ';';
    for (const char* c = found->expression; *c != '\0'; ++c) {
      if (*c == 'A') {
        all += fmt::format("{}", alpha);
      } else if (*c == 'B') {
        all += fmt::format("{}", beta);
      } else {
        all += *c;
      }
    }
  }
  return all;
}

// One of the three layers while it is imported.
struct Layer {
  NodeImport& node;
  std::int64_t gates;
  std::int64_t steps = 0, batch = 0, input = 0, directions = 0, hidden = 0;
  bool batch_first = false;

  void check(std::size_t i, const char* what, const Shape& wanted) const {
    if (node.shape(i) != wanted) {
      node.invalid(fmt::format("{} is {}; expected {}", what, node.shape(i), wanted));
    }
  }

  // Sizes from X, W, R and the attributes.
  void measure() {
    const std::string direction = node.text("direction", "forward");
    if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
      node.invalid(fmt::format("direction is \"{}\"", direction));
    }
    directions = direction == "bidirectional" ? 2 : 1;
    batch_first = node.integer("layout", 0) != 0;
    const Shape x = node.shape(0);
    const Shape r = node.shape(2);
    if (x.rank() != 3 || r.rank() != 3) {
      node.invalid(fmt::format("X is {} and R is {}; expected rank 3", x, r));
    }
    if (x.elements() == 0 || r.elements() == 0) {
      node.unsupported(fmt::format("X is {} and R is {}: empty sequences", x, r));
    }
    steps = x[batch_first ? 1 : 0];
    batch = x[batch_first ? 0 : 1];
    input = x[2];
    hidden = r[2];
    if (node.integer("hidden_size", hidden) != hidden) {
      node.invalid(fmt::format("hidden_size is {} but R is {}", node.integer("hidden_size", 0), r));
    }
    check(1, "W", {directions, gates * hidden, input});
    check(2, "R", {directions, gates * hidden, hidden});
    if (node.has(3)) check(3, "B", {directions, 2 * gates * hidden});
  }

  ValueId part(ValueId x, std::int64_t axis, std::int64_t from, std::int64_t to) const {
    return node.apply("slice", {x},
                      {{"axes", Ints{axis}}, {"starts", Ints{from}}, {"ends", Ints{to}}});
  }

  // The sum of both biases, [directions * gates * hidden]; of the gates from `outside` on, only the
  // input's. kNoValue: there is none.
  ValueId bias(std::int64_t outside) const {
    if (!node.has(3)) return kNoValue;
    const std::int64_t all = gates * hidden;
    const ValueId of_input = part(node.in(3), 1, 0, all);
    ValueId of_state = part(node.in(3), 1, all, all + outside * hidden);
    if (outside < gates) {
      const ValueId none = node.constant(Tensor({directions, (gates - outside) * hidden}));
      of_state = node.apply("concat", {of_state, none}, {{"axis", std::int64_t{1}}});
    }
    return node.reshape(node.apply("add", {of_input, of_state}), {directions * all});
  }

  // X W + bias for all steps: [steps, batch, directions * gates * hidden].
  ValueId products(ValueId added) const {
    ValueId x = node.in(0);
    if (batch_first) x = swap(x);
    const std::int64_t width = directions * gates * hidden;
    const ValueId rows = node.reshape(x, {steps * batch, input});
    const ValueId w = node.reshape(node.in(1), {width, input});
    const ValueId turned = node.apply("transpose", {w}, {{"perm", Ints{1, 0}}});
    std::vector<ValueId> inputs = {rows, turned};
    if (added != kNoValue) inputs.push_back(added);
    return node.reshape(node.apply("matmul", inputs), {steps, batch, width});
  }

  // [batch, a, ...] to [a, batch, ...] and back.
  ValueId swap(ValueId x) const {
    const Shape& shape = node.b().shape(x);
    Ints perm;
    for (std::size_t i = 0; i < shape.rank(); ++i) perm.push_back(static_cast<std::int64_t>(i));
    std::swap(perm[0], perm[1]);
    return node.apply("transpose", {x}, {{"perm", perm}});
  }

  ValueId state(std::size_t i, const char* what) const {
    if (!node.has(i)) return node.constant(Tensor({directions, batch, hidden}));
    check(i, what,
          batch_first ? Shape{batch, directions, hidden} : Shape{directions, batch, hidden});
    return batch_first ? swap(node.in(i)) : node.in(i);
  }

  ValueId lengths() const {
    if (!node.has(4)) return kNoValue;
    check(4, "sequence_lens", {batch});
    return node.cast(node.in(4), DType::i32);
  }

  Attributes options(const std::vector<std::string>& standard) const {
    Attributes attributes = {
        {"direction", node.text("direction", "forward")},
        {"activations", activations(node, standard, static_cast<std::size_t>(directions))}};
    if (node.has_attribute("clip")) {
      const double clip = node.number("clip", 0);
      if (!(clip >= 0)) node.invalid(fmt::format("clip is {}; expected 0 or more", clip));
      attributes.set("clip", clip);
    }
    return attributes;
  }

  ValueId weights() const {
    return node.apply("transpose", {node.in(2)}, {{"perm", Ints{0, 2, 1}}});
  }

  // Outputs as the node's layout has them.
  std::vector<ValueId> finish(std::vector<ValueId> outputs) const {
    if (!batch_first) return outputs;
    outputs[0] = node.wants(0) ? node.apply("transpose", {outputs[0]}, {{"perm", Ints{2, 0, 1, 3}}})
                               : kNoValue;
    for (std::size_t i = 1; i < outputs.size(); ++i) {
      outputs[i] = node.wants(i) ? swap(outputs[i]) : kNoValue;
    }
    return outputs;
  }
};

std::vector<ValueId> lstm(NodeImport& node) {
  Layer layer{node, 4};
  layer.measure();
  Attributes options = layer.options({"Sigmoid", "Tanh", "Tanh"});
  options.set("input_forget", node.integer("input_forget", 0));
  if (node.has(7)) layer.check(7, "P", {layer.directions, 3 * layer.hidden});
  return layer.finish(
      node.apply_all("lstm",
                     {layer.products(layer.bias(4)), layer.weights(), layer.state(5, "initial_h"),
                      layer.lengths(), layer.state(6, "initial_c"), node.in_or_none(7)},
                     std::move(options)));
}

std::vector<ValueId> gru(NodeImport& node) {
  Layer layer{node, 3};
  layer.measure();
  Attributes options = layer.options({"Sigmoid", "Tanh"});
  const bool linear = node.integer("linear_before_reset", 0) != 0;
  options.set("linear_before_reset", std::int64_t{linear});
  ValueId bias = kNoValue;  // of the hidden gate, which the reset takes part in
  if (linear && node.has(3)) bias = layer.part(node.in(3), 1, 5 * layer.hidden, 6 * layer.hidden);
  return layer.finish(node.apply_all("gru",
                                     {layer.products(layer.bias(linear ? 2 : 3)), layer.weights(),
                                      layer.state(5, "initial_h"), layer.lengths(), bias},
                                     std::move(options)));
}

std::vector<ValueId> rnn(NodeImport& node) {
  Layer layer{node, 1};
  layer.measure();
  Attributes options = layer.options({"Tanh"});
  return layer.finish(node.apply_all("rnn",
                                     {layer.products(layer.bias(1)), layer.weights(),
                                      layer.state(5, "initial_h"), layer.lengths()},
                                     std::move(options)));
}

}  // namespace

std::vector<ImportRow> recurrent_imports() {
  return {
      {.op = "LSTM", .import = lstm}, {.op = "GRU", .import = gru}, {.op = "RNN", .import = rnn}};
}

}  // namespace pinnacle::onnx
