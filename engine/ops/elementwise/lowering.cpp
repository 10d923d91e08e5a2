// SPDX-License-Identifier: Apache-2.0
#include "ops/elementwise/lowering.hpp"

#include "ops/broadcast.hpp"
#include "ops/epilogue.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

std::string wide_type(const std::string& type, int width) {
  return width == 1 ? type : fmt::format("{}{}", type, width);
}

// What is left of a float beyond an integer type is cut to the nearest number.
std::string convert(const std::string& value, const std::string& from, const std::string& to,
                    int width) {
  if (from == to) return value;
  const bool cuts = from == "float";
  return fmt::format("convert_{}{}({})", wide_type(to, width), cuts ? "_sat" : "", value);
}

std::string load(const std::string& storage, const std::string& type, std::size_t k,
                 const std::string& offset, int width) {
  const std::string place = fmt::format("x{} + ({})", k, offset);
  if (storage == "half") {
    const std::string suffix = width == 1 ? "" : fmt::format("{}", width);
    return convert(fmt::format("vload_half{}(0, {})", suffix, place), "float", type, width);
  }
  const std::string value =
      width == 1 ? fmt::format("x{}[{}]", k, offset) : fmt::format("typed_load(0, {})", place);
  return convert(value, storage, type, width);
}

// How a result of T is put into y, as the body of a macro of (v, i, p).
std::string store(const std::string& storage, const std::string& type, int width) {
  if (storage == "half") {
    const std::string suffix = width == 1 ? "" : fmt::format("{}", width);
    return fmt::format("vstore_half{}({}, i, p)", suffix, convert("v", type, "float", width));
  }
  const std::string value = convert("v", type, storage, width);
  return width == 1 ? fmt::format("(p)[i] = {}", value)
                    : fmt::format("typed_store({}, i, p)", value);
}

std::string replace_type(std::string_view code, const std::string& type) {
  std::string text;
  for (std::size_t i = 0; i < code.size(); ++i) {
    if (code.substr(i, 3) == "(T)") {
      text += "(" + type + ")";
      i += 2;
    } else {
      text += code[i];
    }
  }
  return text;
}

std::string formula_functions(const ElementFormula& formula, std::size_t operands, int vw) {
  if (!formula.expression.empty()) {
    return expression_functions(formula.expression, "formula", static_cast<int>(operands), {1, vw});
  }
  std::string text;
  for (const int width : {1, vw}) {
    const std::string type = wide_type(formula.type, width);
    std::string parameters;
    for (std::size_t k = 0; k < operands; ++k) {
      parameters += fmt::format("{}const {} {}", k == 0 ? "" : ", ", type, "abc"[k]);
    }
    text += fmt::format("static inline {} formula{}({}) {{\n  return {};\n}}\n", type, width,
                        parameters, replace_type(formula.code, type));
    if (vw == 1) break;
  }
  return text;
}

}  // namespace

const char* storage_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "float";
    case DType::f16:
      return "half";
    case DType::i64:
      return "long";
    case DType::i32:
      return "int";
    case DType::i8:
      return "char";
    default:
      return "uchar";
  }
}

std::vector<ElementOperand> operands_of(const OpView& op) {
  std::vector<ElementOperand> operands;
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    operands.push_back({in(static_cast<int>(i)), op.shape(i), storage_type(op.in[i]->dtype)});
  }
  return operands;
}

ElementOperand result_of(const OpView& op) {
  return {out(), op.out_shape(), storage_type(op.out[0].dtype)};
}

KernelCall elementwise_call(const ElementFormula& formula,
                            const std::vector<ElementOperand>& operands,
                            const ElementOperand& result, Family family, const Target& target) {
  std::vector<Shape> shapes;
  for (const ElementOperand& operand : operands) shapes.push_back(operand.shape);
  std::vector<BroadcastAxis> axes = broadcast_axes(shapes, result.shape);
  const std::vector<bool> repeats =
      join_vectors(axes, family == Family::wide ? target.vector_width : 1);
  const std::int64_t cols = axes.back().extent;
  const std::int64_t rows = result.shape.elements() / cols;
  const Grid grid = make_grid(rows, cols, family, target);

  std::string params;
  std::string offsets;
  std::string one;
  std::string vec;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const std::string& storage = operands[k].storage;
    const std::string start = fmt::format("o{}", k);
    params += fmt::format("__global const {} *x{}, ", storage, k);
    offsets += fmt::format("const int o{} = {}; ", k, run_offset(axes, k));
    one += k == 0 ? "" : ", ";
    vec += k == 0 ? "" : ", ";
    const std::string first = load(storage, formula.type, k, start, 1);
    if (axes.back().strides[k] == 0) {
      one += first;
      vec += fmt::format("({})({})", wide_type(formula.type, grid.vw), first);
    } else if (repeats[k]) {
      one += load(storage, formula.type, k, start + " + (i) % VW", 1);
      vec += load(storage, formula.type, k, start, grid.vw);
    } else {
      one += load(storage, formula.type, k, start + " + (i)", 1);
      vec += load(storage, formula.type, k, start + " + (i)", grid.vw);
    }
  }
  const auto strides = run_strides(axes);
  for (const auto& [k, stride] : strides) params += fmt::format("int s{}, ", k);

  KernelCall call("elementwise.cl");
  call.prelude = "#define HAS_FORMULA 1\n" + formula_functions(formula, operands.size(), grid.vw);
  call.prelude += fmt::format("#define PARAMS {}\n#define OFFSETS(row) {}\n", params, offsets);
  call.prelude += fmt::format("#define FORMULA_ONE(i) formula1({})\n", one);
  call.prelude += fmt::format("#define FORMULA_VEC(i) formula{}({})\n", grid.vw, vec);
  call.prelude +=
      fmt::format("#define STORE_ONE(v, i, p) {}\n", store(result.storage, formula.type, 1));
  call.prelude +=
      fmt::format("#define STORE_VEC(v, i, p) {}\n", store(result.storage, formula.type, grid.vw));
  call.define("VW", grid.vw)
      .define("WGX", static_cast<std::int64_t>(grid.local[0]))
      .define("WGY", static_cast<std::int64_t>(grid.local[1]))
      .define("RESULT", result.storage);
  for (const ElementOperand& operand : operands) call.arg(operand.buffer);
  for (const auto& [k, stride] : strides) call.arg(stride);
  call.arg(result.buffer).arg(to_int(rows)).arg(to_int(cols));
  call.arg(to_int(grid.rows_each)).arg(to_int(grid.cols_each));
  call.range(grid.global, grid.local).loops(grid.loops);
  return call;
}

Lowering elementwise_lowering(const ElementFormula& formula,
                              const std::vector<ElementOperand>& operands,
                              const ElementOperand& result, Family family, const Target& target) {
  Lowering lowering;
  if (result.shape.elements() == 0) return lowering;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (operands[i].shape == result.shape && operands[i].storage == result.storage) {
      lowering.may_share.emplace_back(0, static_cast<int>(i));
    }
  }
  lowering.calls.emplace_back(elementwise_call(formula, operands, result, family, target));
  return lowering;
}

}  // namespace pinnacle
