// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/tensor_proto.hpp"

#include <array>
#include <cstring>
#include <limits>
#include <pinnacle/error.hpp>

#include "io/onnx/document.hpp"
#include "io/onnx/external_data.hpp"

namespace pinnacle::onnx {
namespace {

// In the order of TensorProto::DataType; later versions of ONNX add to it.
constexpr std::array kTypeNames = {
    "UNDEFINED",      "FLOAT",    "UINT8",        "INT8",           "UINT16",
    "INT16",          "INT32",    "INT64",        "STRING",         "BOOL",
    "FLOAT16",        "DOUBLE",   "UINT32",       "UINT64",         "COMPLEX64",
    "COMPLEX128",     "BFLOAT16", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ", "FLOAT8E5M2",
    "FLOAT8E5M2FNUZ", "UINT4",    "INT4",         "FLOAT4E2M1",     "FLOAT8E8M0",
    "UINT2",          "INT2"};

// Beyond what any operator defines; what follows is quadratic in it here and there.
constexpr int kMostRank = 64;

// Elements of one of the typed fields, each narrowed to what the type stores.
template <class Stored, class Field>
void copy_field(const Field& field, const std::string& where, std::span<std::byte> to) {
  if (static_cast<std::size_t>(field.size()) * sizeof(Stored) != to.size()) {
    throw ParseError(fmt::format("has {} elements; the shape needs {}", field.size(),
                                 to.size() / sizeof(Stored)),
                     where);
  }
  for (int i = 0; i < field.size(); ++i) {
    const auto value = static_cast<Stored>(field.Get(i));
    std::memcpy(to.data() + static_cast<std::size_t>(i) * sizeof value, &value, sizeof value);
  }
}

void copy_fields(const ::onnx::TensorProto& proto, DType dtype, const std::string& where,
                 std::span<std::byte> to) {
  switch (dtype) {
    case DType::f32:
      return copy_field<float>(proto.float_data(), where, to);
    case DType::i64:
      return copy_field<std::int64_t>(proto.int64_data(), where, to);
    case DType::i32:
      return copy_field<std::int32_t>(proto.int32_data(), where, to);
    case DType::f16:  // the bits, in the lower half
      return copy_field<std::uint16_t>(proto.int32_data(), where, to);
    case DType::i8:
    case DType::u8:
    case DType::boolean:
      return copy_field<std::uint8_t>(proto.int32_data(), where, to);
  }
}

// With extents that make sense together, so that sizes can be computed.
TensorType type_of(const ::onnx::TensorProto& proto, const std::string& where) {
  const DType dtype = require_dtype(proto.data_type(), where);
  if (proto.has_segment()) throw UnsupportedError("is in segments", {}, where);
  if (proto.dims_size() > kMostRank) {
    throw UnsupportedError(
        fmt::format("has rank {}; at most {} is read", proto.dims_size(), kMostRank), {}, where);
  }
  const Shape shape(std::vector<std::int64_t>(proto.dims().begin(), proto.dims().end()));
  for (const std::int64_t extent : shape) {
    if (extent < 0) throw ParseError(fmt::format("{} has a negative extent", shape), where);
  }
  return {shape, dtype};
}

}  // namespace

void TensorContext::take(std::uint64_t bytes, const std::string& where) const {
  if (bytes > *left_) {
    throw LimitReached("the model's tensors are too large in all", {"see OnnxLimits::weight_bytes"},
                       where);
  }
  *left_ -= bytes;
}

std::optional<DType> dtype_of(int onnx_type) {
  switch (onnx_type) {
    case ::onnx::TensorProto::FLOAT:
      return DType::f32;
    case ::onnx::TensorProto::FLOAT16:
      return DType::f16;
    case ::onnx::TensorProto::INT64:
      return DType::i64;
    case ::onnx::TensorProto::INT32:
      return DType::i32;
    case ::onnx::TensorProto::INT8:
      return DType::i8;
    case ::onnx::TensorProto::UINT8:
      return DType::u8;
    case ::onnx::TensorProto::BOOL:
      return DType::boolean;
    default:
      return std::nullopt;
  }
}

int onnx_type(DType dtype) {
  for (int type = 0; type < static_cast<int>(kTypeNames.size()); ++type) {
    if (dtype_of(type) == dtype) return type;
  }
  return ::onnx::TensorProto::UNDEFINED;
}

std::string onnx_type_name(int onnx_type) {
  if (onnx_type < 0 || onnx_type >= static_cast<int>(kTypeNames.size())) {
    return fmt::format("type {}", onnx_type);
  }
  return kTypeNames[static_cast<std::size_t>(onnx_type)];
}

DType require_dtype(int onnx_type, const std::string& where) {
  if (const std::optional<DType> dtype = dtype_of(onnx_type)) return *dtype;
  throw UnsupportedError(fmt::format("element type {}", onnx_type_name(onnx_type)), {}, where,
                         "there are FLOAT, FLOAT16, INT64, INT32, INT8, UINT8 and BOOL");
}

Tensor to_tensor(const ::onnx::TensorProto& proto, const TensorContext& context) {
  const std::string where = fmt::format("tensor \"{}\"", printable(proto.name()));
  const TensorType type = type_of(proto, where);
  const std::size_t bytes = type.bytes();
  const bool external = proto.data_location() == ::onnx::TensorProto::EXTERNAL;
  // Before anything of that size is allocated.
  if (!external && proto.has_raw_data() && proto.raw_data().size() != bytes) {
    throw ParseError(
        fmt::format("{} needs {} bytes but has {}", type, bytes, proto.raw_data().size()), where);
  }
  const std::size_t fields = std::size_t(proto.float_data_size()) +
                             std::size_t(proto.int32_data_size()) +
                             std::size_t(proto.int64_data_size());
  if (!external && !proto.has_raw_data() && fields != bytes / size_of(type.dtype)) {
    throw ParseError(
        fmt::format("{} needs {} elements but has {}", type, bytes / size_of(type.dtype), fields),
        where);
  }
  context.take(bytes, where);
  Tensor tensor;
  if (external) {
    tensor = read_external(external_data_of(proto, where), context.folder(), type, where);
  } else {
    tensor = Tensor(type.shape, type.dtype);
    if (bytes == 0) return tensor;
    if (proto.has_raw_data()) {
      std::memcpy(tensor.bytes().data(), proto.raw_data().data(), bytes);
    } else {
      copy_fields(proto, type.dtype, where, tensor.bytes());
    }
  }
  if (type.dtype == DType::boolean) {
    for (std::byte& value : tensor.bytes()) value = std::byte{value != std::byte{0}};
  }
  return tensor;
}

::onnx::TensorProto to_proto(const Tensor& tensor, const std::string& name) {
  if (tensor.bytes().size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    throw UnsupportedError("is larger than the 2 GB that a tensor in a model file may have", {},
                           name);
  }
  ::onnx::TensorProto proto;
  proto.set_name(name);
  proto.set_data_type(onnx_type(tensor.dtype()));
  for (const std::int64_t extent : tensor.shape()) proto.add_dims(extent);
  proto.set_raw_data(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
  return proto;
}

}  // namespace pinnacle::onnx

namespace pinnacle {

Tensor load_onnx_tensor(const std::filesystem::path& file) {
  const OnnxLimits limits;
  const std::string bytes = onnx::read_limited(file, limits);
  ::onnx::TensorProto proto;
  if (bytes.empty() || !proto.ParseFromString(bytes)) {
    throw ParseError("is no tensor of ONNX", file.string(),
                     "expected a TensorProto, as input_0.pb and output_0.pb of ONNX's test data");
  }
  return onnx::to_tensor(proto, onnx::TensorContext(onnx::folder_of(file), limits));
}

}  // namespace pinnacle
