// Reductions, normalisation, softmax, and the losses and metrics made of them.
// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/node_export.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = NodeExport::Ints;

// ---- Reductions --------------------------------------------------------------------------------

// In operator set 17 only ReduceSum has its axes as an input.
template <bool axes_are_input>
void write_reduction(NodeExport& node, std::string_view op_type) {
  const Ints axes = node.attributes().ints("axes", {});
  Attributes attributes{{"keepdims", node.attributes().integer("keepdims", 0)}};
  NodeExport::Names inputs = {node.in(0)};
  if (axes_are_input && !axes.empty()) inputs.push_back(node.ints(axes));
  if (!axes_are_input && !axes.empty()) attributes.set("axes", axes);
  if (node.dtype(0) != DType::boolean) return node.finish(op_type, inputs, attributes);
  // Reductions of truth values came later.
  inputs[0] = node.apply("Cast", {inputs[0]}, {{"to", element_type(DType::u8)}});
  const std::string result = node.apply(op_type, inputs, attributes);
  node.finish("Cast", {result}, {{"to", element_type(DType::boolean)}});
}

void write_reduce_sum(NodeExport& node) { write_reduction<true>(node, "ReduceSum"); }
void write_reduce_mean(NodeExport& node) { write_reduction<false>(node, "ReduceMean"); }
void write_reduce_max(NodeExport& node) { write_reduction<false>(node, "ReduceMax"); }
void write_reduce_min(NodeExport& node) { write_reduction<false>(node, "ReduceMin"); }

void write_reduce_prod(NodeExport& node) { write_reduction<false>(node, "ReduceProd"); }

void write_extreme(NodeExport& node, std::string_view op_type) {
  node.finish(op_type, {node.in(0)},
              {{"axis", node.attributes().integer("axis", 0)},
               {"keepdims", node.attributes().integer("keepdims", 1)},
               {"select_last_index", node.attributes().integer("select_last_index", 0)}});
}

void write_arg_max(NodeExport& node) { write_extreme(node, "ArgMax"); }
void write_arg_min(NodeExport& node) { write_extreme(node, "ArgMin"); }

void write_cum_sum(NodeExport& node) {
  const std::string axis =
      node.number(static_cast<double>(node.attributes().integer("axis", 0)), DType::i64);
  node.finish("CumSum", {node.in(0), axis},
              {{"exclusive", node.attributes().integer("exclusive", 0)},
               {"reverse", node.attributes().integer("reverse", 0)}});
}

// ---- softmax -----------------------------------------------------------------------------------

void write_softmax(NodeExport& node) {
  node.finish("Softmax", {node.in(0)}, {{"axis", node.attributes().integer("axis")}});
}

void write_log_softmax(NodeExport& node) {
  node.finish("LogSoftmax", {node.in(0)}, {{"axis", node.attributes().integer("axis")}});
}

// ---- Normalisation -----------------------------------------------------------------------------

void write_batch_norm(NodeExport& node) {
  if (node.shape(0).rank() == 5) {
    node.unsupported("its channels are in blocks; export the graph before the passes");
  }
  const NodeExport::Names inputs = {node.in(0), node.in(1), node.in(2), node.in(3), node.in(4)};
  const std::string y =
      node.apply("BatchNormalization", inputs, {{"epsilon", node.attributes().number("epsilon")}});
  node.finish_epilogue(y, 5);
}

// With a momentum of 0 the running statistics that ONNX returns are those of the batch.
void write_batch_norm_training(NodeExport& node) {
  if (node.shape(0).rank() == 5) {
    node.unsupported("its channels are in blocks; export the graph before the passes");
  }
  const Shape channels = node.shape(1);
  const std::string mean = node.constant(to_tensor(Array(channels), DType::f32), "zeros");
  const std::string variance = node.constant(to_tensor(Array(channels, 1.0), DType::f32), "ones");
  node.add("BatchNormalization", {node.in(0), node.in(1), node.in(2), mean, variance},
           {node.out(0), node.out(1), node.out(2)},
           {{"epsilon", node.attributes().number("epsilon")},
            {"momentum", 0.0},
            {"training_mode", std::int64_t{1}}});
}

void write_layer_norm(NodeExport& node) {
  NodeExport::Names inputs = {node.in(0), node.in(1)};
  if (node.has(2)) inputs.push_back(node.in(2));
  node.finish("LayerNormalization", inputs,
              {{"axis", node.attributes().integer("axis")},
               {"epsilon", node.attributes().number("epsilon", 1e-5)}});
}

