// MNIST from the network, checked against its published check sums, and kept in the cache.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <optional>

#include <pinnacle/error.hpp>

#include "data/digit_files.hpp"
#include "data/download.hpp"
#include "data/md5.hpp"

namespace pinnacle {
namespace {

// The contents of one file of MNIST, from the first mirror that delivers it undamaged.
std::optional<Tensor> fetch(const DigitFile& file, const std::filesystem::path& folder,
                            std::span<const char* const> mirrors) {
  const std::filesystem::path packed = folder / (std::string(file.name) + ".gz");
  for (const char* mirror : mirrors) {
    if (!download(std::string(mirror) + packed.filename().string(), packed)) continue;
    try {
      const Tensor tensor = data::read_idx(packed);
      if (md5(std::as_bytes(std::span<const char>(idx_bytes(tensor)))) == file.md5) return tensor;
    } catch (const Error&) {
      continue;  // a truncated or foreign answer: the next mirror
    }
  }
  return std::nullopt;
}

}  // namespace

bool keep_digits(const std::filesystem::path& cache,
                 const std::array<Tensor, kDigitFiles.size()>& files) {
  if (cache.empty()) return false;
  std::error_code error;
  std::filesystem::create_directories(cache, error);
  if (error) return false;
  try {
    for (std::size_t i = 0; i < files.size(); ++i) {
      data::write_idx(cache / kDigitFiles[i].name, files[i]);
    }
    return true;
  } catch (const FileError&) {
    return false;
  }
}

std::optional<TrainTest> download_mnist(const std::filesystem::path& cache,
                                        std::span<const char* const> mirrors) {
  try {
    const TemporaryFolder folder;
    std::array<Tensor, kDigitFiles.size()> tensors;
    for (std::size_t i = 0; i < kDigitFiles.size(); ++i) {
      std::optional<Tensor> tensor = fetch(kDigitFiles[i], folder.path(), mirrors);
      if (!tensor) return std::nullopt;
      tensors[i] = std::move(*tensor);
    }
    TrainTest sets{digits_from_bytes(tensors[0], tensors[1]),
                   digits_from_bytes(tensors[2], tensors[3]), "MNIST, downloaded"};
    if (keep_digits(cache, tensors)) sets.source += fmt::format(" to {}", cache.string());
    return sets;
  } catch (const Error&) {
    return std::nullopt;  // no room, or no folder for temporary files
  }
}

}  // namespace pinnacle
