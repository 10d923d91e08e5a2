// External data: tensors' bytes in files next to the model. A model may name only regular files in its own
// folder or below, without links: opened step by step, so that nothing can be exchanged in between.
// Thread safety: plain functions on their arguments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <pinnacle/tensor.hpp>
#include <string>

#include "io/onnx/proto.hpp"

namespace pinnacle::onnx {

/// Where a tensor's bytes are.
struct ExternalData {
  std::string location;  ///< relative to the model's folder
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length = std::nullopt;  ///< not said: to the end of the file
};

/// where: the tensor, for messages. throws ParseError for entries that make no sense
ExternalData external_data_of(const ::onnx::TensorProto& proto, const std::string& where);

/// The tensor, allocated only after the file proved to be large enough.
/// folder: the model's; empty: a model from memory, which may have no external data
/// throws ParseError for a location outside of the folder or sizes that do not fit; FileError
Tensor read_external(const ExternalData& data, const std::filesystem::path& folder,
                     const TensorType& type, const std::string& where);

}  // namespace pinnacle::onnx
