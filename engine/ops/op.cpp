// Array conversion, views of nodes, and the Builder.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <set>
#include <type_traits>

#include "base/shapes.hpp"

namespace pinnacle {
namespace {

// IEEE 754 binary16 <-> binary32, round to nearest even.
float from_half(std::uint16_t half) {
  const int exponent = (half >> 10) & 31;
  const int mantissa = half & 1023;
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(mantissa, -24);
  } else if (exponent == 31) {
    value = mantissa == 0 ? INFINITY : NAN;
  } else {
    value = std::ldexp(1024 + mantissa, exponent - 25);
  }
  return static_cast<float>((half & 0x8000) != 0 ? -value : value);
}

std::uint16_t to_half(double value) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
  const double magnitude = std::fabs(value);
  if (std::isnan(value)) return sign | 0x7e00;
  if (magnitude >= 65520.0) return sign | 0x7c00;
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  const int scale = std::max(exponent - 11, -24);  // of the last mantissa bit
  const double rounded = std::nearbyint(std::ldexp(magnitude, -scale));
  const auto units = static_cast<std::uint32_t>(rounded);
  if (units == 0) return sign;
  const std::uint32_t bits =
      scale == -24 ? units : (static_cast<std::uint32_t>(scale + 25) << 10) + (units - 1024);
  return static_cast<std::uint16_t>(sign | bits);
}

template <class T>
void widen(const Tensor& tensor, std::vector<double>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    T element;
    std::memcpy(&element, tensor.bytes().data() + i * sizeof(T), sizeof(T));
    out[i] = static_cast<double>(element);
  }
}

// Cut towards zero, what is no number to 0. "To the end" is the largest i64 in many models, which a
// double rounds up to 2^63.
std::int64_t to_integer(double value) {
  constexpr double kBeyond = 9223372036854775808.0;
  if (std::isnan(value)) return 0;
  return value >= kBeyond   ? INT64_MAX
         : value < -kBeyond ? INT64_MIN
                            : static_cast<std::int64_t>(value);
}

template <class T>
void narrow(const std::vector<double>& in, Tensor& tensor) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    T element;
    if constexpr (std::is_integral_v<T>) {
      element = static_cast<T>(to_integer(in[i]));  // sums of small integers wrap around
    } else {
      element = static_cast<T>(in[i]);
    }
    std::memcpy(tensor.bytes().data() + i * sizeof(T), &element, sizeof(T));
  }
}

}  // namespace

Array to_array(const Tensor& tensor) {
  Array array(tensor.shape());
  switch (tensor.dtype()) {
    case DType::f32:
      widen<float>(tensor, array.data);
      break;
    case DType::i32:
      widen<std::int32_t>(tensor, array.data);
      break;
    case DType::i64:
      widen<std::int64_t>(tensor, array.data);
      break;
    case DType::i8:
      widen<std::int8_t>(tensor, array.data);
      break;
    case DType::u8:
    case DType::boolean:
      widen<std::uint8_t>(tensor, array.data);
      break;
    case DType::f16:
      for (std::size_t i = 0; i < array.data.size(); ++i) {
        std::uint16_t half;
        std::memcpy(&half, tensor.bytes().data() + 2 * i, 2);
        array.data[i] = from_half(half);
      }
      break;
  }
  return array;
}

Tensor to_tensor(const Array& array, DType dtype) {
  Tensor tensor(array.shape, dtype);
  switch (dtype) {
    case DType::f32:
      narrow<float>(array.data, tensor);
      break;
    case DType::i32:
      narrow<std::int32_t>(array.data, tensor);
      break;
    case DType::i64:
      narrow<std::int64_t>(array.data, tensor);
      break;
    case DType::i8:
      narrow<std::int8_t>(array.data, tensor);
      break;
    case DType::u8:
    case DType::boolean:
      narrow<std::uint8_t>(array.data, tensor);
      break;
    case DType::f16:
      for (std::size_t i = 0; i < array.data.size(); ++i) {
        const std::uint16_t half = to_half(array.data[i]);
        std::memcpy(tensor.bytes().data() + 2 * i, &half, 2);
      }
      break;
  }
  return tensor;
}

double OpView::operand_bytes() const {
  double bytes = 0;
  for (const auto& type : in) bytes += type ? static_cast<double>(type->bytes()) : 0.0;
  for (const auto& type : out) bytes += static_cast<double>(type.bytes());
  return bytes;
}

std::string OpView::label() const { return fmt::format("{} \"{}\"", node->op, node->name); }

OpView view(const Graph& graph, const Node& node) {
  OpView op{.node = &node, .in = {}, .out = {}, .fixed = {}};
  for (const ValueId id : node.inputs) {
    op.in.push_back(id == kNoValue ? std::nullopt : std::optional(graph.type(id)));
  }
  for (const ValueId id : node.outputs) op.out.push_back(graph.type(id));
  return op;
}

void check_inputs(const OpView& op, std::size_t least, std::size_t most) {
  if (op.in.size() < least || op.in.size() > most) {
    shape_error(op, "has {} inputs; expected {}", op.in.size(),
                least == most ? fmt::format("{}", least) : fmt::format("{} to {}", least, most));
  }
  for (std::size_t i = 0; i < least; ++i) {
    if (!op.in[i]) shape_error(op, "input {} is absent", i);
  }
}

std::function<std::vector<ValueId>(const GradientView&)> no_gradient(std::string reason) {
  return [reason = std::move(reason)](const GradientView& g) -> std::vector<ValueId> {
    throw UnsupportedError("has no gradient", {reason},
                           fmt::format("{} \"{}\"", g.node.op, g.node.name));
  };
}

std::vector<ValueId> Builder::apply_all(const OpDef& op, std::vector<ValueId> inputs,
                                        Attributes attributes, std::string name) {
  Node node;
  node.op = op.name;
  node.def = &op;
  node.name = name.empty() ? graph_.fresh_name(op.name) : std::move(name);
  node.inputs = std::move(inputs);
  node.attributes = std::move(attributes);
  const std::vector<TensorType> types = op.infer(view(graph_, node));
  for (const TensorType& type : types) check_extents(type.shape, node.name);
  for (std::size_t i = 0; i < types.size(); ++i) {
    node.outputs.push_back(graph_.add_value(
        {.name = types.size() == 1 ? node.name : fmt::format("{}.{}", node.name, i),
         .type = types[i],
         .role = Role::local,
         .data = nullptr}));
  }
  graph_.nodes.push_back(node);
  return node.outputs;
}

ValueId Builder::apply(const OpDef& op, std::vector<ValueId> inputs, Attributes attributes,
                       std::string name) {
  return apply_all(op, std::move(inputs), std::move(attributes), std::move(name)).front();
}

ValueId Builder::apply(std::string_view op, std::vector<ValueId> inputs, Attributes attributes,
                       std::string name) {
  return apply(find_op(op), std::move(inputs), std::move(attributes), std::move(name));
}

ValueId Builder::constant(Tensor data, std::string name) {
  GraphValue value;
  value.name = name.empty() ? graph_.fresh_name("constant") : std::move(name);
  value.type = data.type();
  value.role = Role::constant;
  value.data = std::make_shared<const Tensor>(std::move(data));
  return graph_.add_value(std::move(value));
}

}  // namespace pinnacle
