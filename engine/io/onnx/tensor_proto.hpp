#pragma once
#include <filesystem>
#include <optional>
#include <pinnacle/onnx.hpp>
#include "io/onnx/proto.hpp"
namespace pinnacle::onnx {
struct TensorContext { TensorContext() = default; TensorContext(std::filesystem::path, const OnnxLimits&) {} };
Tensor to_tensor(const ::onnx::TensorProto&, const TensorContext&);
std::optional<DType> dtype_of(int type);
DType require_dtype(int type, const std::string& where);
}
