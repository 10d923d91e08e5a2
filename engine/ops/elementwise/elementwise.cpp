// What a formula makes of elements where types differ or are no floats: comparisons, logic, bits,
// remainders, where, cast. Arithmetic that trains is in the pointwise table.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

#include "ops/broadcast.hpp"
#include "ops/elementwise/integers.hpp"
#include "ops/elementwise/lowering.hpp"
#include "ops/gradients.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f16; }
bool is_integer(DType dtype) { return !is_float(dtype) && dtype != DType::boolean; }

const char* compute_type(DType dtype) {
  return is_float(dtype) ? "float" : integer_compute_type(dtype);
}

using Function = std::function<double(std::span<const double>)>;

// One op of operands that all have one type.
struct Kind {
  std::string name;
  std::size_t arity;
  bool (*takes)(DType dtype);
  const char* expected;  ///< what it takes, for messages
  bool to_boolean;       ///< else the result has the operands' type
  std::string (*code)(const OpView& op);
  Function (*function)(const OpView& op);
};

// ---- Comparisons and logic ----------------------------------------------------------------------

bool takes_all(DType) { return true; }
bool takes_boolean(DType dtype) { return dtype == DType::boolean; }
bool takes_numbers(DType dtype) { return dtype != DType::boolean; }

#define COMPARISON(name, operation)                                                        \
  Kind {                                                                                   \
    name, 2, takes_all, "", true,                                                          \
        [](const OpView& op) -> std::string {                                              \
          return is_float(op.in[0]->dtype) ? "(a " #operation " b) ? (T)(1) : (T)(0)"      \
                                           : "min((a " #operation " b) & (T)(3), (T)(1))"; \
        },                                                                                 \
        [](const OpView&) -> Function {                                                    \
          return [](std::span<const double> x) -> double { return x[0] operation x[1]; };  \
        }                                                                                  \
  }
// Of booleans that need not be 0 or 1.
#define LOGIC(name, operation, formula)                                                         \
  Kind {                                                                                        \
    name, 2, takes_boolean, "bool", true, [](const OpView&) -> std::string { return formula; }, \
        [](const OpView&) -> Function {                                                         \
          return [](std::span<const double> x) -> double {                                      \
            return (x[0] != 0) operation(x[1] != 0);                                            \
          };                                                                                    \
        }                                                                                       \
  }

std::string not_code(const OpView&) { return "(T)(1) - min(a, (T)(1))"; }
Function not_function(const OpView&) {
  return [](std::span<const double> x) { return x[0] == 0 ? 1.0 : 0.0; };
}

// ---- Numbers that are none ----------------------------------------------------------------------

std::string is_nan_code(const OpView&) { return "(a != a) ? (T)(1) : (T)(0)"; }
Function is_nan_function(const OpView&) {
  return [](std::span<const double> x) { return std::isnan(x[0]) ? 1.0 : 0.0; };
}

bool detects(const OpView& op, bool positive) {
  return op.attributes().integer(positive ? "detect_positive" : "detect_negative", 1) != 0;
}

std::string is_inf_code(const OpView& op) {
  const bool positive = detects(op, true);
  const bool negative = detects(op, false);
  if (!positive && !negative) return "(T)(0)";
  const char* value = positive && negative ? "fabs(a)" : positive ? "a" : "-a";
  return fmt::format("({} == (T)(INFINITY)) ? (T)(1) : (T)(0)", value);
}
Function is_inf_function(const OpView& op) {
  return [positive = detects(op, true), negative = detects(op, false)](std::span<const double> x) {
    return std::isinf(x[0]) && (x[0] > 0 ? positive : negative) ? 1.0 : 0.0;
  };
}

// ---- Bits ---------------------------------------------------------------------------------------

