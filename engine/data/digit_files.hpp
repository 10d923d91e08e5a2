// The four files that a set of digits consists of, and turning their bytes into a Dataset.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/data.hpp>

#include <array>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace pinnacle {

struct DigitFile {
  const char* name;        ///< "train-images-idx3-ubyte"
  const char* other_name;  ///< "train-images.idx3-ubyte"
  const char* md5;         ///< of MNIST's, not compressed
};
/// Train images, train labels, test images, test labels.
inline constexpr std::array<DigitFile, 4> kDigitFiles{{
    {"train-images-idx3-ubyte", "train-images.idx3-ubyte", "6bbc9ace898e44ae57da46a324031adb"},
    {"train-labels-idx1-ubyte", "train-labels.idx1-ubyte", "a25bea736e30d166cdddb491f175f624"},
    {"t10k-images-idx3-ubyte", "t10k-images.idx3-ubyte", "2646ac647ad5339dbf082846283269ea"},
    {"t10k-labels-idx1-ubyte", "t10k-labels.idx1-ubyte", "27ae3e4e09519cfbb04c329615203637"},
}};

/// Whether any of the names is in `folder` for each of the four files.
bool holds_digits(const std::filesystem::path& folder);
/// " a, a.gz, b or b.gz" of each file that `folder` lacks, one line per file; empty: none.
std::string missing_digit_files(const std::filesystem::path& folder);

/// A u8 tensor of rank 1 to 4 as the bytes of an IDX file. throws ArgumentError
std::string idx_bytes(const Tensor& tensor);

/// u8 [N, 28, 28] and u8 [N] -> f32 [N, 1, 28, 28] in [0, 1] and i32 [N].
Dataset digits_from_bytes(const Tensor& images, const Tensor& labels);

inline constexpr std::array<const char*, 2> kMnistMirrors{
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/"};
/// Each file from the first mirror that delivers it undamaged, then kept in `cache` where that can
/// be written. Nothing if one of the four files cannot be had.
std::optional<TrainTest> download_mnist(const std::filesystem::path& cache,
                                        std::span<const char* const> mirrors);
/// Writes the four files. False if the folder is full, read-only or no folder ("").
bool keep_digits(const std::filesystem::path& folder,
                 const std::array<Tensor, kDigitFiles.size()>& files);

/// Draws `count` digits as bytes: u8 [N, 28, 28] and u8 [N]. Sets of different `stream` differ.
struct DigitBytes {
  Tensor images;
  Tensor labels;
};
DigitBytes draw_digits(std::int64_t count, std::uint64_t seed, std::uint64_t stream);

}  // namespace pinnacle
