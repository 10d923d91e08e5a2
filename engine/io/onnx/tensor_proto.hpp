// Tensors as ONNX files hold them: every encoding, external data included, checked before it is read.
// Thread safety: a TensorContext counts what it hands out and belongs to one thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <pinnacle/onnx.hpp>
#include <string>

#include "io/onnx/proto.hpp"

namespace pinnacle::onnx {

/// Where external data may lie, and how much data a model may have in all.
class TensorContext {
 public:
  TensorContext() : TensorContext({}, {}) {}
  /// folder: the model's; empty: there may be no external data.
  TensorContext(std::filesystem::path folder, const OnnxLimits& limits)
      : folder_(std::move(folder)), left_(std::make_shared<std::uint64_t>(limits.weight_bytes)) {}

  const std::filesystem::path& folder() const { return folder_; }
  /// Copies count together. throws UnsupportedError if the model's tensors are too large in all
  void take(std::uint64_t bytes, const std::string& where) const;

 private:
  std::filesystem::path folder_;
  std::shared_ptr<std::uint64_t> left_;
};

/// Our type for a TensorProto::DataType; nothing where there is none.
std::optional<DType> dtype_of(int onnx_type);
/// throws UnsupportedError that names the type
DType require_dtype(int onnx_type, const std::string& where);
int onnx_type(DType dtype);
/// "DOUBLE", also for types that are younger than the installed definitions.
std::string onnx_type_name(int onnx_type);

/// throws ParseError if sizes do not fit; UnsupportedError for element types that Pinnacle does not
///        have; FileError if external data cannot be read
Tensor to_tensor(const ::onnx::TensorProto& proto, const TensorContext& context);
/// As raw data. throws UnsupportedError beyond 2 GB, which protobuf cannot hold
::onnx::TensorProto to_proto(const Tensor& tensor, const std::string& name);

}  // namespace pinnacle::onnx
