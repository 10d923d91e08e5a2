// Shape, DType, TensorType and Tensor: multi-dimensional arrays in host memory, as plain values.
// Thread safety: plain values; share read-only freely.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pinnacle {

/// Element types. Every element type is stored densely, little-endian.
enum class DType : std::uint8_t { f32, f16, i64, i32, i8, u8, boolean };

/// Units: bytes.
std::size_t size_of(DType dtype);
std::string_view to_string(DType dtype);

/// The extents of a tensor, outermost first; rank 0 is a scalar.
class Shape {
 public:
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) : dims_(dims) {}
  explicit Shape(std::vector<std::int64_t> dims) : dims_(std::move(dims)) {}

  std::size_t rank() const { return dims_.size(); }
  std::int64_t operator[](std::size_t axis) const { return dims_[axis]; }
  std::int64_t& operator[](std::size_t axis) { return dims_[axis]; }
  /// The product of all extents; 1 for a scalar. Products beyond 2^63 - 1 count as that.
  std::int64_t elements() const;
  /// The product of extents [first, last).
  std::int64_t elements(std::size_t first, std::size_t last) const;

  auto begin() const { return dims_.begin(); }
  auto end() const { return dims_.end(); }
  std::int64_t back() const { return dims_.back(); }
  const std::vector<std::int64_t>& dims() const { return dims_; }
  bool operator==(const Shape&) const = default;

 private:
  std::vector<std::int64_t> dims_;
};

/// "[128, 1, 28, 28]"
std::string to_string(const Shape& shape);

/// What a value is, without its data.
struct TensorType {
  Shape shape;
  DType dtype = DType::f32;

  /// Sizes beyond what a std::size_t holds count as the largest.
  std::size_t bytes() const;
  bool operator==(const TensorType&) const = default;
};

/// "f32[128, 1, 28, 28]"
std::string to_string(const TensorType& type);

/// A dense row-major array in host memory with value semantics.
class Tensor {
 public:
  Tensor() = default;
  /// Zero-filled. throws ShapeError if an extent is negative or the size overflows
  explicit Tensor(Shape shape, DType dtype = DType::f32);
  /// throws ShapeError if `values` does not hold shape.elements() elements
  Tensor(Shape shape, std::span<const float> values);
  Tensor(Shape shape, std::span<const std::int32_t> values);
  Tensor(Shape shape, std::initializer_list<float> values)
      : Tensor(std::move(shape), std::span<const float>(values.begin(), values.size())) {}

  static Tensor scalar(float value) { return Tensor({}, {value}); }

  const Shape& shape() const { return type_.shape; }
  DType dtype() const { return type_.dtype; }
  const TensorType& type() const { return type_; }
  std::int64_t elements() const { return type_.shape.elements(); }

  std::span<std::byte> bytes() { return data_; }
  std::span<const std::byte> bytes() const { return data_; }
  /// throws ArgumentError if the element type is not f32
  std::span<float> f32();
  std::span<const float> f32() const;
  /// throws ArgumentError if the element type is not i32
  std::span<std::int32_t> i32();
  std::span<const std::int32_t> i32() const;

  /// The same data under another shape. throws ShapeError if the number of elements differs
  Tensor reshaped(Shape shape) const;
  /// Rows [first, first + count) along axis 0. throws ShapeError if out of range
  Tensor rows(std::int64_t first, std::int64_t count) const;

  bool operator==(const Tensor&) const = default;

 private:
  TensorType type_;
  std::vector<std::byte> data_;
};

}  // namespace pinnacle

template <>
struct fmt::formatter<pinnacle::Shape> : fmt::formatter<std::string> {
  auto format(const pinnacle::Shape& shape, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(pinnacle::to_string(shape), context);
  }
};
template <>
struct fmt::formatter<pinnacle::DType> : fmt::formatter<std::string_view> {
  auto format(pinnacle::DType dtype, fmt::format_context& context) const {
    return fmt::formatter<std::string_view>::format(pinnacle::to_string(dtype), context);
  }
};
template <>
struct fmt::formatter<pinnacle::TensorType> : fmt::formatter<std::string> {
  auto format(const pinnacle::TensorType& type, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(pinnacle::to_string(type), context);
  }
};
