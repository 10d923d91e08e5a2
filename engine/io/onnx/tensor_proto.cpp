// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/tensor_proto.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <fstream>
#include <limits>
#include <pinnacle/error.hpp>

#include "base/files.hpp"
#include "io/onnx/document.hpp"

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

struct External {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length = std::nullopt;
};

std::uint64_t number(const std::string& text, const std::string& key, const std::string& where) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw ParseError(
        fmt::format("external data has {} \"{}\"; expected a number", key, printable(text)), where);
  }
  return value;
}

External external_of(const ::onnx::TensorProto& proto, const std::string& where) {
  External external;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") external.location = entry.value();
    if (entry.key() == "offset") external.offset = number(entry.value(), "offset", where);
    if (entry.key() == "length") external.length = number(entry.value(), "length", where);
  }
  if (external.location.empty()) throw ParseError("external data has no location", where);
  return external;
}

// A file below the model's folder, reached through folders alone: a model must not read what its user
// did not put there.
std::filesystem::path confined(const std::string& location, const TensorContext& context,
                               const std::string& where) {
  namespace fs = std::filesystem;
  const auto refuse = [&](const std::string& why) {
    throw ParseError(fmt::format("external data \"{}\" {}", printable(location), why), where,
                     "external data must lie in the model's folder or below it");
  };
  if (context.folder().empty()) refuse("has no folder: the model comes from memory");
  const fs::path relative(location);
  if (location.find('\0') != std::string::npos) refuse("has a zero byte in its name");
  if (relative.is_absolute() || relative.has_root_path()) refuse("is an absolute path");
  fs::path file = context.folder();
  for (const fs::path& part : relative) {
    if (part == "..") refuse("leaves the model's folder");
    file /= part;
    std::error_code error;
    const fs::file_status status = fs::symlink_status(file, error);
    if (fs::is_symlink(status)) refuse("goes through a link");
    if (error || !fs::exists(status)) {
      throw FileError(fmt::format("external data of {} is not there", where), file.string());
    }
  }
  std::error_code error;
  if (!fs::is_regular_file(file, error)) refuse("is no regular file");
  return file;
}

void read_external(const ::onnx::TensorProto& proto, const TensorContext& context,
                   const std::string& where, std::span<std::byte> to) {
  const External external = external_of(proto, where);
  const std::filesystem::path file = confined(external.location, context, where);
  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(file, error);
  if (external.length && *external.length != to.size()) {
    throw ParseError(
        fmt::format("external data has {} bytes; the type needs {}", *external.length, to.size()),
        where);
  }
  if (error || external.offset > size || size - external.offset < to.size()) {
    throw ParseError(fmt::format("needs {} bytes from {} on of external data with {}", to.size(),
                                 external.offset, size),
                     where, fmt::format("{} is truncated or another file", file.string()));
  }
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(external.offset));
  if (!stream.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(to.size()))) {
    throw FileError("cannot be read", file.string());
  }
}

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

}  // namespace

void TensorContext::take(std::uint64_t bytes, const std::string& where) const {
  if (bytes > *left_) {
    throw UnsupportedError("the model's tensors are too large in all",
                           {"see OnnxLimits::weight_bytes"}, where);
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
  const DType dtype = require_dtype(proto.data_type(), where);
  if (proto.has_segment()) throw UnsupportedError("is in segments", {}, where);
  const Shape shape(std::vector<std::int64_t>(proto.dims().begin(), proto.dims().end()));
  for (const std::int64_t extent : shape) {
    if (extent < 0) throw ParseError(fmt::format("has extent {}", extent), where);
  }
  const std::size_t bytes = TensorType{shape, dtype}.bytes();
  const bool external = proto.data_location() == ::onnx::TensorProto::EXTERNAL;
  // Before anything of that size is allocated.
  if (!external && proto.has_raw_data() && proto.raw_data().size() != bytes) {
    throw ParseError(
        fmt::format("{}{} needs {} bytes but has {}", dtype, shape, bytes, proto.raw_data().size()),
        where);
  }
  const auto fields = static_cast<std::size_t>(proto.float_data_size() + proto.int32_data_size() +
                                               proto.int64_data_size());
  if (!external && !proto.has_raw_data() && fields != bytes / size_of(dtype)) {
    throw ParseError(fmt::format("{}{} has {} elements", dtype, shape, fields), where);
  }
  context.take(bytes, where);
  Tensor tensor(shape, dtype);
  if (bytes == 0) return tensor;
  if (external) {
    read_external(proto, context, where, tensor.bytes());
  } else if (proto.has_raw_data()) {
    std::memcpy(tensor.bytes().data(), proto.raw_data().data(), bytes);
  } else {
    copy_fields(proto, dtype, where, tensor.bytes());
  }
  if (dtype == DType::boolean) {
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
  ::onnx::TensorProto proto;
  if (!proto.ParseFromString(read_file(file))) {
    throw ParseError("is no tensor of ONNX", file.string(),
                     "expected a TensorProto, as input_0.pb and output_0.pb of ONNX's test data");
  }
  return onnx::to_tensor(proto, onnx::TensorContext(file.parent_path(), {}));
}

}  // namespace pinnacle
