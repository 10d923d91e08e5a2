// Datasets: images with labels, read from IDX files or drawn by Pinnacle itself.
// Thread safety: plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/tensor.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace pinnacle {

/// Samples and labels, row by row.
struct Dataset {
  Tensor x;  ///< f32 [N, ...]
  Tensor y;  ///< i32 [N] or f32 [N, ...]
  std::int64_t size() const { return x.shape().rank() == 0 ? 0 : x.shape()[0]; }
  /// Samples [first, first + count). throws ShapeError if out of range
  Dataset rows(std::int64_t first, std::int64_t count) const;
};

struct TrainTest {
  Dataset train;
  Dataset test;
  std::string source;  ///< for people: which files, or that they were drawn
};

namespace data {

/// One IDX file (optionally gzip): u8 data, rank 1 to 4.
/// shapes   as the file says
/// throws   FileError if missing; ParseError that names the byte where the file stops making sense
/// source   http://yann.lecun.com/exdb/mnist, "The IDX file format"
Tensor read_idx(const std::filesystem::path& file);
/// The same uncompressed, atomically.
/// shapes   u8, rank 1 to 4, extents from 1 to 2^32 - 1
/// throws   FileError; ArgumentError for other types
void write_idx(const std::filesystem::path& file, const Tensor& tensor);

/// The four MNIST files of a folder (any usual names, with or without .gz); pixels in [0, 1].
/// shapes   x [N, 1, 28, 28]; y [N]
/// throws   FileError that lists the names looked for; ParseError
TrainTest mnist(const std::filesystem::path& folder);

/// Digits that Pinnacle draws: strokes under random affine and elastic distortion.
/// shapes   x [N, 1, 28, 28]; y [N]
/// throws   ArgumentError if a count is not positive
/// source   Simard, Steinkraus, Platt, "Best Practices for Convolutional Neural Networks", 2003
TrainTest drawn_digits(std::int64_t train_count, std::int64_t test_count, std::uint64_t seed);

/// Where digits are looked for, in this order: `folder` if not empty (it must hold them), the
/// environment variable PINNACLE_DATA, the user's cache, a download with checksums into it (unless
/// PINNACLE_OFFLINE is 1), and last drawn_digits, kept in the cache. Of a folder given, its mnist/
/// will do. A cache that is damaged, full or read-only only costs making the digits again.
/// throws   FileError, ParseError
TrainTest find_digits(const std::filesystem::path& folder = {});

/// A digit for the terminal: 28 x 28 floats in [0, 1] as 14 lines of half blocks.
/// shapes   [28, 28] or [1, 28, 28]
/// throws   ShapeError
std::string draw(const Tensor& image);

}  // namespace data
}  // namespace pinnacle
