// Files: whole reads, atomic writes, the user's cache folder.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pinnacle {

/// throws FileError
std::string read_file(const std::filesystem::path& file);
/// Nothing if the file cannot be read.
std::optional<std::string> try_read_file(const std::filesystem::path& file);
/// Temporary file in the same folder, fsync, rename: readers see the old or the new contents.
/// throws FileError
void write_file_atomically(const std::filesystem::path& file, std::string_view contents);
/// $PINNACLE_CACHE, else $XDG_CACHE_HOME/pinnacle, else ~/.cache/pinnacle; empty if there is none.
/// The folder need not exist.
std::filesystem::path cache_folder();
/// The value of an environment variable, or "".
std::string environment(const char* name);

}  // namespace pinnacle