// Operator set 17 normalises single channels only: groups become the channels of another shape.
void write_group_norm(NodeExport& node) {
  const Shape& x = node.shape(0);
  const std::int64_t groups = node.attributes().integer("groups");
  const Attributes epsilon{{"epsilon", node.attributes().number("epsilon", 1e-5)}};
  if (groups == x[1]) {
    node.finish("InstanceNormalization", {node.in(0), node.in(1), node.in(2)}, epsilon);
    return;
  }
  const std::string ones = node.constant(to_tensor(Array(Shape{groups}, 1.0), DType::f32), "ones");
  const std::string zeros = node.constant(to_tensor(Array(Shape{groups}), DType::f32), "zeros");
  const std::string grouped = node.apply("Reshape", {node.in(0), node.ints({0, groups, -1})});
  const std::string normal = node.apply("InstanceNormalization", {grouped, ones, zeros}, epsilon);
  const std::string back = node.apply("Reshape", {normal, node.shape_of_output(0)});
  Ints per_channel(x.rank() - 1, 1);
  per_channel[0] = x[1];
  const std::string shape = node.ints(per_channel);
  const std::string scaled = node.apply("Mul", {back, node.apply("Reshape", {node.in(1), shape})});
  node.finish("Add", {scaled, node.apply("Reshape", {node.in(2), shape})});
}

void write_lrn(NodeExport& node) {
  node.finish("LRN", {node.in(0)},
              {{"size", node.attributes().integer("size")},
               {"alpha", node.attributes().number("alpha", 1e-4)},
               {"beta", node.attributes().number("beta", 0.75)},
               {"bias", node.attributes().number("bias", 1)}});
}

void decline_dropout(NodeExport& node) {
  node.unsupported("its mask depends on the step of a training; export the graph for inference");
}

// ---- Losses and metrics ------------------------------------------------------------------------

// Output 0 is the loss, output 1 the probabilities.
void write_softmax_cross_entropy(NodeExport& node) {
  if (node.wants(0)) {
    if (node.dtype(1) == DType::f32) {
      // -1/N sum over rows of labels log_softmax(logits)
      const std::string logs = node.apply("LogSoftmax", {node.in(0)}, {{"axis", std::int64_t{1}}});
      const std::string weighted = node.apply("Mul", {node.in(1), logs});
      const std::string rows =
          node.apply("ReduceSum", {weighted, node.ints({1})}, {{"keepdims", std::int64_t{0}}});
      const std::string mean = node.apply("ReduceMean", {rows}, {{"keepdims", std::int64_t{0}}});
      node.finish("Neg", {mean});
    } else {
      node.finish("SoftmaxCrossEntropyLoss", {node.in(0), node.in(1)},
                  {{"reduction", std::string("mean")}});
    }
  }
  if (node.wants(1)) {
    node.add("Softmax", {node.in(0)}, {node.out(1)}, {{"axis", std::int64_t{1}}});
  }
}

void write_accuracy(NodeExport& node) {
  const Attributes first_maximum{{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}};
  const std::string found = node.apply("ArgMax", {node.in(0)}, first_maximum);
  const std::string label =
      node.dtype(1) == DType::f32
          ? node.apply("ArgMax", {node.in(1)}, first_maximum)
          : node.apply("Cast", {node.in(1)}, {{"to", element_type(DType::i64)}});
  const std::string hits = node.apply("Equal", {found, label});
  const std::string ones = node.apply("Cast", {hits}, {{"to", element_type(DType::f32)}});
  node.finish("ReduceMean", {ones}, {{"keepdims", std::int64_t{0}}});
}

}  // namespace

std::vector<ExportRow> statistics_exports() {
  constexpr std::string_view kReduction = "axes keepdims";
  constexpr std::string_view kExtreme = "axis keepdims select_last_index";
  constexpr std::string_view kRunning = "axis exclusive reverse";
  return {{"accuracy", write_accuracy},
          {"arg_max", write_arg_max, kExtreme},
          {"arg_min", write_arg_min, kExtreme},
          {"batch_norm", write_batch_norm, "epsilon epilogue"},
          {"batch_norm_training", write_batch_norm_training, "epsilon"},
          {"cum_sum", write_cum_sum, kRunning},
          {"dropout", decline_dropout, "rate seed"},
          {"group_norm", write_group_norm, "groups epsilon"},
          {"layer_norm", write_layer_norm, "axis epsilon"},
          {"log_softmax", write_log_softmax, "axis"},
          {"lrn", write_lrn, "size alpha beta bias"},
          {"reduce_max", write_reduce_max, kReduction},
          {"reduce_mean", write_reduce_mean, kReduction},
          {"reduce_min", write_reduce_min, kReduction},
          {"reduce_prod", write_reduce_prod, kReduction},
          {"reduce_sum", write_reduce_sum, kReduction},
          {"softmax", write_softmax, "axis"},
          {"softmax_cross_entropy", write_softmax_cross_entropy}};
}

}  // namespace pinnacle::onnx
