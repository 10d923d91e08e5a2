// Matrix products, convolutions and pooling, with the bias and epilogue that passes fuse into them.
// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "io/onnx/node_export.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = NodeExport::Ints;

// ---- matmul ------------------------------------------------------------------------------------

std::string transposed(NodeExport& node, std::size_t i) {
  Ints perm(node.shape(i).rank());
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  return node.apply("Transpose", {node.in(i)}, {{"perm", perm}});
}

void write_matmul(NodeExport& node) {
  const std::int64_t ta = node.attributes().integer("transpose_a", 0);
  const std::int64_t tb = node.attributes().integer("transpose_b", 0);
  const bool flat = node.shape(0).rank() == 2 && node.shape(1).rank() == 2;
  std::string y;
  if (flat && (ta != 0 || tb != 0 || node.has(2))) {
    NodeExport::Names inputs = {node.in(0), node.in(1)};
    if (node.has(2)) inputs.push_back(node.in(2));
    Attributes attributes;
    if (ta != 0) attributes.set("transA", std::int64_t{1});
    if (tb != 0) attributes.set("transB", std::int64_t{1});
    y = node.apply("Gemm", inputs, attributes);
  } else {
    y = node.apply("MatMul", {ta != 0 ? transposed(node, 0) : node.in(0),
                              tb != 0 ? transposed(node, 1) : node.in(1)});
    if (node.has(2)) y = node.apply("Add", {y, node.in(2)});
  }
  node.finish_epilogue(y, 3);
}

// ---- conv2d ------------------------------------------------------------------------------------

void decline_blocks(NodeExport& node) {
  const bool in_blocks = node.shape(0).rank() == 5 || node.attributes().integer("block", 0) != 0;
  if (in_blocks) node.unsupported("its channels are in blocks; export the graph before the passes");
}

Attributes conv_options(const NodeExport& node, std::size_t weight) {
  const Shape& w = node.shape(weight);
  return {{"kernel_shape", Ints{w[2], w[3]}},
          {"strides", node.attributes().ints("strides", {1, 1})},
          {"pads", node.attributes().ints("pads", {0, 0, 0, 0})},
          {"dilations", node.attributes().ints("dilations", {1, 1})},
          {"group", node.attributes().integer("group", 1)}};
}

void write_conv2d(NodeExport& node) {
  decline_blocks(node);
  if (node.shape(0).rank() != 4) node.unsupported("x is not [N, C, H, W]");
  NodeExport::Names inputs = {node.in(0), node.in(1)};
  if (node.has(2)) inputs.push_back(node.in(2));
  node.finish_epilogue(node.apply("Conv", inputs, conv_options(node, 1)), 3);
}

// The gradient of conv2d with respect to its input is what ONNX calls ConvTranspose.
void write_conv_transpose(NodeExport& node) {
  decline_blocks(node);
  if (node.shape(0).rank() != 4) node.unsupported("dy is not [N, C, H, W]");
  Attributes options = conv_options(node, 1);
  const Ints& strides = options.ints("strides");
  const Ints& pads = options.ints("pads");
  const Ints& dilations = options.ints("dilations");
  const Shape& x = node.shape(0);
  const Shape& w = node.shape(1);
  const Shape& y = node.op().out_shape();
  Ints extra;  // rows and columns that a stride cannot reach
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t reached =
        (x[i + 2] - 1) * strides[i] + (w[i + 2] - 1) * dilations[i] + 1 - pads[i] - pads[i + 2];
    extra.push_back(y[i + 2] - reached);
  }
  options.set("output_padding", extra);
  node.finish("ConvTranspose", {node.in(0), node.in(1)}, options);
}

// ---- pooling -----------------------------------------------------------------------------------

Attributes pool_options(const NodeExport& node) {
  return {{"kernel_shape", node.attributes().ints("kernel_shape")},
          {"strides", node.attributes().ints("strides", {1, 1})},
          {"pads", node.attributes().ints("pads", {0, 0, 0, 0})}};
}

void write_max_pool(NodeExport& node) {
  decline_blocks(node);
  Attributes options = pool_options(node);
  options.set("dilations", node.attributes().ints("dilations", {1, 1}));
  node.finish("MaxPool", {node.in(0)}, options);
}

void write_average_pool(NodeExport& node) {
  decline_blocks(node);
  if (node.attributes().ints("dilations", {1, 1}) != Ints{1, 1}) {
    node.unsupported("AveragePool has no dilations");
  }
  node.finish("AveragePool", {node.in(0)}, pool_options(node));
}

}  // namespace

std::vector<ExportRow> linear_exports() {
  constexpr std::string_view kWindow = "kernel_shape strides pads dilations";
  return {{"average_pool2d", write_average_pool, kWindow},
          {"conv2d", write_conv2d, "strides pads dilations group epilogue block"},
          {"conv2d_backward_data", write_conv_transpose,
           "strides pads dilations group input_shape block"},
          {"matmul", write_matmul, "transpose_a transpose_b epilogue"},
          {"max_pool2d", write_max_pool, kWindow}};
}

}  // namespace pinnacle::onnx
