// Digits from IDX files, under any of the names in use.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>

#include <pinnacle/error.hpp>

#include "data/digit_files.hpp"

namespace pinnacle {
namespace {

std::array<std::string, 4> names_of(const DigitFile& file) {
  const std::string name = file.name, other = file.other_name;
  return {name, name + ".gz", other, other + ".gz"};
}

// Empty if there is none.
std::filesystem::path find_file(const std::filesystem::path& folder, const DigitFile& file) {
  for (const std::string& name : names_of(file)) {
    std::error_code error;
    if (std::filesystem::is_regular_file(folder / name, error)) return folder / name;
  }
  return {};
}

Dataset read_pair(const std::filesystem::path& images_file,
                  const std::filesystem::path& labels_file) {
  const Tensor images = data::read_idx(images_file);
  const Shape& shape = images.shape();
  if (shape.rank() != 3 || shape[1] != 28 || shape[2] != 28) {
    throw ParseError(fmt::format("holds {}; expected images [N, 28, 28]", shape),
                     images_file.string());
  }
  const Tensor labels = data::read_idx(labels_file);
  if (labels.shape() != Shape{shape[0]}) {
    throw ParseError(fmt::format("holds {} labels for the {} images of {}", labels.shape(),
                                 shape[0], images_file.filename().string()),
                     labels_file.string());
  }
  const auto bytes = labels.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] > std::byte{9}) {
      throw ParseError(fmt::format("the label at byte {} is {}; expected 0 to 9", 8 + i,
                                   std::to_integer<int>(bytes[i])),
                       labels_file.string());
    }
  }
  return digits_from_bytes(images, labels);
}

}  // namespace

Dataset Dataset::rows(std::int64_t first, std::int64_t count) const {
  return {x.rows(first, count), y.rows(first, count)};
}

bool holds_digits(const std::filesystem::path& folder) {
  return missing_digit_files(folder).empty();
}

std::string missing_digit_files(const std::filesystem::path& folder) {
  std::string missing;
  for (const DigitFile& file : kDigitFiles) {
    if (!find_file(folder, file).empty()) continue;
    const auto names = names_of(file);
    missing += fmt::format("\n  {}, {}, {} or {}", names[0], names[1], names[2], names[3]);
  }
  return missing;
}

Dataset digits_from_bytes(const Tensor& images, const Tensor& labels) {
  const std::int64_t count = images.shape()[0];
  std::array<float, 256> grey{};
  for (std::size_t i = 0; i < grey.size(); ++i) grey[i] = static_cast<float>(i) / 255.0f;
  Dataset set{Tensor({count, 1, 28, 28}), Tensor({count}, DType::i32)};
  const auto pixels = images.bytes();
  const auto x = set.x.f32();
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    x[i] = grey[std::to_integer<std::size_t>(pixels[i])];
  }
  const auto digits = labels.bytes();
  const auto y = set.y.i32();
  for (std::size_t i = 0; i < digits.size(); ++i) y[i] = std::to_integer<std::int32_t>(digits[i]);
  return set;
}

namespace data {

TrainTest mnist(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    throw FileError("there is no such folder", folder.string(),
                    "give the folder with the four MNIST files");
  }
  if (const std::string missing = missing_digit_files(folder); !missing.empty()) {
    throw FileError("lacks these MNIST files:" + missing, folder.string());
  }
  TrainTest sets;
  sets.train = read_pair(find_file(folder, kDigitFiles[0]), find_file(folder, kDigitFiles[1]));
  sets.test = read_pair(find_file(folder, kDigitFiles[2]), find_file(folder, kDigitFiles[3]));
  sets.source = fmt::format("digits from {}", folder.string());
  return sets;
}

}  // namespace data
}  // namespace pinnacle
