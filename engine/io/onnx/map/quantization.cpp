// Quantization: QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, made of element-wise ops in
// f32. Scales for the whole tensor, for each position of an axis, or for blocks along it.
// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "io/onnx/map/build.hpp"
#include "io/onnx/map/windows.hpp"
#include "io/onnx/node_import.hpp"

namespace pinnacle::onnx {
namespace {

// The shapes under which x and its scales broadcast: blocks get an axis of their own.
struct Form {
  Shape x, scale;
};

Form form_of(NodeImport& node) {
  const Shape x = node.shape(0);
  const Shape scale = node.shape(1);
  if (scale.rank() == 0 || (scale.rank() == 1 && scale[0] == 1)) return {x, Shape{}};
  const std::size_t axis = node.axis(node.integer("axis", 1), x.rank());
  const std::int64_t block = node.integer("block_size", 0);
  if (block < 0) node.invalid(fmt::format("block_size is {}; expected 0 or more", block));
  if (block == 0) {
    if (scale != Shape({x[axis]})) {
      node.invalid(fmt::format("x is {} and its scales {}; expected [{}]", x, scale, x[axis]));
    }
    std::vector<std::int64_t> dims(x.rank(), 1);
    dims[axis] = x[axis];
    return {x, Shape(std::move(dims))};
  }
  Shape wanted = x;
  wanted[axis] = x[axis] / block + (x[axis] % block == 0 ? 0 : 1);
  if (scale != wanted) {
    node.invalid(fmt::format("x is {} and its scales {}; expected {}", x, scale, wanted));
  }
  if (x[axis] % block != 0) node.unsupported("the last block is not full");
  std::vector<std::int64_t> blocks = x.dims();
  blocks[axis] = block;
  blocks.insert(blocks.begin() + static_cast<std::ptrdiff_t>(axis), x[axis] / block);
  std::vector<std::int64_t> scales = scale.dims();
  scales.insert(scales.begin() + static_cast<std::ptrdiff_t>(axis) + 1, 1);
  return {Shape(std::move(blocks)), Shape(std::move(scales))};
}

ValueId in_f32(NodeImport& node, ValueId x, const Shape& shape) {
  return node.reshape(node.cast(x, DType::f32), shape);
}

void check_zero(NodeImport& node) {
  if (node.has(2) && node.shape(2) != node.shape(1)) {
    node.invalid(fmt::format("the zero point is {} but the scale {}", node.type(2), node.type(1)));
  }
}

// Bytes: what the values of x + zero are rounded to and bounded by.
ValueId to_bytes(NodeImport& node, ValueId x, ValueId zero, DType dtype) {
  ValueId y = node.apply("round", {x});
  if (zero != kNoValue) y = node.apply("add", {y, zero});
  const double least = dtype == DType::i8 ? -128 : 0;
  y = node.apply("min", {node.apply("max", {y, scalar(node, least)}), scalar(node, least + 255)});
  return node.cast(y, dtype);
}

std::vector<ValueId> quantize(NodeImport& node) {
  // Numbers of ONNX's element types.
  constexpr std::int64_t kU8 = 2;
  constexpr std::int64_t kI8 = 3;
  const std::int64_t asked = node.integer("output_dtype", 0);
  if (asked != 0 && asked != kU8 && asked != kI8) {
    node.unsupported(fmt::format("element type {}; expected i8 or u8", asked));
  }
  DType dtype = asked == kI8 ? DType::i8 : DType::u8;
  if (node.has(2)) {
    if (asked != 0 && dtype != node.dtype(2)) {
      node.invalid(fmt::format("the zero point is {} but output_dtype {}", node.type(2), dtype));
    }
    dtype = node.dtype(2);
  }
  if (dtype != DType::i8 && dtype != DType::u8) {
    node.unsupported(fmt::format("quantizes to {}; expected i8 or u8", dtype));
  }
  check_zero(node);
  const Shape shape = node.shape(0);
  const Form form = form_of(node);
  const ValueId scale = in_f32(node, node.in(1), form.scale);
  const ValueId zero = node.has(2) ? in_f32(node, node.in(2), form.scale) : kNoValue;
  const ValueId x = in_f32(node, node.in(0), form.x);
  const ValueId y = to_bytes(node, node.apply("div", {x, scale}), zero, dtype);
  return {node.reshape(y, shape)};
}

std::vector<ValueId> dequantize(NodeImport& node) {
  const DType dtype = node.dtype(0);
  if (dtype != DType::i8 && dtype != DType::u8 && dtype != DType::i32) {
    node.unsupported(fmt::format("quantized values are {}; expected i8, u8 or i32", dtype));
  }
  check_zero(node);
  // As the scale, which is f32 here even where the model's is f16; f32 has number 1, f16 10.
  const std::int64_t asked = node.integer("output_dtype", 0);
  if (asked != 0 && asked != 1 && asked != 10) {
    node.unsupported(fmt::format("element type {} of the result", asked));
  }
  const Shape shape = node.shape(0);
  const Form form = form_of(node);
  ValueId y = in_f32(node, node.in(0), form.x);
  if (node.has(2)) y = node.apply("sub", {y, in_f32(node, node.in(2), form.scale)});
  y = node.reshape(node.apply("mul", {y, in_f32(node, node.in(1), form.scale)}), shape);
  return {asked == 10 ? node.cast(y, DType::f16) : y};
}

// u8 so that the range of x, and 0, is 255 steps.
std::vector<ValueId> dynamic(NodeImport& node) {
  if (node.dtype(0) != DType::f32) node.invalid(fmt::format("x is {}; expected f32", node.type(0)));
  if (node.shape(0).elements() == 0) node.unsupported("x is empty");
  const ValueId x = node.in(0);
  const ValueId zero = scalar(node, 0);
  const bool one = node.shape(0).rank() == 0;
  const ValueId top = node.apply("max", {one ? x : node.apply("reduce_max", {x}), zero});
  const ValueId bottom = node.apply("min", {one ? x : node.apply("reduce_min", {x}), zero});
  const ValueId scale = node.apply("div", {node.apply("sub", {top, bottom}), scalar(node, 255)});
  // All of x is 0: any scale will do.
  constexpr double kLeast = 1.1754943508222875e-38;
  const ValueId divisor = node.apply("max", {scale, scalar(node, kLeast)});
  const ValueId point = to_bytes(node, node.apply("div", {node.apply("neg", {bottom}), divisor}),
                                 kNoValue, DType::u8);
  const ValueId y =
      to_bytes(node, node.apply("div", {x, divisor}), node.cast(point, DType::f32), DType::u8);
  return {y, scale, point};
}

}  // namespace

std::vector<ImportRow> quantization_imports() {
  return {{.op = "DequantizeLinear", .import = dequantize},
          {.op = "DynamicQuantizeLinear", .import = dynamic},
          {.op = "QuantizeLinear", .import = quantize}};
}

}  // namespace pinnacle::onnx