#define BITWISE(name, operation)                                                     \
  Kind {                                                                             \
    name, 2, is_integer, "integers", false,                                          \
        [](const OpView&) -> std::string { return "a " #operation " b"; },           \
        [](const OpView&) -> Function {                                              \
          return [](std::span<const double> x) -> double {                           \
            return static_cast<double>(to_integer(x[0]) operation to_integer(x[1])); \
          };                                                                         \
        }                                                                            \
  }

std::string bitwise_not_code(const OpView&) { return "~a"; }
Function bitwise_not_function(const OpView& op) {
  return [dtype = op.in[0]->dtype](std::span<const double> x) {
    return static_cast<double>(wrapped(~to_integer(x[0]), dtype));
  };
}

bool shifts_left(const OpView& op) {
  const std::string direction = op.attributes().text("direction", "right");
  if (direction != "left" && direction != "right") {
    shape_error(op, "direction is \"{}\"; expected left or right", direction);
  }
  return direction == "left";
}

// A shift by more bits than there are leaves what the sign fills in.
std::string bit_shift_code(const OpView& op) {
  const std::size_t bits = 8 * size_of(op.in[0]->dtype);
  const std::string far = fmt::format("((b < (T)(0)) || (b > (T)({})))", bits - 1);
  if (shifts_left(op)) return fmt::format("{} ? (T)(0) : (a << (b & (T)({})))", far, bits - 1);
  return fmt::format("{} ? ((a < (T)(0)) ? (T)(-1) : (T)(0)) : (a >> (b & (T)({})))", far,
                     bits - 1);
}
Function bit_shift_function(const OpView& op) {
  return [left = shifts_left(op), dtype = op.in[0]->dtype](std::span<const double> x) {
    const std::int64_t a = to_integer(x[0]);
    const std::int64_t b = to_integer(x[1]);
    const auto bits = static_cast<std::int64_t>(8 * size_of(dtype));
    if (b < 0 || b >= bits) return left || a >= 0 ? 0.0 : -1.0;
    const std::int64_t moved =
        left ? static_cast<std::int64_t>(static_cast<std::uint64_t>(a) << b) : a >> b;
    return static_cast<double>(wrapped(moved, dtype));
  };
}

// ---- Remainders ---------------------------------------------------------------------------------

// Of a quotient that is truncated, with the dividend's sign, or rounded down, with the divisor's.
bool truncates(const OpView& op) { return op.attributes().integer("fmod", 0) != 0; }

std::string mod_code(const OpView& op) {
  // By 0 and -1, which may trap, everything is divisible, as by 1.
  const char* rest = is_float(op.in[0]->dtype)
                         ? "fmod(a, b)"
                         : "(a % (((b == (T)(0)) || (b == (T)(-1))) ? (T)(1) : b))";
  if (truncates(op)) return rest;
  return fmt::format("(({0} != (T)(0)) & (({0} < (T)(0)) != (b < (T)(0)))) ? {0} + b : {0}", rest);
}

Function mod_function(const OpView& op) {
  const bool real = is_float(op.in[0]->dtype);
  return [real, truncated = truncates(op)](std::span<const double> x) {
    if (real) {
      const double rest = std::fmod(x[0], x[1]);
      if (truncated || rest == 0 || std::isnan(rest)) return rest;
      return (rest < 0) != (x[1] < 0) ? rest + x[1] : rest;
    }
    const std::int64_t a = to_integer(x[0]);
    const std::int64_t b = to_integer(x[1]);
    if (b == 0 || b == -1) return 0.0;
    const std::int64_t rest = a % b;
    const bool moves = !truncated && rest != 0 && (rest < 0) != (b < 0);
    return static_cast<double>(moves ? rest + b : rest);
  };
}

// ---- Ops of one type of operands ----------------------------------------------------------------

std::vector<TensorType> kind_infer(const Kind& kind, const OpView& op) {
  check_inputs(op, kind.arity, kind.arity);
  const DType dtype = op.in[0]->dtype;
  if (!kind.takes(dtype)) shape_error(op, "input 0 is {}; expected {}", *op.in[0], kind.expected);
  for (std::size_t i = 1; i < kind.arity; ++i) {
    if (op.in[i]->dtype != dtype) {
      shape_error(op, "input {} is {}; expected {}", i, *op.in[i], dtype);
    }
  }
  kind.code(op);  // checks its attributes
  return {{broadcast_shape(op), kind.to_boolean ? DType::boolean : dtype}};
}

Cost one_per_element(const OpView& op) {
  return {.flop = static_cast<double>(op.out_shape().elements()), .bytes = op.operand_bytes()};
}

OpDef define(const Kind& kind) {
  return {
      .name = kind.name,
      .infer = [kind](const OpView& op) { return kind_infer(kind, op); },
      .reference =
          [kind](const OpView& op, std::span<const Array> in) {
            return std::vector<Array>{map_broadcast(broadcast_shape(op), in, kind.function(op))};
          },
      .gradient = no_gradient("its result is no smooth function of its operands"),
      .cost = one_per_element,
      .variants = both_families([kind](const OpView& op, const Target& target, Family family) {
        return elementwise_lowering(
            {.type = compute_type(op.in[0]->dtype), .code = kind.code(op), .expression = {}},
            operands_of(op), result_of(op), family, target);
      })};
}

// ---- where --------------------------------------------------------------------------------------

std::vector<TensorType> where_infer(const OpView& op) {
  check_inputs(op, 3, 3);
  if (op.in[0]->dtype != DType::boolean) {
    shape_error(op, "condition is {}; expected bool", *op.in[0]);
  }
  if (op.in[1]->dtype != op.in[2]->dtype) {
    shape_error(op, "the choices are {} and {}; expected one type", *op.in[1], *op.in[2]);
  }
  return {{broadcast_shape(op), op.in[1]->dtype}};
}

std::vector<Array> where_reference(const OpView& op, std::span<const Array> in) {
  return {map_broadcast(broadcast_shape(op), in,
                        [](std::span<const double> x) { return x[0] != 0 ? x[1] : x[2]; })};
}

std::vector<ValueId> where_gradient(const GradientView& g) {
  std::vector<ValueId> dx(3, kNoValue);
  const ValueId zero = g.b.constant(0.0f);
  for (std::size_t i = 1; i < 3; ++i) {
    if (!g.wanted[i]) continue;
    const ValueId part = i == 1 ? g.b.apply("where", {g.x[0], g.dy[0], zero})
                                : g.b.apply("where", {g.x[0], zero, g.dy[0]});
    dx[i] = sum_to(g.b, part, g.b.shape(g.x[i]));
  }
  return dx;
}

// Elements are moved as they are, as unsigned numbers of their size.
Lowering where_lower(const OpView& op, const Target& target, Family family) {
  const std::string type = element_type(op.out[0].dtype);
  std::vector<ElementOperand> operands = operands_of(op);
  operands[1].storage = operands[2].storage = type;
  ElementOperand result = result_of(op);
  result.storage = type;
  return elementwise_lowering({.type = type, .code = "(a != (T)(0)) ? b : c", .expression = {}},
                              operands, result, family, target);
}

// ---- cast and bit_cast --------------------------------------------------------------------------

DType wanted_type(const OpView& op) {
  const std::string name = op.attributes().text("to", "");
  for (const DType dtype :
       {DType::f32, DType::f16, DType::i64, DType::i32, DType::i8, DType::u8, DType::boolean}) {
    if (to_string(dtype) == name) return dtype;
  }
  shape_error(op, "to is \"{}\", which is no element type", name);
}

std::vector<TensorType> cast_infer(const OpView& op) {
  check_inputs(op, 1, 1);
  return {{op.shape(0), wanted_type(op)}};
}

std::vector<Array> cast_reference(const OpView& op, std::span<const Array> in) {
  const DType from = op.in[0]->dtype;
  const DType to = wanted_type(op);
  Array y = in[0];
  if (from == to) return {std::move(y)};
  if (is_float(to)) return {to_array(to_tensor(y, to))};
  for (double& v : y.data) {
    if (to == DType::boolean) {
      v = v != 0 ? 1 : 0;
    } else if (is_float(from) && to != DType::i64) {
      // Toward zero; beyond the type its nearest number.
      const std::int64_t high = to == DType::i32  ? INT32_MAX
                                : to == DType::i8 ? INT8_MAX
                                                  : UINT8_MAX;
      const std::int64_t low = to == DType::u8 ? 0 : -high - 1;
      v = static_cast<double>(std::clamp(to_integer(v), low, high));
    } else {
      v = static_cast<double>(wrapped(to_integer(v), to));
    }
  }
  return {std::move(y)};
}

std::vector<ValueId> cast_gradient(const GradientView& g) {
  const DType from = g.b.type(g.x[0]).dtype;
  if (!is_float(from) || !is_float(g.b.type(g.y[0]).dtype)) {
    return no_gradient("an integer does not follow small changes")(g);
  }
  return {g.b.apply("cast", {g.dy[0]}, {{"to", std::string(to_string(from))}})};
}

Lowering cast_lower(const OpView& op, const Target& target, Family family) {
  const DType from = op.in[0]->dtype;
  const DType to = op.out[0].dtype;
  if (from == to) {
    Lowering lowering;
    lowering.alias_of = 0;
    return lowering;
  }
  const char* code = to == DType::boolean ? "(a != (T)(0)) ? (T)(1) : (T)(0)" : "a";
  return elementwise_lowering({.type = compute_type(from), .code = code, .expression = {}},
                              operands_of(op), result_of(op), family, target);
}

std::vector<TensorType> bit_cast_infer(const OpView& op) {
  check_inputs(op, 1, 1);
  const DType to = wanted_type(op);
  if (size_of(to) != size_of(op.in[0]->dtype)) {
    shape_error(op, "x is {}; its elements do not have the size of {}", *op.in[0], to);
  }
  return {{op.shape(0), to}};
}

std::vector<Array> bit_cast_reference(const OpView& op, std::span<const Array> in) {
  const Tensor from = to_tensor(in[0], op.in[0]->dtype);
  Tensor to(from.shape(), wanted_type(op));
  std::copy(from.bytes().begin(), from.bytes().end(), to.bytes().begin());
  return {to_array(to)};
}

Lowering bit_cast_lower(const OpView& op, const Target& target, Family family) {
  std::vector<ElementOperand> operands = operands_of(op);
  ElementOperand result = result_of(op);
  const std::string type = element_type(op.out[0].dtype);
  operands[0].storage = result.storage = type;
  return elementwise_lowering({.type = type, .code = "a", .expression = {}}, operands, result,
                              family, target);
}

Cost moves(const OpView& op) { return {.flop = 0, .bytes = op.operand_bytes()}; }

}  // namespace

