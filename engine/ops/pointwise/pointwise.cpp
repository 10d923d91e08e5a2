// The pointwise ops: one OpDef per row of the table, and `pointwise`, a chain of them as one
// kernel. SPDX-License-Identifier: Apache-2.0
#include "ops/pointwise/pointwise.hpp"

#include <algorithm>

#include <pinnacle/op.hpp>

#include "ops/blocked.hpp"
#include "ops/broadcast.hpp"
#include "ops/elementwise/integers.hpp"
#include "ops/elementwise/lowering.hpp"
#include "ops/epilogue.hpp"
#include "ops/gradients.hpp"
#include "ops/pointwise/expression.hpp"
#include "ops/pointwise/lowering.hpp"

namespace pinnacle {
namespace {

// One op on numbers other than f32: chains are made of f32 alone.
bool is_f32(const OpView& op) { return op.in[0]->dtype == DType::f32; }

std::vector<TensorType> infer(const OpView& op) {
  const bool chain = op.node->op == "pointwise";
  const std::string expression = pointwise_expression(*op.node);
  const auto wanted = static_cast<std::size_t>(std::max(1, arity(parse_expression(expression))));
  check_inputs(op, wanted, chain ? 16 : wanted);
  const DType dtype = op.in[0]->dtype;
  if (dtype != DType::f32 && chain) shape_error(op, "input 0 is {}; expected f32", *op.in[0]);
  if (dtype != DType::f32 && dtype != DType::f16) {
    if (dtype == DType::boolean || find_integer_formula(op.node->op) == nullptr) {
      shape_error(op, "input 0 is {}; expected f32 or f16", *op.in[0]);
    }
  }
  for (std::size_t i = 1; i < op.in.size(); ++i) {
    if (op.in[i]->dtype != dtype) {
      shape_error(op, "input {} is {}; expected {}", i, *op.in[i], dtype);
    }
  }
  return {{broadcast_shape(op), dtype}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Shape shape = broadcast_shape(op);
  const DType dtype = op.in[0]->dtype;
  if (dtype == DType::f32 || dtype == DType::f16) {
    return {map_broadcast(shape, in, compile_expression(pointwise_expression(*op.node)))};
  }
  return {map_broadcast(shape, in, integer_function(*find_integer_formula(op.node->op), dtype))};
}

Cost cost(const OpView& op) {
  return {.flop = expression_flop(pointwise_expression(*op.node)) *
                  static_cast<double>(op.out_shape().elements()),
          .bytes = op.operand_bytes()};
}

// What the kernel for other types than f32 computes.
ElementFormula formula_of(const OpView& op) {
  const DType dtype = op.in[0]->dtype;
  if (dtype == DType::f16) {
    return {.type = "float", .code = {}, .expression = pointwise_expression(*op.node)};
  }
  return {.type = integer_compute_type(dtype),
          .code = std::string(find_integer_formula(op.node->op)->code),
          .expression = {}};
}

Variant variant(Family family) {
  return {.name = std::string(to_string(family)),
          .accepts = [family](const OpView& op, const Target& target) -> Decline {
            if (family == Family::wide && target.family != Family::wide) {
              return "made for devices that run one work-item per group well";
            }
            if (op.out_shape().elements() > INT32_MAX) return "more than 2^31 elements";
            if (is_f32(op)) return std::nullopt;
            if (op.in[0]->dtype != DType::f16 && find_integer_formula(op.node->op)->code.empty()) {
              return "on integers the host does it";
            }
            if (op.out_shape().elements() == 0) return std::nullopt;
            return fits_loop_limit(target, elementwise_call(formula_of(op), operands_of(op),
                                                            result_of(op), family, target)
                                               .loop_iterations);
          },
          .lower =
              [family](const OpView& op, const Target& target, const Params&) {
                std::vector<PointwiseOperand> operands;
                Lowering lowering;
                if (op.out_shape().elements() == 0) return lowering;
                if (!is_f32(op)) {
                  return elementwise_lowering(formula_of(op), operands_of(op), result_of(op),
                                              family, target);
                }
                for (std::size_t i = 0; i < op.in.size(); ++i) {
                  operands.push_back({in(static_cast<int>(i)), op.shape(i)});
                  if (op.shape(i) == op.out_shape()) {
                    lowering.may_share.emplace_back(0, static_cast<int>(i));
                  }
                }
                lowering.calls.emplace_back(pointwise_call(pointwise_expression(*op.node), operands,
                                                           out(), op.out_shape(), family, target));
                return lowering;
              },
          .space = {}};
}

// Operands of the result's shape are taken in blocks, [C, 1, 1] as a vector beside them.
std::optional<BlockedForm> blocked(const OpView& op, std::int64_t block, const Target&) {
  const Shape& y = op.out_shape();
  if (y.rank() != 4 || !is_f32(op)) return std::nullopt;
  std::vector<bool> inputs;
  std::vector<bool> channels;
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    const Shape& x = op.shape(i);
    const bool per_channel = x == Shape{y[1], 1, 1} || x == Shape{1, y[1], 1, 1};
    if (x != y && x.elements() != 1 && !per_channel) return std::nullopt;
    inputs.push_back(x == y);
    channels.push_back(per_channel && x != y && x.elements() != 1);
  }
  if (std::find(inputs.begin(), inputs.end(), true) == inputs.end()) return std::nullopt;
  BlockedForm form = same_op(op, std::move(inputs), {true});
  form.build = [build = form.build, channels, block](Builder& b, std::span<const ValueId> in,
                                                     const std::string& name) {
    std::vector<ValueId> operands(in.begin(), in.end());
    for (std::size_t i = 0; i < operands.size(); ++i) {
      const Shape& x = b.shape(operands[i]);
      if (channels[i]) {
        const ValueId vector =
            b.apply("reshape", {operands[i]}, {{"shape", Attributes::Ints{x.elements()}}});
        operands[i] = block_vector(b, vector, block);
      } else if (x.elements() == 1 && x.rank() > 0) {
        operands[i] = b.apply("reshape", {operands[i]}, {{"shape", Attributes::Ints{1}}});
      }
    }
    return build(b, operands, name);
  };
  return form;
}

bool mentions(std::string_view formula, char name) {
  for (std::size_t i = 0; i < formula.size(); ++i) {
    const auto word = [&](std::size_t k) {
      return k < formula.size() &&
             (std::isalnum(static_cast<unsigned char>(formula[k])) != 0 || formula[k] == '_');
    };
    if (formula[i] == name && !word(i + 1) && (i == 0 || !word(i - 1))) return true;
  }
  return false;
}

std::string parameters(const PointwiseRow& row, const Node& node) {
  if (row.parameter[0].empty()) return "";
  std::string text = fmt::format("{{{}", node.attributes.number(row.parameter[0], row.standard[0]));
  if (!row.parameter[1].empty()) {
    text += fmt::format(",{}", node.attributes.number(row.parameter[1], row.standard[1]));
  }
  return text + "}";
}

// dy times one derivative; operands that the derivative does not use are neither read nor kept.
ValueId partial(const GradientView& g, const PointwiseRow& row, std::string_view part,
                std::string_view formula) {
  if (formula == "(T)(1.0f)") return g.dy[0];
  std::vector<ValueId> inputs = {g.dy[0]};
  std::string arguments;
  for (int i = 0; i < row.arity; ++i) {
    std::string argument = "0";
    if (mentions(formula, i == 0 ? 'a' : 'b')) {
      argument = fmt::format("x{}", inputs.size());
      inputs.push_back(part == "dy" ? g.y[0] : g.x[static_cast<std::size_t>(i)]);
    }
    arguments += (i == 0 ? "" : ", ") + argument;
  }
  return g.b.apply("pointwise", inputs,
                   {{"expression", fmt::format("mul(x0, {}.{}{}({}))", row.name, part,
                                               parameters(row, g.node), arguments)}});
}

std::vector<ValueId> row_gradient(const GradientView& g) {
  const PointwiseRow& row = *find_pointwise(g.node.op);
  std::vector<ValueId> dx(g.x.size(), kNoValue);
  if (g.wanted[0]) {
    const bool by_result = !row.dy.empty();
    dx[0] = sum_to(g.b, partial(g, row, by_result ? "dy" : "da", by_result ? row.dy : row.da),
                   g.b.shape(g.x[0]));
  }
  if (row.arity == 2 && g.wanted[1]) {
    dx[1] = sum_to(g.b, partial(g, row, "db", row.db), g.b.shape(g.x[1]));
  }
  return dx;
}

OpDef define(std::string name, std::function<std::vector<ValueId>(const GradientView&)> gradient) {
  return {.name = std::move(name),
          .infer = infer,
          .reference = reference,
          .gradient = std::move(gradient),
          .cost = cost,
          .variants = std::vector<Variant>{variant(Family::wide), variant(Family::simt)},
          .takes_epilogue = false,
          .pointwise = true,
          .blocked = blocked};
}

}  // namespace

std::string pointwise_expression(const Node& node) {
  if (node.op == "pointwise") return node.attributes.text("expression");
  const PointwiseRow& row = *find_pointwise(node.op);
  return fmt::format("{}{}({})", row.name, parameters(row, node), row.arity == 1 ? "x0" : "x0, x1");
}

std::vector<OpDef> pointwise_ops() {
  std::vector<OpDef> ops;
  for (const PointwiseRow& row : pointwise_rows()) {
    ops.push_back(define(std::string(row.name), row_gradient));
  }
  ops.push_back(define("pointwise", no_gradient("a fused chain is made after differentiation")));
  return ops;
}

}  // namespace pinnacle
