// Pointwise ops and chains of them. What ONNX has no operator for in operator set 17 is written by its
// formula.
// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>
#include <map>

#include "io/onnx/node_export.hpp"
#include "ops/pointwise/expression.hpp"
#include "ops/pointwise/pointwise.hpp"

namespace pinnacle::onnx {
namespace {

// Rows of the pointwise table that are one operator, whose attributes have the table's names.
struct Direct {
  std::string_view row;
  std::string_view op_type;
};
constexpr Direct kDirect[] = {
    {"abs", "Abs"},
    {"acos", "Acos"},
    {"acosh", "Acosh"},
    {"add", "Add"},
    {"asin", "Asin"},
    {"asinh", "Asinh"},
    {"atan", "Atan"},
    {"atanh", "Atanh"},
    {"celu", "Celu"},
    {"ceil", "Ceil"},
    {"cos", "Cos"},
    {"cosh", "Cosh"},
    {"div", "Div"},
    {"elu", "Elu"},
    {"erf", "Erf"},
    {"exp", "Exp"},
    {"floor", "Floor"},
    {"hard_sigmoid", "HardSigmoid"},
    {"hard_swish", "HardSwish"},
    {"leaky_relu", "LeakyRelu"},
    {"log", "Log"},
    {"max", "Max"},
    {"min", "Min"},
    {"mul", "Mul"},
    {"neg", "Neg"},
    {"pow", "Pow"},
    {"reciprocal", "Reciprocal"},
    {"relu", "Relu"},
    {"round", "Round"},
    {"selu", "Selu"},
    {"shrink", "Shrink"},
    {"sigmoid", "Sigmoid"},
    {"sign", "Sign"},
    {"sin", "Sin"},
    {"sinh", "Sinh"},
    {"softplus", "Softplus"},
    {"softsign", "Softsign"},
    {"sqrt", "Sqrt"},
    {"sub", "Sub"},
    {"tan", "Tan"},
    {"tanh", "Tanh"},
    {"thresholded_relu", "ThresholdedRelu"},
};

// The others, by formula: a and b are the names of the operands.
struct Composed {
  std::string_view row;
  std::string (*write)(NodeExport& node, const Expression& e, const std::string& a,
                       const std::string& b, DType dtype);
};

std::string write_gelu(NodeExport& node, const Expression&, const std::string& a,
                       const std::string&, DType dtype) {
  // x / 2 (1 + erf(x / sqrt 2))
  const std::string scaled = node.apply("Mul", {a, node.number(0.70710678118654752440, dtype)});
  const std::string erf = node.apply("Erf", {scaled});
  const std::string share = node.apply("Add", {erf, node.number(1, dtype)});
  const std::string half = node.apply("Mul", {a, node.number(0.5, dtype)});
  return node.apply("Mul", {half, share});
}

std::string write_silu(NodeExport& node, const Expression&, const std::string& a,
                       const std::string&, DType) {
  return node.apply("Mul", {a, node.apply("Sigmoid", {a})});
}

std::string write_square(NodeExport& node, const Expression&, const std::string& a,
                         const std::string&, DType) {
  return node.apply("Mul", {a, a});
}

std::string write_mish(NodeExport& node, const Expression&, const std::string& a,
                       const std::string&, DType) {
  return node.apply("Mul", {a, node.apply("Tanh", {node.apply("Softplus", {a})})});
}

// x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))
std::string write_gelu_tanh(NodeExport& node, const Expression&, const std::string& a,
                            const std::string&, DType dtype) {
  const std::string square = node.apply("Mul", {a, a});
  const std::string slope = node.apply("Mul", {square, node.number(0.044715, dtype)});
  const std::string factor = node.apply("Add", {slope, node.number(1, dtype)});
  const std::string bent = node.apply("Mul", {a, factor});
  const std::string scaled = node.apply("Mul", {bent, node.number(0.79788456080286535588, dtype)});
  const std::string share =
      node.apply("Add", {node.apply("Tanh", {scaled}), node.number(1, dtype)});
  return node.apply("Mul", {node.apply("Mul", {a, node.number(0.5, dtype)}), share});
}

// Bounds are inputs; one at infinity is left out.
std::string write_clip(NodeExport& node, const Expression& e, const std::string& a,
                       const std::string&, DType dtype) {
  NodeExport::Names inputs = {a};
  inputs.push_back(std::isinf(e.parameters[0]) ? "" : node.number(e.parameters[0], dtype));
  if (!std::isinf(e.parameters[1])) inputs.push_back(node.number(e.parameters[1], dtype));
  return node.apply("Clip", inputs);
}

std::string write_swish(NodeExport& node, const Expression& e, const std::string& a,
                        const std::string&, DType dtype) {
  const std::string scaled = node.apply("Mul", {a, node.number(e.parameters[0], dtype)});
  return node.apply("Mul", {a, node.apply("Sigmoid", {scaled})});
}

// PRelu wants a slope that broadcasts to x; max(x, 0) + slope min(x, 0) takes any.
std::string write_prelu(NodeExport& node, const Expression&, const std::string& a,
                        const std::string& b, DType dtype) {
  const std::string zero = node.number(0, dtype);
  const std::string below = node.apply("Mul", {b, node.apply("Min", {a, zero})});
  return node.apply("Add", {node.apply("Max", {a, zero}), below});
}

constexpr Composed kComposed[] = {{"clip", write_clip},           {"gelu", write_gelu},
                                  {"gelu_tanh", write_gelu_tanh}, {"mish", write_mish},
                                  {"prelu", write_prelu},         {"silu", write_silu},
                                  {"square", write_square},       {"swish", write_swish}};

struct Writer {
  NodeExport& node;
  const NodeExport::Names& operands;
  DType dtype;
  std::map<std::string, std::string> known = {};  // a call's text -> the name of its result

