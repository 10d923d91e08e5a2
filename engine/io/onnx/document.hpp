// Reading a model file into its document and checking its structure, once for all: what comes after may
// rely on it. Files are not trusted.
// Thread safety: plain functions on their arguments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <pinnacle/error.hpp>
#include <pinnacle/onnx.hpp>
#include <span>
#include <string>
#include <string_view>

#include "io/onnx/proto.hpp"

namespace pinnacle::onnx {

/// Names are kept many times over, and unrolled ones are made of several. Units: bytes.
inline constexpr std::size_t kLongestName = 4096;

/// Beyond the limits there is nothing to go on with: an import ends, where other nodes that it cannot take
/// are listed together.
class LimitReached : public UnsupportedError {
 public:
  using UnsupportedError::UnsupportedError;
};

/// throws FileError; ParseError if it is no model or its structure is broken; UnsupportedError for what
///        is beyond the limits or of an operator set that is not known
::onnx::ModelProto read_document(const std::filesystem::path& file, const OnnxLimits& limits);
::onnx::ModelProto read_document(std::span<const std::byte> bytes, const OnnxLimits& limits);

/// A whole regular file within limits.file_bytes. throws FileError, UnsupportedError
std::string read_limited(const std::filesystem::path& file, const OnnxLimits& limits);
/// Where the external data of a model file lies; never empty.
std::filesystem::path folder_of(const std::filesystem::path& file);

/// A file's text for a message: no control characters, and not a megabyte of it.
std::string printable(std::string_view text);

}  // namespace pinnacle::onnx
