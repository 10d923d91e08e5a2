// lstm, gru, rnn: the recurrence of a layer whose inputs were multiplied with their weights (and the
// biases added) beforehand, for all steps at once. As in ONNX; gates in its order: i o f c, z r h.
//   attributes  direction: forward, reverse, bidirectional. activations: pointwise expressions of x0
//               joined by ';', per direction f, g, h. clip: bound of what activations of gates get.
//               input_forget (lstm), linear_before_reset (gru).
//   outputs     y [steps, directions, batch, hidden], y_h [directions, batch, hidden], lstm: y_c
// SPDX-License-Identifier: Apache-2.0
#include "ops/recurrent/recurrent.hpp"

#include <algorithm>
#include <array>
#include <functional>

#include "ops/epilogue.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

using namespace recurrent_input;
using Function = std::function<double(std::span<const double>)>;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t from = 0;
  for (;;) {
    const std::size_t to = text.find(';', from);
    parts.push_back(text.substr(from, to - from));
    if (to == std::string::npos) return parts;
    from = to + 1;
  }
}

void check_shape(const OpView& op, std::size_t i, const char* name, const Shape& wanted) {
  if (op.shape(i) != wanted || op.in[i]->dtype != DType::f32) {
    shape_error(op, "{} is {}; expected f32{}", name, *op.in[i], wanted);
  }
}

std::vector<TensorType> infer(const OpView& op) {
  const Recurrence r = recurrence_of(op);
  const Shape state = {r.directions, r.batch, r.hidden};
  std::vector<TensorType> types = {{{r.steps, r.directions, r.batch, r.hidden}, DType::f32},
                                   {state, DType::f32}};
  if (r.cell == Cell::lstm) types.push_back({state, DType::f32});
  return types;
}

// ---- The definition -----------------------------------------------------------------------------

// One direction of one row of the batch: a sequence.
struct Sequence {
  const Recurrence& r;
  std::span<const Array> in;
  std::vector<Function> activations;  // f, g, h of this direction
  std::int64_t direction, row;

  std::size_t unit(std::int64_t n) const {
    return static_cast<std::size_t>((direction * r.batch + row) * r.hidden + n);
  }
  double activate(std::size_t i, double x) const {
    if (r.clip) x = std::clamp(x, -*r.clip, *r.clip);
    return activations[i](std::array<double, 1>{x});
  }
  double product(std::int64_t t, std::int64_t gate, std::int64_t n) const {
    const std::int64_t place = (t * r.batch + row) * r.directions + direction;
    return in[kProducts].data[static_cast<std::size_t>((place * r.gates + gate) * r.hidden + n)];
  }
  // (h R)[gate, n]
  double recur(const std::vector<double>& h, std::int64_t gate, std::int64_t n) const {
    double sum = 0;
    for (std::int64_t k = 0; k < r.hidden; ++k) {
      const std::int64_t at = ((direction * r.hidden + k) * r.gates + gate) * r.hidden + n;
      sum += h[static_cast<std::size_t>(k)] * in[kWeights].data[static_cast<std::size_t>(at)];
    }
    return sum;
  }
  double peephole(std::int64_t gate, std::int64_t n) const {
    if (!r.has_peepholes) return 0;
    const std::int64_t at = (direction * 3 + gate) * r.hidden + n;
    return in[kPeepholes].data[static_cast<std::size_t>(at)];
  }

  std::vector<double> lstm(std::int64_t t, const std::vector<double>& h,
                           std::vector<double>& c) const {
    std::vector<double> next(h.size());
    for (std::int64_t n = 0; n < r.hidden; ++n) {
      const auto at = static_cast<std::size_t>(n);
      const auto gate = [&](std::int64_t k) { return product(t, k, n) + recur(h, k, n); };
      const double i = activate(0, gate(0) + peephole(0, n) * c[at]);
      const double f = r.input_forget ? 1 - i : activate(0, gate(2) + peephole(2, n) * c[at]);
      c[at] = f * c[at] + i * activate(1, gate(3));
      const double o = activate(0, gate(1) + peephole(1, n) * c[at]);
      next[at] = o * activations[2](std::array<double, 1>{c[at]});
    }
    return next;
  }

