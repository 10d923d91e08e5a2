// Ops that move elements: shapes, order, parts and joins.
// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "io/onnx/node_export.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = NodeExport::Ints;

void write_reshape(NodeExport& node) {
  if (node.op().out_shape().elements() == 0) {  // then an extent of 0 means just that
    node.finish("Reshape", {node.in(0), node.shape_of_output(0)}, {{"allowzero", std::int64_t{1}}});
    return;
  }
  node.finish("Reshape", {node.in(0), node.reshape_shape()});
}

void write_flatten(NodeExport& node) {
  node.finish("Flatten", {node.in(0)}, {{"axis", std::int64_t{1}}});
}

void write_transpose(NodeExport& node) {
  node.finish("Transpose", {node.in(0)}, {{"perm", node.attributes().ints("perm")}});
}

void write_concat(NodeExport& node) {
  node.finish("Concat", node.inputs(), {{"axis", node.attributes().integer("axis")}});
}

// With a negative step, ends of -1 means down to the first element: in ONNX that is any number far below.
void write_slice(NodeExport& node) {
  const Ints& axes = node.attributes().ints("axes");
  if (!node.attributes().has("steps")) {
    node.finish("Slice",
                {node.in(0), node.ints_of("starts"), node.ints_of("ends"), node.ints(axes)});
    return;
  }
  if (!node.is_static("starts") || !node.is_static("ends")) {
    node.unsupported("it follows the batch in steps");
  }
  const Ints& steps = node.attributes().ints("steps");
  Ints ends = node.attributes().ints("ends");
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (steps[i] < 0 && ends[i] == -1) ends[i] = std::numeric_limits<std::int32_t>::min();
  }
  node.finish("Slice", {node.in(0), node.ints(node.attributes().ints("starts")), node.ints(ends),
                        node.ints(axes), node.ints(steps)});
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
  return {{"concat", write_concat, "axis"},
          {"expand", write_expand, "shape"},
          {"flatten", write_flatten},
          {"gather", write_gather, "axis"},
          {"pad", write_pad, "pads value"},
          {"reshape", write_reshape, "shape"},
          {"slice", write_slice, "starts ends axes steps"},
          {"transpose", write_transpose, "perm"}};
}

}  // namespace pinnacle::onnx
