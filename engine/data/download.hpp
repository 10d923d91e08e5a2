// Downloads by the system's own tool, curl or wget, as a child process.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace pinnacle {

/// Fetches `url` into `target`; false if there is no tool, no connection or no such file. Gives up
/// after 8 seconds without a connection. Prints nothing.
bool download(const std::string& url, const std::filesystem::path& target);

/// An empty folder that is removed with its contents at the end.
class TemporaryFolder {
 public:
  /// throws FileError
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace pinnacle
