// SPDX-License-Identifier: Apache-2.0
#include "base/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include <pinnacle/error.hpp>

namespace pinnacle {
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, const char* what, int code) {
  throw FileError(fmt::format("{}: {}", what, std::strerror(code)), file.string());
}

}  // namespace

std::optional<std::string> try_read_file(const std::filesystem::path& file) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) return std::nullopt;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return std::nullopt;
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (stream.bad()) return std::nullopt;
  return text;
}

std::string read_file(const std::filesystem::path& file) {
  errno = 0;
  if (auto text = try_read_file(file)) return std::move(*text);
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) {
    throw FileError("is a folder, not a file", file.string());
  }
  fail(file, "cannot be read", errno == 0 ? EIO : errno);
}

void write_file_atomically(const std::filesystem::path& file, std::string_view contents) {
  static std::atomic<unsigned> counter{0};
  std::filesystem::path temporary = file;
  temporary += fmt::format(".tmp.{}.{}", ::getpid(), counter++);
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0) fail(file, "cannot be written", errno);
  int code = 0;
  for (std::size_t done = 0; done < contents.size() && code == 0;) {
    const ssize_t written = ::write(descriptor, contents.data() + done, contents.size() - done);
    if (written < 0 && errno != EINTR) code = errno;
    if (written > 0) done += static_cast<std::size_t>(written);
  }
  if (code == 0 && ::fsync(descriptor) != 0) code = errno;
  if (::close(descriptor) != 0 && code == 0) code = errno;
  if (code == 0 && ::rename(temporary.c_str(), file.c_str()) != 0) code = errno;
  if (code != 0) {
    ::unlink(temporary.c_str());
    fail(file, "cannot be written", code);
  }
}

std::filesystem::path cache_folder() {
  if (const std::string own = environment("PINNACLE_CACHE"); !own.empty()) return own;
  if (const std::string xdg = environment("XDG_CACHE_HOME"); !xdg.empty()) {
    return std::filesystem::path(xdg) / "pinnacle";
  }
  if (const std::string home = environment("HOME"); !home.empty()) {
    return std::filesystem::path(home) / ".cache" / "pinnacle";
  }
  return {};
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace pinnacle