  std::vector<double> gru(std::int64_t t, const std::vector<double>& h) const {
    std::vector<double> z(h.size());
    std::vector<double> reset(h.size());
    std::vector<double> kept(h.size());  // what the reset leaves of h
    for (std::int64_t n = 0; n < r.hidden; ++n) {
      const auto at = static_cast<std::size_t>(n);
      z[at] = activate(0, product(t, 0, n) + recur(h, 0, n));
      reset[at] = activate(0, product(t, 1, n) + recur(h, 1, n));
      kept[at] = reset[at] * h[at];
    }
    std::vector<double> next(h.size());
    for (std::int64_t n = 0; n < r.hidden; ++n) {
      const auto at = static_cast<std::size_t>(n);
      const double bias =
          r.has_bias ? in[kBias].data[static_cast<std::size_t>(direction * r.hidden + n)] : 0;
      const double sum =
          r.linear_before_reset ? reset[at] * (recur(h, 2, n) + bias) : recur(kept, 2, n) + bias;
      next[at] = (1 - z[at]) * activate(1, product(t, 2, n) + sum) + z[at] * h[at];
    }
    return next;
  }

  std::vector<double> rnn(std::int64_t t, const std::vector<double>& h) const {
    std::vector<double> next(h.size());
    for (std::int64_t n = 0; n < r.hidden; ++n) {
      next[static_cast<std::size_t>(n)] = activate(0, product(t, 0, n) + recur(h, 0, n));
    }
    return next;
  }
};

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Recurrence r = recurrence_of(op);
  std::vector<Array> out;
  for (const TensorType& type : infer(op)) out.emplace_back(type.shape);
  const auto hidden = static_cast<std::size_t>(r.hidden);
  for (std::int64_t d = 0; d < r.directions; ++d) {
    std::vector<Function> activations;
    for (std::size_t i = 0; i < r.activations_each(); ++i) {
      activations.push_back(compile_expression(
          r.activations[static_cast<std::size_t>(d) * r.activations_each() + i]));
    }
    for (std::int64_t row = 0; row < r.batch; ++row) {
      const Sequence sequence{r, in, activations, d, row};
      std::int64_t length = r.steps;
      if (r.has_lengths) {
        length = static_cast<std::int64_t>(std::clamp(
            in[kLengths].data[static_cast<std::size_t>(row)], 0.0, static_cast<double>(r.steps)));
      }
      const auto state = static_cast<std::ptrdiff_t>(sequence.unit(0));
      std::vector<double> h(hidden);
      std::vector<double> c(hidden);
      std::copy_n(in[kHidden].data.begin() + state, hidden, h.begin());
      if (r.cell == Cell::lstm) std::copy_n(in[kCell].data.begin() + state, hidden, c.begin());
      for (std::int64_t s = 0; s < length; ++s) {
        const std::int64_t t = d >= r.first_backward ? length - 1 - s : s;
        h = r.cell == Cell::lstm  ? sequence.lstm(t, h, c)
            : r.cell == Cell::gru ? sequence.gru(t, h)
                                  : sequence.rnn(t, h);
        const std::int64_t y = ((t * r.directions + d) * r.batch + row) * r.hidden;
        std::copy(h.begin(), h.end(), out[0].data.begin() + y);
      }
      std::copy(h.begin(), h.end(), out[1].data.begin() + state);
      if (r.cell == Cell::lstm) std::copy(c.begin(), c.end(), out[2].data.begin() + state);
    }
  }
  return out;
}

Cost cost(const OpView& op) {
  const Recurrence r = recurrence_of(op);
  double activations = 0;
  for (const std::string& f : r.activations) activations += expression_flop(f);
  const auto units = static_cast<double>(r.steps * r.batch * r.hidden);
  const auto sums = static_cast<double>(2 * r.directions * r.gates * r.hidden);
  return {.flop = units * (sums + activations + static_cast<double>(6 * r.directions)),
          .bytes = op.operand_bytes()};
}

