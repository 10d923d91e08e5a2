// Shape arithmetic and host tensors.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/tensor.hpp>

#include <algorithm>
#include <cstring>
#include <limits>

#include <pinnacle/error.hpp>

#include "base/shapes.hpp"

namespace pinnacle {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 48;
constexpr std::size_t kMaxRank = 64;

void check_count(const Shape& shape, std::size_t count) {
  if (static_cast<std::size_t>(shape.elements()) != count) {
    throw ShapeError(
        fmt::format("{} needs {} elements but {} are given", shape, shape.elements(), count),
        "Tensor");
  }
}

template <class T, class Bytes>
auto* typed(Bytes& data, DType got, DType wanted) {
  if (got != wanted) {
    throw ArgumentError(fmt::format("elements are {}, not {}", got, wanted), "Tensor");
  }
  return reinterpret_cast<T*>(data.data());
}

}  // namespace

void check_extents(const Shape& shape, const std::string& where) {
  if (shape.rank() > kMaxRank) {
    throw ShapeError(fmt::format("rank {} is more than {}", shape.rank(), kMaxRank), where);
  }
  std::int64_t product = 1;  // of the extents that are not 0, so that each stays within reason
  for (const std::int64_t extent : shape) {
    if (extent < 0) throw ShapeError(fmt::format("{} has a negative extent", shape), where);
    if (extent > 0 && product > kMaxElements / extent) {
      throw ShapeError(fmt::format("{} has too many elements", shape), where);
    }
    product *= std::max<std::int64_t>(extent, 1);
  }
}

std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::f16:
      return 2;
    case DType::i64:
      return 8;
    case DType::i8:
    case DType::u8:
    case DType::boolean:
      return 1;
  }
  return 0;
}

std::string_view to_string(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "f32";
    case DType::f16:
      return "f16";
    case DType::i64:
      return "i64";
    case DType::i32:
      return "i32";
    case DType::i8:
      return "i8";
    case DType::u8:
      return "u8";
    case DType::boolean:
      return "bool";
  }
  return "?";
}

std::int64_t Shape::elements() const { return elements(0, dims_.size()); }

std::int64_t Shape::elements(std::size_t first, std::size_t last) const {
  std::int64_t product = 1;
  bool overflows = false;
  for (std::size_t i = first; i < last; ++i) {
    if (dims_[i] == 0) return 0;
    overflows = overflows || __builtin_mul_overflow(product, dims_[i], &product);
  }
  return overflows ? std::numeric_limits<std::int64_t>::max() : product;
}

std::string to_string(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape.dims(), ", "));
}

std::size_t TensorType::bytes() const {
  std::size_t bytes = 0;
  return __builtin_mul_overflow(static_cast<std::size_t>(shape.elements()), size_of(dtype), &bytes)
             ? std::numeric_limits<std::size_t>::max()
             : bytes;
}

std::string to_string(const TensorType& type) {
  return std::string(to_string(type.dtype)) + to_string(type.shape);
}

Tensor::Tensor(Shape shape, DType dtype) : type_{std::move(shape), dtype} {
  check_extents(type_.shape, "Tensor");
  data_.resize(type_.bytes());
}

Tensor::Tensor(Shape shape, std::span<const float> values) : Tensor(std::move(shape), DType::f32) {
  check_count(type_.shape, values.size());
  if (!values.empty()) std::memcpy(data_.data(), values.data(), data_.size());
}

Tensor::Tensor(Shape shape, std::span<const std::int32_t> values)
    : Tensor(std::move(shape), DType::i32) {
  check_count(type_.shape, values.size());
  if (!values.empty()) std::memcpy(data_.data(), values.data(), data_.size());
}

std::span<float> Tensor::f32() {
  return {typed<float>(data_, dtype(), DType::f32), static_cast<std::size_t>(elements())};
}
std::span<const float> Tensor::f32() const {
  return {typed<const float>(data_, dtype(), DType::f32), static_cast<std::size_t>(elements())};
}
std::span<std::int32_t> Tensor::i32() {
  return {typed<std::int32_t>(data_, dtype(), DType::i32), static_cast<std::size_t>(elements())};
}
std::span<const std::int32_t> Tensor::i32() const {
  return {typed<const std::int32_t>(data_, dtype(), DType::i32),
          static_cast<std::size_t>(elements())};
}

Tensor Tensor::reshaped(Shape shape) const {
  if (shape.elements() != elements()) {
    throw ShapeError(fmt::format("{} does not hold the elements of {}", shape, this->shape()),
                     "Tensor::reshaped");
  }
  Tensor out = *this;
  out.type_.shape = std::move(shape);
  return out;
}

Tensor Tensor::rows(std::int64_t first, std::int64_t count) const {
  if (shape().rank() == 0 || first < 0 || count < 0 || first + count > shape()[0]) {
    throw ShapeError(fmt::format("rows [{}, {}) are not in {}", first, first + count, shape()),
                     "Tensor::rows");
  }
  Shape part = shape();
  const std::size_t row_bytes = shape()[0] == 0 ? 0 : data_.size() / shape()[0];
  part[0] = count;
  Tensor out(part, dtype());
  std::memcpy(out.data_.data(), data_.data() + first * row_bytes, count * row_bytes);
  return out;
}

}  // namespace pinnacle
