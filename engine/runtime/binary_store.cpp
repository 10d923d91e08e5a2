// SPDX-License-Identifier: Apache-2.0
#include "runtime/binary_store.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <pinnacle/error.hpp>

#include "base/files.hpp"
#include "base/text.hpp"

namespace pinnacle::runtime {
namespace {

// The key's second hash tells a foreign entry from ours where file names collide.
struct Header {
  std::array<char, 8> magic = {'P', 'N', 'C', 'P', 'R', 'O', 'G', '1'};
  std::uint64_t key = 0;
  std::uint64_t length = 0;
  std::uint64_t checksum = 0;
  bool operator==(const Header&) const = default;
};

Header header_of(std::string_view key, std::string_view binary) {
  Header header;
  header.key = hash64(key, 0x9e3779b97f4a7c15ULL);
  header.length = binary.size();
  header.checksum = hash64(binary);
  return header;
}

}  // namespace

std::filesystem::path binary_file(const std::filesystem::path& folder, std::string_view key) {
  return folder / fmt::format("{:016x}.bin", hash64(key));
}

std::optional<std::string> load_binary(const std::filesystem::path& folder, std::string_view key) {
  if (folder.empty()) return std::nullopt;
  std::optional<std::string> contents = try_read_file(binary_file(folder, key));
  if (!contents || contents->size() <= sizeof(Header)) return std::nullopt;
  Header found;
  std::memcpy(&found, contents->data(), sizeof(Header));
  contents->erase(0, sizeof(Header));
  if (found != header_of(key, *contents)) return std::nullopt;
  return contents;
}

std::string save_binary(const std::filesystem::path& folder, std::string_view key,
                        std::string_view binary) {
  if (folder.empty()) return "there is no cache folder: neither PINNACLE_CACHE nor HOME is set";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const Header header = header_of(key, binary);
  std::string contents(sizeof(Header), '\0');
  std::memcpy(contents.data(), &header, sizeof(Header));
  contents += binary;
  try {
    write_file_atomically(binary_file(folder, key), contents);
  } catch (const Error& problem) {
    return problem.what();
  }
  return {};
}

}  // namespace pinnacle::runtime
