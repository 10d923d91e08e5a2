// Ops that move elements: shapes, order, parts and joins.
// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/node_export.hpp"

namespace pinnacle::onnx {
namespace {

void write_reshape(NodeExport& node) { node.finish("Reshape", {node.in(0), node.reshape_shape()}); }

void write_flatten(NodeExport& node) {
  node.finish("Flatten", {node.in(0)}, {{"axis", std::int64_t{1}}});
}

void write_transpose(NodeExport& node) {
  node.finish("Transpose", {node.in(0)}, {{"perm", node.attributes().ints("perm")}});
}

void write_concat(NodeExport& node) {
  node.finish("Concat", node.inputs(), {{"axis", node.attributes().integer("axis")}});
}

void write_slice(NodeExport& node) {
  node.finish("Slice", {node.in(0), node.ints_of("starts"), node.ints_of("ends"),
                        node.ints(node.attributes().ints("axes"))});
}

void write_pad(NodeExport& node) {
  const std::string pads = node.ints_of("pads");
  node.finish("Pad",
              {node.in(0), pads, node.number(node.attributes().number("value", 0), node.dtype(0))});
}

void write_gather(NodeExport& node) {
  node.finish("Gather", {node.in(0), node.in(1)}, {{"axis", node.attributes().integer("axis", 0)}});
}

void write_expand(NodeExport& node) {
  node.finish("Expand", {node.in(0), node.shape_of_output(0)});
}

}  // namespace

std::vector<ExportRow> movement_exports() {
  return {{"concat", write_concat},   {"expand", write_expand},
          {"flatten", write_flatten}, {"gather", write_gather},
          {"pad", write_pad},         {"reshape", write_reshape},
          {"slice", write_slice},     {"transpose", write_transpose}};
}

}  // namespace pinnacle::onnx
