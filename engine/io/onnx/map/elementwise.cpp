// Operators that work element by element: arithmetic, activations, comparisons, logic, bits, types.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>
#include <optional>

#include "io/onnx/map/build.hpp"
#include "io/onnx/node_import.hpp"
#include "io/onnx/tensor_proto.hpp"

namespace pinnacle::onnx {
namespace {

using Values = std::vector<ValueId>;

bool is_float(DType dtype) { return dtype == DType::f32 || dtype == DType::f16; }

// ---- Operands -----------------------------------------------------------------------------------

// Before operator set 7 the second operand was laid along the first from `axis` on, and only on
// demand.
ValueId second_operand(NodeImport& node) {
  const ValueId b = node.in(1);
  if (node.opset() >= 7) return b;
  const Shape& x = node.shape(0);
  const Shape y = node.shape(1);
  if (node.integer("broadcast", 0) == 0) {
    if (x != y) node.invalid(fmt::format("operands are {} and {}; expected one shape", x, y));
    return b;
  }
  if (!node.has_attribute("axis") || y.rank() == 0) return b;
  const std::size_t axis = node.axis(node.integer("axis", 0), x.rank());
  if (axis + y.rank() > x.rank()) {
    node.invalid(fmt::format("{} does not fit into {} from axis {} on", y, x, axis));
  }
  NodeImport::Ints dims = y.dims();
  dims.resize(x.rank() - axis, 1);
  return node.reshape(b, Shape(std::move(dims)));
}

// Any number of operands, from the left.
ValueId chain(NodeImport& node, const char* op) {
  ValueId result = node.in(0);
  for (std::size_t i = 1; i < node.input_count(); ++i)
    result = node.apply(op, {result, node.in(i)});
  return result;
}

Values max(NodeImport& node) { return {chain(node, "max")}; }
Values min(NodeImport& node) { return {chain(node, "min")}; }
Values sum(NodeImport& node) { return {chain(node, "add")}; }

Values mean(NodeImport& node) {
  const double count = static_cast<double>(node.input_count());
  const ValueId share = node.b().constant(static_cast<float>(1 / count));
  return {node.apply("mul", {chain(node, "add"), share})};
}

// ---- Parameters ---------------------------------------------------------------------------------

// A row of the pointwise table with attributes of the same names.
struct Parameter {
  const char* name;
  double absent;
};

template <std::size_t count>
Values with_parameters(NodeImport& node, const char* op, const Parameter (&parameters)[count]) {
  Attributes attributes;
  for (const Parameter& parameter : parameters) {
    attributes.set(parameter.name, node.number(parameter.name, parameter.absent));
  }
  return {node.apply(op, {node.in(0)}, attributes)};
}

Values celu(NodeImport& node) {
  if (node.number("alpha", 1) == 0) node.invalid("alpha is 0");
  return with_parameters(node, "celu", {{"alpha", 1.0}});
}
Values elu(NodeImport& node) { return with_parameters(node, "elu", {{"alpha", 1.0}}); }
Values hard_sigmoid(NodeImport& node) {
  return with_parameters(node, "hard_sigmoid", {{"alpha", 0.2}, {"beta", 0.5}});
}
Values leaky_relu(NodeImport& node) {
  return with_parameters(node, "leaky_relu", {{"alpha", 0.01}});
}
Values selu(NodeImport& node) {
  if (node.opset() < 6) {
    return with_parameters(node, "selu", {{"alpha", 1.6732}, {"gamma", 1.0507}});
  }
  return with_parameters(
      node, "selu", {{"alpha", 1.67326319217681884765625}, {"gamma", 1.05070102214813232421875}});
}
Values thresholded_relu(NodeImport& node) {
  return with_parameters(node, "thresholded_relu", {{"alpha", 1.0}});
}

Values shrink(NodeImport& node) {
  const DType dtype = node.dtype(0);
  const Attributes attributes = {{"lambd", node.number("lambd", 0.5)},
                                 {"bias", node.number("bias", 0)}};
  return {node.cast(node.apply("shrink", {node.cast(node.in(0), DType::f32)}, attributes), dtype)};
}

ValueId swish_of(NodeImport& node) {
  const double alpha = node.number("alpha", 1);
  if (alpha == 1) return node.apply("silu", {node.in(0)});
  return node.apply("swish", {node.in(0)}, {{"alpha", alpha}});
}
Values swish(NodeImport& node) { return {swish_of(node)}; }

Values swiglu(NodeImport& node) {
  if (node.shape(0) != node.shape(1)) {
    node.invalid(fmt::format("the gate is {} and the value {}; expected one shape", node.shape(0),
                             node.shape(1)));
  }
  return {node.apply("mul", {swish_of(node), node.in(1)})};
}

Values gelu(NodeImport& node) {
  const std::string approximate = node.text("approximate", "none");
  if (approximate != "none" && approximate != "tanh") {
    node.invalid(fmt::format("approximate is \"{}\"; expected none or tanh", approximate));
  }
  return {node.apply(approximate == "tanh" ? "gelu_tanh" : "gelu", {node.in(0)})};
}

// Limits were attributes before operator set 11.
Values clip(NodeImport& node) {
  ValueId x = node.in(0);
  std::optional<double> low;
  std::optional<double> high;
  const bool numbers = node.opset() < 11;
  if (numbers) {
    if (node.has_attribute("min")) low = node.number("min", 0);
    if (node.has_attribute("max")) high = node.number("max", 0);
  } else {
    if (node.has(1) && node.is_constant(1)) low = node.number(1);
    if (node.has(2) && node.is_constant(2)) high = node.number(2);
  }
  const bool known = numbers || ((!node.has(1) || low) && (!node.has(2) || high));
  if (!known || node.dtype(0) != DType::f32) {
    const auto limit = [&](std::size_t i, const std::optional<double>& value) {
      Array scalar(Shape{}, value.value_or(0));
      return numbers ? node.constant(to_tensor(scalar, node.dtype(0))) : node.in(i);
    };
    if (numbers ? low.has_value() : node.has(1)) x = node.apply("max", {x, limit(1, low)});
    if (numbers ? high.has_value() : node.has(2)) x = node.apply("min", {x, limit(2, high)});
    return {x};
  }
  if (!low && !high) return {x};
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double most = high.value_or(kInfinity);
  // Where the limits cross, everything is the upper one.
  const double least = std::min(low.value_or(-kInfinity), most);
  return {node.apply("clip", {x}, {{"min", least}, {"max", most}})};
}

// The slope had one number per channel before operator set 7.
Values prelu(NodeImport& node) {
  const ValueId x = node.in(0);
  ValueId slope = node.in(1);
  const Shape shape = node.shape(0);
  if (node.opset() < 7 && node.shape(1).rank() == 1 && shape.rank() > 2) {
    NodeImport::Ints dims(shape.rank() - 1, 1);
    dims[0] = node.shape(1)[0];
    slope = node.reshape(slope, Shape(std::move(dims)));
  }
  if (is_float(node.dtype(0))) return {node.apply("prelu", {x, slope})};
  const ValueId zero = node.constant(Tensor(Shape{}, node.dtype(0)));
  return {node.apply("where", {node.apply("less", {x, zero}), node.apply("mul", {x, slope}), x})};
}

// ---- Powers -------------------------------------------------------------------------------------

// Of exponents that are cheaper in another way; kNoValue: none of them.
ValueId simple_power(NodeImport& node, ValueId x, double exponent) {
  if (exponent == 1) return x;
  if (exponent == 2) return node.apply("square", {x});
  if (exponent == 3) return node.apply("mul", {node.apply("square", {x}), x});
  if (exponent == 0.5) return node.apply("sqrt", {x});
  if (exponent == -1) return node.apply("reciprocal", {x});
  if (exponent == -0.5) return node.apply("reciprocal", {node.apply("sqrt", {x})});
  return kNoValue;
}

Values pow(NodeImport& node) {
  const DType dtype = node.dtype(0);
  const ValueId exponent = second_operand(node);
  const Shape shape = node.shape(0);
  if (!is_float(dtype) && !is_float(node.dtype(1))) {
    return {node.apply("pow", {node.in(0), node.cast(exponent, dtype)})};
  }
  const ValueId x = node.cast(node.in(0), DType::f32);
  if (node.is_constant(1) && node.b().shape(exponent).elements() == 1 &&
      node.b().shape(exponent).rank() <= shape.rank()) {
    const ValueId simple = simple_power(node, x, node.number(1));
    if (simple != kNoValue) return {node.cast(simple, dtype)};
  }
  return {node.cast(node.apply("pow", {x, node.cast(exponent, DType::f32)}), dtype)};
}

// ---- Types, bits, numbers that are none ---------------------------------------------------------

Values identity(NodeImport& node) { return {node.in(0)}; }

DType wanted_type(NodeImport& node) {
  return require_dtype(static_cast<int>(node.integer("to", 0)), node.name());
}

Values cast(NodeImport& node) { return {node.cast(node.in(0), wanted_type(node))}; }
Values cast_like(NodeImport& node) { return {node.cast(node.in(0), node.dtype(1))}; }

Values bit_cast(NodeImport& node) {
  const DType to = wanted_type(node);
  if (size_of(to) != size_of(node.dtype(0))) {
    node.invalid(fmt::format("x is {}; its elements do not have the size of {}", node.type(0), to));
  }
  return {node.apply("bit_cast", {node.in(0)}, {{"to", std::string(to_string(to))}})};
}

Values where(NodeImport& node) {
  return {node.apply("where", {node.in(0), node.in(1), node.in(2)})};
}

Values mod(NodeImport& node) {
  return {node.apply("mod", {node.in(0), node.in(1)}, {{"fmod", node.integer("fmod", 0)}})};
}

Values bit_shift(NodeImport& node) {
  const std::string direction = node.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") {
    node.invalid(fmt::format("direction is \"{}\"; expected LEFT or RIGHT", direction));
  }
  return {node.apply("bit_shift", {node.in(0), node.in(1)},
                     {{"direction", std::string(direction == "LEFT" ? "left" : "right")}})};
}

Values is_inf(NodeImport& node) {
  return {node.apply("is_inf", {node.in(0)},
                     {{"detect_positive", node.integer("detect_positive", 1)},
                      {"detect_negative", node.integer("detect_negative", 1)}})};
}

// ---- Names --------------------------------------------------------------------------------------

#define UNARY(onnx, ours)                                                              \
  ImportRow {                                                                          \
    onnx, [](NodeImport& node) -> Values { return {node.apply(ours, {node.in(0)})}; }, \
        Half::computed_in_f32, 1                                                       \
  }
#define BINARY(onnx, ours, half)                                         \
  ImportRow {                                                            \
    onnx,                                                                \
        [](NodeImport& node) -> Values {                                 \
          return {node.apply(ours, {node.in(0), second_operand(node)})}; \
        },                                                               \
        half, 1                                                          \
  }

}  // namespace

