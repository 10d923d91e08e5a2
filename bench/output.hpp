// Where results go: tables to stdout, JSON to stdout or a file, progress to a terminal on stderr.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "bench/environment.hpp"

namespace pinnacle::bench {

/// The option --json [FILE]: absent; given alone (JSON to stdout instead of tables); with a file.
class Output {
 public:
  /// Before, not after, the measurements:
  /// throws   FileError if the file's folder is missing or cannot be written; ArgumentError if it is a
  ///          model by its name, as one is that stands behind an option without a file
  explicit Output(std::optional<std::filesystem::path> json = std::nullopt);

  /// A part of the text for people, at once.
  void text(std::string_view part) const;
  /// The whole result. throws FileError
  void json(const Json& json) const;

 private:
  std::optional<std::filesystem::path> json_;
};

/// throws   FileError if a file for `option` could not be written there: before the measurements
void check_writable(const std::filesystem::path& file, std::string_view option);

/// What is being measured, on one line that the next one replaces; nothing if stderr is no
/// terminal.
class StatusLine {
 public:
  StatusLine();
  ~StatusLine() { clear(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  void show(const std::string& text);
  /// Before anything is written to stdout.
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
};

}  // namespace pinnacle::bench
