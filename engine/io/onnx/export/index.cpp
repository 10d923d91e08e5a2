// Elements and slices found by index, sorted, or sampled between others.
// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/node_export.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = NodeExport::Ints;

std::int64_t axis_of(const NodeExport& node) { return node.attributes().integer("axis", 0); }

// Where ONNX wants i64 alone.
std::string as_i64(NodeExport& node, std::size_t i) {
  if (node.dtype(i) == DType::i64) return node.in(i);
  return node.apply("Cast", {node.in(i)}, {{"to", element_type(DType::i64)}});
}

void write_gather_elements(NodeExport& node) {
  node.finish("GatherElements", {node.in(0), node.in(1)}, {{"axis", axis_of(node)}});
}

void write_gather_nd(NodeExport& node) {
  node.finish("GatherND", {node.in(0), as_i64(node, 1)},
              {{"batch_dims", node.attributes().integer("batch_dims", 0)}});
}

// max and min came with operator set 18.
std::string reduction(const NodeExport& node) {
  const std::string name = node.attributes().text("reduction", "none");
  if (name != "none" && name != "add" && name != "mul") {
    node.unsupported(fmt::format("the reduction {} came after this operator set", name));
  }
  return name;
}

void write_scatter_elements(NodeExport& node) {
  node.finish("ScatterElements", {node.in(0), node.in(1), node.in(2)},
              {{"axis", axis_of(node)}, {"reduction", reduction(node)}});
}

void write_scatter_nd(NodeExport& node) {
  node.finish("ScatterND", {node.in(0), as_i64(node, 1), node.in(2)},
              {{"reduction", reduction(node)}});
}

void write_top_k(NodeExport& node) {
  NodeExport::Names outputs;
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    outputs.push_back(node.wants(i) ? node.out(i) : node.fresh("unused"));
  }
  node.add("TopK", {node.in(0), node.ints({node.attributes().integer("k")})}, outputs,
           {{"axis", axis_of(node)},
            {"largest", node.attributes().integer("largest", 1)},
            {"sorted", std::int64_t{1}}});
}

void write_one_hot(NodeExport& node) {
  const auto depth = static_cast<double>(node.attributes().integer("depth"));
  node.finish("OneHot", {node.in(0), node.number(depth, DType::i64), node.in(1)},
              {{"axis", axis_of(node)}});
}

void write_trilu(NodeExport& node) {
  const auto k = static_cast<double>(node.attributes().integer("k", 0));
  node.finish("Trilu", {node.in(0), node.number(k, DType::i64)},
              {{"upper", node.attributes().integer("upper", 1)}});
}

void write_grid_sample(NodeExport& node) {
  if (node.shape(0).rank() != 4) node.unsupported("GridSample takes images alone");
  const std::string mode = node.attributes().text("mode", "linear");
  const std::string name = mode == "linear" ? "bilinear" : mode == "cubic" ? "bicubic" : mode;
  node.finish("GridSample", {node.in(0), node.in(1)},
              {{"mode", name},
               {"padding_mode", node.attributes().text("padding_mode", "zeros")},
               {"align_corners", node.attributes().integer("align_corners", 0)}});
}

// The taps become an axis of their own, which a weighted sum removes.
void write_resample(NodeExport& node) {
  const std::int64_t axis = axis_of(node);
  const std::string taps = node.apply("Gather", {node.in(0), node.in(1)}, {{"axis", axis}});
  Ints shape(node.shape(0).rank() - static_cast<std::size_t>(axis) + 1, 1);
  shape[0] = node.shape(2)[0];
  shape[1] = node.shape(2)[1];
  const std::string weights = node.apply("Reshape", {node.in(2), node.ints(shape)});
  const std::string weighted = node.apply("Mul", {taps, weights});
  node.finish("ReduceSum", {weighted, node.ints({axis + 1})}, {{"keepdims", std::int64_t{0}}});
}

void write_det(NodeExport& node) { node.finish("Det", {node.in(0)}); }

}  // namespace

std::vector<ExportRow> index_exports() {
  return {{"det", write_det},
          {"gather_elements", write_gather_elements, "axis"},
          {"gather_nd", write_gather_nd, "batch_dims"},
          {"grid_sample", write_grid_sample, "mode padding_mode align_corners"},
          {"one_hot", write_one_hot, "axis depth"},
          {"resample", write_resample, "axis"},
          {"scatter_elements", write_scatter_elements, "axis reduction"},
          {"scatter_nd", write_scatter_nd, "reduction"},
          {"top_k", write_top_k, "axis k largest"},
          {"trilu", write_trilu, "k upper"}};
}

}  // namespace pinnacle::onnx
