// What the rows of movement, index and vision build again and again: slices, gathers, integer tables,
// and checks of what a file asks for. Files are not trusted: a shape is checked before it is made.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "io/onnx/node_import.hpp"

namespace pinnacle::onnx {

/// The most that one node may make as a constant. Units: bytes.
inline constexpr std::int64_t kMostConstantBytes = std::int64_t{1} << 31;
/// The most elements that a result may have, so that products of extents do not overflow.
inline constexpr std::int64_t kMostElements = std::int64_t{1} << 44;

/// The extents as a shape. throws ParseError for negative ones, UnsupportedError for too many elements
inline Shape checked_shape(const NodeImport& node, NodeImport::Ints dims) {
  constexpr std::size_t kMostAxes = 64;
  if (dims.size() > kMostAxes) node.unsupported("makes a tensor of more than 64 axes");
  std::int64_t elements = 1;
  for (const std::int64_t extent : dims) {
    if (extent < 0) node.invalid(fmt::format("extents {} are not all 0 or more", Shape(dims)));
    if (extent > 0 && elements > kMostElements / extent) {
      node.unsupported(fmt::format("{} has too many elements", Shape(dims)));
    }
    elements *= extent == 0 ? 1 : extent;
  }
  return Shape(std::move(dims));
}

/// A zero constant to be filled. throws UnsupportedError if it is too large
inline Tensor new_tensor(const NodeImport& node, const Shape& shape, DType dtype) {
  if (shape.elements() > kMostConstantBytes / static_cast<std::int64_t>(size_of(dtype))) {
    node.unsupported(fmt::format("makes a constant of {} elements", shape.elements()));
  }
  return Tensor(shape, dtype);
}

template <class T>
Tensor tensor_of(const Shape& shape, DType dtype, const std::vector<T>& values) {
  Tensor tensor(shape, dtype);
  if (!values.empty()) std::memcpy(tensor.bytes().data(), values.data(), tensor.bytes().size());
  return tensor;
}
inline Tensor i32_tensor(const Shape& shape, const std::vector<std::int32_t>& values) {
  return tensor_of(shape, DType::i32, values);
}
inline Tensor i64_tensor(const Shape& shape, const std::vector<std::int64_t>& values) {
  return tensor_of(shape, DType::i64, values);
}

/// Elements [start, end) along one axis; x itself if that is all.
inline ValueId slice_axis(NodeImport& node, ValueId x, std::size_t axis, std::int64_t start,
                          std::int64_t end) {
  if (start == 0 && end == node.b().shape(x)[axis]) return x;
  return node.apply("slice", {x},
                    {{"starts", Attributes::Ints{start}},
                     {"ends", Attributes::Ints{end}},
                     {"axes", Attributes::Ints{static_cast<std::int64_t>(axis)}}});
}

inline ValueId gather_axis(NodeImport& node, ValueId x, std::size_t axis, ValueId indices) {
  return node.apply("gather", {x, indices}, {{"axis", static_cast<std::int64_t>(axis)}});
}

/// x repeated to that shape; x itself if it has it.
inline ValueId expand_to(NodeImport& node, ValueId x, const Shape& shape) {
  if (node.b().shape(x) == shape) return x;
  return node.apply("expand", {x}, {{"shape", shape.dims()}});
}

/// x surrounded by a constant; x itself if there is nothing to add. `pads`: as of ONNX, 0 or more.
inline ValueId pad_with(NodeImport& node, ValueId x, NodeImport::Ints pads, double value) {
  bool any = false;
  NodeImport::Ints dims = node.b().shape(x).dims();
  for (std::size_t i = 0; i < pads.size(); ++i) {
    any = any || pads[i] > 0;
    if (pads[i] > kMostElements) node.unsupported(fmt::format("pads by {}", pads[i]));
    dims[i % dims.size()] += pads[i];
  }
  if (!any) return x;
  checked_shape(node, std::move(dims));
  return node.apply("pad", {x}, {{"pads", std::move(pads)}, {"value", value}});
}

}  // namespace pinnacle::onnx
