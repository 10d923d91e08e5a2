// Comparisons, logic, bits, choice and types: what elements are, rather than what they amount to.
// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/node_export.hpp"

namespace pinnacle::onnx {
namespace {

// Ops that are one operator of the same operands, without attributes.
struct Direct {
  std::string_view op;
  std::string_view op_type;
};
constexpr Direct kDirect[] = {
    {"and", "And"},      {"equal", "Equal"}, {"greater", "Greater"},
    {"is_nan", "IsNaN"}, {"less", "Less"},   {"greater_or_equal", "GreaterOrEqual"},
    {"not", "Not"},      {"or", "Or"},       {"less_or_equal", "LessOrEqual"},
    {"where", "Where"},  {"xor", "Xor"},
};

void write_direct(NodeExport& node) {
  for (const Direct& row : kDirect) {
    if (row.op == node.op().node->op) return node.finish(row.op_type, node.inputs());
  }
  node.unsupported("ONNX has no operator for it");
}

void write_is_inf(NodeExport& node) {
  std::string x = node.in(0);
  if (node.dtype(0) == DType::f16) {  // which IsInf takes in later versions only
    x = node.apply("Cast", {x}, {{"to", element_type(DType::f32)}});
  }
  node.finish("IsInf", {x},
              {{"detect_negative", node.attributes().integer("detect_negative", 1)},
               {"detect_positive", node.attributes().integer("detect_positive", 1)}});
}

void write_bit_shift(NodeExport& node) {
  if (node.dtype(0) != DType::u8) node.unsupported("BitShift shifts unsigned numbers alone");
  const bool left = node.attributes().text("direction", "right") == "left";
  node.finish("BitShift", {node.in(0), node.in(1)},
              {{"direction", std::string(left ? "LEFT" : "RIGHT")}});
}

void write_mod(NodeExport& node) {
  const std::int64_t fmod = node.attributes().integer("fmod", 0);
  const bool real = node.dtype(0) == DType::f32 || node.dtype(0) == DType::f16;
  if (real && fmod == 0) {
    node.unsupported("Mod takes the dividend's sign for floats, this one the divisor's");
  }
  node.finish("Mod", {node.in(0), node.in(1)}, {{"fmod", fmod}});
}

void write_cast(NodeExport& node) {
  node.finish("Cast", {node.in(0)}, {{"to", element_type(node.op().out[0].dtype)}});
}

}  // namespace

std::vector<ExportRow> elementwise_exports() {
  std::vector<ExportRow> rows = {{"bit_shift", write_bit_shift, "direction"},
                                 {"cast", write_cast, "to"},
                                 {"is_inf", write_is_inf, "detect_negative detect_positive"},
                                 {"mod", write_mod, "fmod"}};
  for (const Direct& row : kDirect) rows.push_back({row.op, write_direct});
  return rows;
}

}  // namespace pinnacle::onnx