std::vector<ImportRow> elementwise_imports() {
  constexpr Half kInF32 = Half::computed_in_f32;
  return {
      UNARY("Abs", "abs"),
      UNARY("Acos", "acos"),
      UNARY("Acosh", "acosh"),
      BINARY("Add", "add", kInF32),
      BINARY("And", "and", Half::kept),
      UNARY("Asin", "asin"),
      UNARY("Asinh", "asinh"),
      UNARY("Atan", "atan"),
      UNARY("Atanh", "atanh"),
      {"BitCast", bit_cast, Half::kept, 1},
      {"BitShift", bit_shift, Half::kept, 1},
      BINARY("BitwiseAnd", "bitwise_and", Half::kept),
      UNARY("BitwiseNot", "bitwise_not"),
      BINARY("BitwiseOr", "bitwise_or", Half::kept),
      BINARY("BitwiseXor", "bitwise_xor", Half::kept),
      {"Cast", cast, Half::kept, 6},
      {"CastLike", cast_like, Half::kept, 1},
      UNARY("Ceil", "ceil"),
      {"Celu", celu, kInF32, 1},
      {"Clip", clip, kInF32, 1},
      UNARY("Cos", "cos"),
      UNARY("Cosh", "cosh"),
      BINARY("Div", "div", kInF32),
      {"Elu", elu, kInF32, 1},
      BINARY("Equal", "equal", Half::kept),
      UNARY("Erf", "erf"),
      UNARY("Exp", "exp"),
      UNARY("Floor", "floor"),
      {"Gelu", gelu, kInF32, 1},
      BINARY("Greater", "greater", Half::kept),
      BINARY("GreaterOrEqual", "greater_or_equal", Half::kept),
      {"HardSigmoid", hard_sigmoid, kInF32, 1},
      UNARY("HardSwish", "hard_swish"),
      {"Identity", identity, Half::kept, 1},
      {"IsInf", is_inf, Half::kept, 1},
      {"IsNaN", [](NodeImport& node) -> Values { return {node.apply("is_nan", {node.in(0)})}; },
       Half::kept, 1},
      {"LeakyRelu", leaky_relu, kInF32, 1},
      BINARY("Less", "less", Half::kept),
      BINARY("LessOrEqual", "less_or_equal", Half::kept),
      UNARY("Log", "log"),
      {"Max", max, kInF32, 1},
      {"Mean", mean, kInF32, 1},
      {"Min", min, kInF32, 1},
      UNARY("Mish", "mish"),
      {"Mod", mod, kInF32, 1},
      BINARY("Mul", "mul", kInF32),
      UNARY("Neg", "neg"),
      UNARY("Not", "not"),
      BINARY("Or", "or", Half::kept),
      {"PRelu", prelu, kInF32, 1},
      {"Pow", pow, Half::kept, 1},
      UNARY("Reciprocal", "reciprocal"),
      UNARY("Relu", "relu"),
      UNARY("Round", "round"),
      {"Selu", selu, kInF32, 1},
      {"Shrink", shrink, kInF32, 1},
      UNARY("Sigmoid", "sigmoid"),
      UNARY("Sign", "sign"),
      UNARY("Sin", "sin"),
      UNARY("Sinh", "sinh"),
      UNARY("Softplus", "softplus"),
      UNARY("Softsign", "softsign"),
      UNARY("Sqrt", "sqrt"),
      BINARY("Sub", "sub", kInF32),
      {"Sum", sum, kInF32, 1},
      {"SwiGLU", swiglu, kInF32, 1},
      {"Swish", swish, kInF32, 1},
      UNARY("Tan", "tan"),
      UNARY("Tanh", "tanh"),
      {"ThresholdedRelu", thresholded_relu, kInF32, 1},
      {"Where", where, Half::kept, 1},
      BINARY("Xor", "xor", Half::kept),
  };
}
#undef UNARY
#undef BINARY

}  // namespace pinnacle::onnx
