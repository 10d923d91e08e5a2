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
  node.finish(op_type, inputs, attributes);
}

void write_reduce_sum(NodeExport& node) { write_reduction<true>(node, "ReduceSum"); }
void write_reduce_mean(NodeExport& node) { write_reduction<false>(node, "ReduceMean"); }
void write_reduce_max(NodeExport& node) { write_reduction<false>(node, "ReduceMax"); }
void write_reduce_min(NodeExport& node) { write_reduction<false>(node, "ReduceMin"); }

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
  node.add("BatchNormalization", {node.in(0), node.in(1), node.in(2), node.in(2), node.in(2)},
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
  return {{"accuracy", write_accuracy},
          {"batch_norm", write_batch_norm},
          {"batch_norm_training", write_batch_norm_training},
          {"dropout", decline_dropout},
          {"layer_norm", write_layer_norm},
          {"log_softmax", write_log_softmax},
          {"reduce_max", write_reduce_max},
          {"reduce_mean", write_reduce_mean},
          {"reduce_min", write_reduce_min},
          {"reduce_sum", write_reduce_sum},
          {"softmax", write_softmax},
          {"softmax_cross_entropy", write_softmax_cross_entropy}};
}

}  // namespace pinnacle::onnx