std::vector<OpDef> elementwise_ops() {
  const Kind kinds[] = {
      COMPARISON("equal", ==),
      COMPARISON("greater", >),
      COMPARISON("greater_or_equal", >=),
      COMPARISON("less", <),
      COMPARISON("less_or_equal", <=),
      LOGIC("and", &&, "min(min(a, b), (T)(1))"),
      LOGIC("or", ||, "min(max(a, b), (T)(1))"),
      LOGIC("xor", !=, "min(a, (T)(1)) ^ min(b, (T)(1))"),
      {"not", 1, takes_boolean, "bool", true, not_code, not_function},
      {"is_nan", 1, is_float, "floats", true, is_nan_code, is_nan_function},
      {"is_inf", 1, is_float, "floats", true, is_inf_code, is_inf_function},
      BITWISE("bitwise_and", &),
      BITWISE("bitwise_or", |),
      BITWISE("bitwise_xor", ^),
      {"bitwise_not", 1, is_integer, "integers", false, bitwise_not_code, bitwise_not_function},
      {"bit_shift", 2, is_integer, "integers", false, bit_shift_code, bit_shift_function},
      {"mod", 2, takes_numbers, "numbers", false, mod_code, mod_function},
  };
  std::vector<OpDef> ops;
  for (const Kind& kind : kinds) ops.push_back(define(kind));
  ops.push_back({.name = "where",
                 .infer = where_infer,
                 .reference = where_reference,
                 .gradient = where_gradient,
                 .cost = moves,
                 .variants = both_families(where_lower)});
  ops.push_back({.name = "cast",
                 .infer = cast_infer,
                 .reference = cast_reference,
                 .gradient = cast_gradient,
                 .cost = moves,
                 .variants = both_families(cast_lower)});
  ops.push_back({.name = "bit_cast",
                 .infer = bit_cast_infer,
                 .reference = bit_cast_reference,
                 .gradient = no_gradient("bits do not follow small changes"),
                 .cost = moves,
                 .variants = both_families(bit_cast_lower)});
  return ops;
}
#undef COMPARISON
#undef LOGIC
#undef BITWISE

}  // namespace pinnacle
