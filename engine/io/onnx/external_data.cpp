// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/external_data.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>
#include <pinnacle/error.hpp>
#include <utility>
#include <vector>

#include "io/onnx/document.hpp"

namespace pinnacle::onnx {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }

 private:
  int number_;
};

std::uint64_t number(const std::string& text, const std::string& key, const std::string& where) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw ParseError(
        fmt::format("external data has {} \"{}\"; expected a number", key, printable(text)), where);
  }
  return value;
}

[[noreturn]] void refuse(const std::string& location, const std::string& why,
                         const std::string& where) {
  throw ParseError(fmt::format("external data \"{}\" {}", printable(location), why), where,
                   "external data must lie in the model's folder or below it");
}

// The names on the way from the model's folder to the file.
std::vector<std::string> steps_of(const std::string& location, const std::string& where) {
  if (location.find('\0') != std::string::npos) {
    refuse(location, "has a zero byte in its name", where);
  }
  if (location.front() == '/') refuse(location, "is an absolute path", where);
  std::vector<std::string> steps;
  for (const std::filesystem::path& step : std::filesystem::path(location)) {
    if (step == "..") refuse(location, "leaves the model's folder", where);
    if (step != ".") steps.push_back(step.string());
  }
  if (steps.empty() || steps.back().empty()) refuse(location, "names a folder", where);
  return steps;
}

// O_NONBLOCK: opening a pipe that nobody writes must not wait.
constexpr int kFile = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
constexpr int kFolder = O_RDONLY | O_CLOEXEC | O_DIRECTORY;

Descriptor open_confined(const std::string& location, const std::filesystem::path& folder,
                         const std::string& where) {
  const std::vector<std::string> steps = steps_of(location, where);
  Descriptor at(::open(folder.c_str(), kFolder));
  for (std::size_t i = 0; i < steps.size() && at.get() >= 0; ++i) {
    struct stat status {};
    if (::fstatat(at.get(), steps[i].c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISLNK(status.st_mode)) {
      refuse(location, "goes through a link", where);
    }
    const bool last = i + 1 == steps.size();
    at = Descriptor(::openat(at.get(), steps[i].c_str(), last ? kFile : kFolder | O_NOFOLLOW));
  }
  if (at.get() < 0) {
    throw FileError(
        fmt::format("external data of {} cannot be opened: {}", where, std::strerror(errno)),
        (folder / printable(location)).string());
  }
  return at;
}

}  // namespace

ExternalData external_data_of(const ::onnx::TensorProto& proto, const std::string& where) {
  ExternalData data;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") data.location = entry.value();
    if (entry.key() == "offset") data.offset = number(entry.value(), "offset", where);
    if (entry.key() == "length") data.length = number(entry.value(), "length", where);
  }
  if (data.location.empty()) throw ParseError("external data has no location", where);
  return data;
}

Tensor read_external(const ExternalData& data, const std::filesystem::path& folder,
                     const TensorType& type, const std::string& where) {
  if (folder.empty()) {
    refuse(data.location, "has no folder: the model comes from memory", where);
  }
  const std::size_t bytes = type.bytes();
  if (data.length && *data.length != bytes) {
    throw ParseError(
        fmt::format("external data has {} bytes; {} needs {}", *data.length, type, bytes), where);
  }
  const Descriptor file = open_confined(data.location, folder, where);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    refuse(data.location, "is no regular file", where);
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (data.offset > size || size - data.offset < bytes) {
    throw ParseError(
        fmt::format("needs {} bytes from {} on of external data with {}", bytes, data.offset, size),
        where, fmt::format("{} is truncated or another file", printable(data.location)));
  }
  Tensor tensor(type.shape, type.dtype);
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t got = ::pread(file.get(), tensor.bytes().data() + done, bytes - done,
                                static_cast<off_t>(data.offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      throw FileError(got == 0 ? "became shorter while it was read" : std::strerror(errno),
                      (folder / printable(data.location)).string());
    }
    done += static_cast<std::size_t>(got);
  }
  return tensor;
}

}  // namespace pinnacle::onnx