  std::string write(const Expression& e) {
    if (e.kind == Expression::Kind::operand) {
      return operands.at(static_cast<std::size_t>(e.operand));
    }
    if (e.kind == Expression::Kind::number) return node.number(e.number, dtype);
    const std::string key = to_text(e);
    if (const auto it = known.find(key); it != known.end()) return it->second;
    NodeExport::Names arguments;
    for (const Expression& argument : e.arguments) arguments.push_back(write(argument));
    return known[key] = call(e, arguments);
  }

  std::string call(const Expression& e, const NodeExport::Names& arguments) {
    if (e.part != Expression::Part::value) {
      node.unsupported(fmt::format("the derivative {} has no operator", to_text(e)));
    }
    for (const Direct& row : kDirect) {
      if (row.row != e.row->name) continue;
      Attributes attributes;
      for (std::size_t i = 0; i < e.parameters.size(); ++i) {
        if (e.row->parameter[i].empty()) continue;
        attributes.set(std::string(e.row->parameter[i]), e.parameters[i]);
      }
      return node.apply(row.op_type, arguments, attributes);
    }
    for (const Composed& row : kComposed) {
      if (row.row != e.row->name) continue;
      return row.write(node, e, arguments[0], arguments.size() > 1 ? arguments[1] : "", dtype);
    }
    node.unsupported(fmt::format("ONNX has no operator {}", e.row->name));
  }
};

// Which operands an expression mentions.
void mark(const Expression& e, std::vector<bool>& used) {
  if (e.kind == Expression::Kind::operand) used.at(static_cast<std::size_t>(e.operand)) = true;
  for (const Expression& argument : e.arguments) mark(argument, used);
}

// The shape that the operands in use broadcast to, which may lack what unused ones add.
Shape shape_in_use(const NodeExport& node, const Expression& e) {
  std::vector<bool> used(node.op().in.size(), false);
  mark(e, used);
  std::vector<std::int64_t> dims;  // from the back
  for (std::size_t k = 0; k < used.size(); ++k) {
    if (!used[k]) continue;
    const Shape& x = node.shape(k);
    for (std::size_t i = 0; i < x.rank(); ++i) {
      if (i == dims.size()) dims.push_back(1);
      if (x[x.rank() - 1 - i] != 1) dims[i] = x[x.rank() - 1 - i];
    }
  }
  return Shape(std::vector<std::int64_t>(dims.rbegin(), dims.rend()));
}

void write(NodeExport& node) {
  const std::string text = pointwise_expression(*node.op().node);
  const Expression expression = parse_expression(text);
  std::string result = write_expression(node, text, node.inputs(), node.dtype(0));
  if (shape_in_use(node, expression) != node.op().out_shape()) {
    result = node.apply("Expand", {result, node.shape_of_output(0)});
  }
  node.finish_with(result);
}

}  // namespace

std::string write_expression(NodeExport& node, std::string_view expression,
                             const NodeExport::Names& operands, DType dtype) {
  const Expression e = parse_expression(expression);
  if (static_cast<std::size_t>(arity(e)) > operands.size()) {
    node.unsupported(fmt::format("the expression {} needs more operands", expression));
  }
  return Writer{node, operands, dtype}.write(e);
}

std::vector<ExportRow> pointwise_exports() {
  std::vector<ExportRow> rows = {{"pointwise", write, "expression"}};
  // What is no parameter of the formula has no meaning there.
  for (const PointwiseRow& row : pointwise_rows()) {
    rows.push_back({row.name, write, "alpha beta gamma lambd bias min max"});
  }
  return rows;
}

}  // namespace pinnacle::onnx
