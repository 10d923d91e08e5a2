// Compiled programs on disk: one file per key, written atomically. Anything wrong with an entry
// (damaged, truncated, of another key, of another version) reads as absent: it costs a rebuild.
// Thread safety: any number of threads and processes may load and save at once.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace pinnacle::runtime {

/// The file of a key below `folder`.
std::filesystem::path binary_file(const std::filesystem::path& folder, std::string_view key);
/// Nothing if there is no sound entry of exactly this key.
std::optional<std::string> load_binary(const std::filesystem::path& folder, std::string_view key);
/// Returns "" or why it could not be written.
std::string save_binary(const std::filesystem::path& folder, std::string_view key,
                        std::string_view binary);

}  // namespace pinnacle::runtime