OpDef define(const char* name) {
  return {.name = name,
          .infer = infer,
          .reference = reference,
          .gradient = no_gradient("recurrent layers run but are not trained"),
          .cost = cost,
          .variants = std::vector<Variant>{recurrent_sequence()}};
}

}  // namespace

Recurrence recurrence_of(const OpView& op) {
  Recurrence r;
  const std::string& name = op.node->op;
  r.cell = name == "lstm" ? Cell::lstm : name == "gru" ? Cell::gru : Cell::rnn;
  r.gates = r.cell == Cell::lstm ? 4 : r.cell == Cell::gru ? 3 : 1;
  check_inputs(op, 3, r.cell == Cell::lstm ? 6 : r.cell == Cell::gru ? 5 : 4);
  const Attributes& a = op.attributes();
  const std::string direction = a.text("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    shape_error(op, "direction is \"{}\"; expected forward, reverse or bidirectional", direction);
  }
  r.directions = direction == "bidirectional" ? 2 : 1;
  r.first_backward = direction == "reverse" ? 0 : 1;
  const Shape& x = op.shape(kProducts);
  const Shape& weights = op.shape(kWeights);
  if (x.rank() != 3 || weights.rank() != 3 || x.elements() == 0 || weights.elements() == 0) {
    shape_error(op, "products are {} and weights {}; expected rank 3, not empty", x, weights);
  }
  r.steps = x[0];
  r.batch = x[1];
  r.hidden = weights[1];
  check_shape(op, kWeights, "weights", {r.directions, r.hidden, r.gates * r.hidden});
  check_shape(op, kProducts, "products", {r.steps, r.batch, r.directions * r.gates * r.hidden});
  const Shape state = {r.directions, r.batch, r.hidden};
  check_shape(op, kHidden, "the first hidden state", state);
  r.has_lengths = op.has_input(kLengths);
  if (r.has_lengths &&
      (op.in[kLengths]->dtype != DType::i32 || op.shape(kLengths) != Shape({r.batch}))) {
    shape_error(op, "lengths are {}; expected i32[{}]", *op.in[kLengths], r.batch);
  }
  if (r.cell == Cell::lstm) {
    if (!op.has_input(kCell)) shape_error(op, "the first cell state is absent");
    check_shape(op, kCell, "the first cell state", state);
    r.has_peepholes = op.has_input(kPeepholes);
    if (r.has_peepholes) check_shape(op, kPeepholes, "peepholes", {r.directions, 3 * r.hidden});
    r.input_forget = a.integer("input_forget", 0) != 0;
  }
  if (r.cell == Cell::gru) {
    r.has_bias = op.has_input(kBias);
    if (r.has_bias) check_shape(op, kBias, "bias", {r.directions, r.hidden});
    r.linear_before_reset = a.integer("linear_before_reset", 0) != 0;
  }
  if (a.has("clip")) {
    r.clip = a.number("clip");
    if (!(*r.clip >= 0)) shape_error(op, "clip is {}; expected 0 or more", *r.clip);
  }
  std::string standard = r.cell == Cell::lstm  ? "sigmoid(x0);tanh(x0);tanh(x0)"
                         : r.cell == Cell::gru ? "sigmoid(x0);tanh(x0)"
                                               : "tanh(x0)";
  if (r.directions == 2) standard += ";" + standard;
  r.activations = split(a.text("activations", standard));
  const std::size_t wanted = r.activations_each() * static_cast<std::size_t>(r.directions);
  if (r.activations.size() != wanted) {
    shape_error(op, "has {} activations; expected {}", r.activations.size(), wanted);
  }
  return r;
}

std::vector<OpDef> recurrent_ops() { return {define("lstm"), define("gru"), define("rnn")}; }

}  // namespace pinnacle
