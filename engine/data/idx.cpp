// IDX files: a magic number with type and rank, the extents (big-endian), then the bytes.
// Nothing in a header is believed before the bytes are there.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <zlib.h>
#include <pinnacle/data.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include <pinnacle/error.hpp>

#include "base/files.hpp"
#include "data/digit_files.hpp"

namespace pinnacle {
namespace {

constexpr int kUnsignedByte = 8;
constexpr std::uint64_t kLimit = std::uint64_t{1} << 32;  // bytes of data

// A file, plain or gzip, read from front to back.
class Stream {
 public:
  explicit Stream(const std::filesystem::path& file) : name_(file.string()) {
    std::error_code error;
    if (std::filesystem::is_directory(file, error)) {
      throw FileError("is a folder, not a file", name_);
    }
    errno = 0;
    stream_.reset(gzopen(file.c_str(), "rb"));
    if (stream_ == nullptr) {
      throw FileError(fmt::format("cannot be read: {}", std::strerror(errno == 0 ? EIO : errno)),
                      name_);
    }
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw ParseError(problem, name_, "it is no IDX file, or it is damaged");
  }

  // Up to `count` bytes; fewer only at the end of the file.
  std::size_t read(void* target, std::size_t count) {
    const int got = gzread(stream_.get(), target, static_cast<unsigned>(count));
    int code = Z_OK;
    const char* text = gzerror(stream_.get(), &code);
    if (got < 0 || (code != Z_OK && code != Z_STREAM_END)) {
      fail(fmt::format("the compressed data is damaged after byte {} ({})",
                       position_ + static_cast<std::uint64_t>(std::max(got, 0)), text));
    }
    position_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }
  std::uint64_t position() const { return position_; }

 private:
  struct Close {
    void operator()(gzFile stream) const { gzclose(stream); }
  };
  std::string name_;
  std::unique_ptr<std::remove_pointer_t<gzFile>, Close> stream_;
  std::uint64_t position_ = 0;
};

Shape read_header(Stream& stream) {
  std::array<unsigned char, 4> magic{};
  if (stream.read(magic.data(), 4) < 4) {
    stream.fail(fmt::format("ends at byte {} inside the magic number", stream.position()));
  }
  if (magic[0] != 0 || magic[1] != 0) {
    stream.fail(fmt::format("begins with {:#04x} {:#04x}; an IDX file has two zeros at byte 0",
                            magic[0], magic[1]));
  }
  if (magic[2] != kUnsignedByte) {
    stream.fail(fmt::format(
        "has element type {:#04x} at byte 2; only 0x08, unsigned bytes, is known", magic[2]));
  }
  if (magic[3] < 1 || magic[3] > 4) {
    stream.fail(fmt::format("has rank {} at byte 3; expected 1 to 4", magic[3]));
  }
  std::vector<std::int64_t> dims;
  std::uint64_t elements = 1;
  for (int i = 0; i < magic[3]; ++i) {
    const std::uint64_t at = stream.position();
    std::array<unsigned char, 4> bytes{};
    if (stream.read(bytes.data(), 4) < 4) {
      stream.fail(
          fmt::format("ends at byte {} inside the extent of axis {}", stream.position(), i));
    }
    const std::uint32_t extent = static_cast<std::uint32_t>(bytes[0]) << 24 |
                                 static_cast<std::uint32_t>(bytes[1]) << 16 |
                                 static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
    if (extent == 0) stream.fail(fmt::format("axis {} has extent 0 at byte {}", i, at));
    if (elements > kLimit / extent) {
      stream.fail(fmt::format("the extents up to byte {} ask for more than 4 GiB", at + 4));
    }
    elements *= extent;
    dims.push_back(extent);
  }
  return Shape(std::move(dims));
}

}  // namespace

std::string idx_bytes(const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  if (tensor.dtype() != DType::u8 || shape.rank() < 1 || shape.rank() > 4) {
    throw ArgumentError(fmt::format("cannot hold {}; only u8 of rank 1 to 4", tensor.type()),
                        "IDX file");
  }
  std::string bytes{'\0', '\0', static_cast<char>(kUnsignedByte), static_cast<char>(shape.rank())};
  for (const std::int64_t extent : shape) {
    if (extent < 1 || static_cast<std::uint64_t>(extent) >= kLimit) {
      throw ArgumentError(fmt::format("cannot hold the extents {}", shape), "IDX file");
    }
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(extent >> shift & 0xff);
  }
  bytes.append(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
  return bytes;
}

namespace data {

Tensor read_idx(const std::filesystem::path& file) {
  Stream stream(file);
  const Shape shape = read_header(stream);
  const std::uint64_t start = stream.position();
  const auto wanted = static_cast<std::size_t>(shape.elements());
  // Grows with what is there, not with what the header claims.
  constexpr std::size_t kChunk = std::size_t{1} << 22;
  std::vector<std::byte> bytes;
  while (bytes.size() < wanted) {
    const std::size_t old = bytes.size();
    const std::size_t part = std::min(kChunk, wanted - old);
    bytes.resize(old + part);
    const std::size_t got = stream.read(bytes.data() + old, part);
    if (got < part) {
      stream.fail(fmt::format("ends at byte {}; {} needs {} bytes", stream.position(), shape,
                              start + wanted));
    }
  }
  char extra = 0;
  if (stream.read(&extra, 1) > 0) {
    stream.fail(fmt::format("goes on at byte {}, where {} ends", start + wanted, shape));
  }
  Tensor tensor(shape, DType::u8);
  std::copy(bytes.begin(), bytes.end(), tensor.bytes().begin());
  return tensor;
}

void write_idx(const std::filesystem::path& file, const Tensor& tensor) {
  write_file_atomically(file, idx_bytes(tensor));
}

}  // namespace data
}  // namespace pinnacle
