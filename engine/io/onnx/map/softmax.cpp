// Softmax and its kin over an axis, and the losses that are made of it.
// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/map/build.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = NodeImport::Ints;

// Before operator set 13 the axes from `axis` on are one axis; since then it is that axis alone.
std::vector<ValueId> over_axis(NodeImport& node, ValueId (*f)(NodeImport&, ValueId, std::size_t)) {
  const bool flat = node.opset() < 13;
  const ValueId x = node.in(0);
  const Shape shape = node.shape(0);
  if (shape.rank() == 0) node.invalid("input 0 is a scalar");
  const std::size_t axis = node.axis(node.integer("axis", flat ? 1 : -1), shape.rank());
  if (shape.elements() == 0) return {x};
  if (!flat || shape.elements(axis + 1, shape.rank()) == 1) return {f(node, x, axis)};
  const Shape rows{shape.elements(0, axis), shape.elements(axis, shape.rank())};
  return {node.reshape(f(node, node.reshape(x, rows), 1), shape)};
}

ValueId normalized(NodeImport& node, const char* op, ValueId x, std::size_t axis) {
  return node.apply(op, {x}, {{"axis", static_cast<std::int64_t>(axis)}});
}

std::vector<ValueId> softmax(NodeImport& node) {
  return over_axis(node, [](NodeImport& n, ValueId x, std::size_t axis) {
    return normalized(n, "softmax", x, axis);
  });
}

std::vector<ValueId> log_softmax(NodeImport& node) {
  return over_axis(node, [](NodeImport& n, ValueId x, std::size_t axis) {
    return normalized(n, "log_softmax", x, axis);
  });
}

// 1 at the first of the largest, 0 elsewhere.
std::vector<ValueId> hardmax(NodeImport& node) {
  return over_axis(node, [](NodeImport& n, ValueId x, std::size_t axis) {
    const Shape shape = n.b().shape(x);
    const ValueId largest = n.apply(
        "arg_max", {x}, {{"axis", static_cast<std::int64_t>(axis)}, {"keepdims", std::int64_t{1}}});
    std::vector<std::int64_t> positions(static_cast<std::size_t>(shape[axis]));
    for (std::size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<std::int64_t>(i);
    Ints dims(shape.rank(), 1);
    dims[axis] = shape[axis];
    const ValueId all = n.constant(i64_tensor(Shape(dims), positions));
    return n.cast(n.apply("equal", {largest, all}), n.b().type(x).dtype);
  });
}

ValueId sum_all(NodeImport& node, ValueId x) {
  if (node.b().shape(x).rank() == 0) return x;
  return node.apply("reduce_sum", {x});
}

// -weight[label] * log_prob[label] for each position, and how they are joined.
ValueId likelihood(NodeImport& node, ValueId log_prob, ValueId labels, ValueId weight) {
  const Shape x = node.b().shape(log_prob);
  const Shape target = node.b().shape(labels);
  Ints wanted = x.dims();
  if (x.rank() < 2) node.invalid(fmt::format("scores are {}; expected [N, C, ...]", x));
  wanted.erase(wanted.begin() + 1);
  if (target != Shape(wanted)) {
    node.invalid(fmt::format("labels are {}; expected {}", target, Shape(wanted)));
  }
  labels = node.cast(labels, DType::i64);
  const DType dtype = node.b().type(log_prob).dtype;
  ValueId share = kNoValue;  // of each position
  if (node.has_attribute("ignore_index")) {
    const ValueId ignored = node.constant(i64_tensor({}, {node.integer("ignore_index", 0)}));
    const ValueId taken = node.apply("not", {node.apply("equal", {labels, ignored})});
    labels = node.apply("where", {taken, labels, node.constant(i64_tensor({}, {0}))});
    share = node.cast(taken, dtype);
  }
  if (weight != kNoValue) {
    const ValueId own = node.apply("gather", {weight, labels}, {{"axis", std::int64_t{0}}});
    share = share == kNoValue ? own : node.apply("mul", {own, share});
  }
  Ints one = target.dims();
  one.insert(one.begin() + 1, 1);
  ValueId loss = node.apply("gather_elements", {log_prob, node.reshape(labels, Shape(one))},
                            {{"axis", std::int64_t{1}}});
  loss = node.apply("neg", {node.reshape(loss, target)});
  if (share != kNoValue) loss = node.apply("mul", {loss, share});
  const std::string reduction = node.text("reduction", "mean");
  if (reduction == "none") return loss;
  if (reduction == "sum") return sum_all(node, loss);
  if (reduction != "mean") {
    node.invalid(fmt::format("reduction is \"{}\"; expected none, sum or mean", reduction));
  }
  if (share != kNoValue) {
    return node.apply("div", {sum_all(node, loss), sum_all(node, share)});
  }
  return node.apply("reduce_mean", {loss});
}

std::vector<ValueId> negative_log_likelihood(NodeImport& node) {
  return {likelihood(node, node.in(0), node.in(1), node.in_or_none(2))};
}

std::vector<ValueId> softmax_cross_entropy(NodeImport& node) {
  if (node.shape(0).rank() < 2) node.invalid("scores have fewer than two axes");
  const ValueId log_prob = normalized(node, "log_softmax", node.in(0), 1);
  return {likelihood(node, log_prob, node.in(1), node.in_or_none(2)), log_prob};
}

}  // namespace

std::vector<ImportRow> softmax_imports() {
  return {{"Hardmax", hardmax, Half::computed_in_f32, 1},
          {"LogSoftmax", log_softmax, Half::computed_in_f32, 1},
          {"NegativeLogLikelihoodLoss", negative_log_likelihood},
          {"Softmax", softmax, Half::computed_in_f32, 1},
          {"SoftmaxCrossEntropyLoss", softmax_cross_entropy}};
}

}  // namespace pinnacle::onnx
