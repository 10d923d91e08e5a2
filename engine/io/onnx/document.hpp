#pragma once
#include <filesystem>
#include <pinnacle/onnx.hpp>
#include "io/onnx/proto.hpp"
namespace pinnacle::onnx {
::onnx::ModelProto read_document(const std::filesystem::path&, const OnnxLimits&);
::onnx::ModelProto read_document(std::span<const std::byte>, const OnnxLimits&);
}
