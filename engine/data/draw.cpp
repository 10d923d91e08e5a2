// A digit as text.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/data.hpp>

#include <pinnacle/error.hpp>

namespace pinnacle::data {

std::string draw(const Tensor& image) {
  constexpr std::size_t kSize = 28;
  if (image.shape() != Shape{28, 28} && image.shape() != Shape{1, 28, 28}) {
    throw ShapeError(fmt::format("image is {}; expected [28, 28] or [1, 28, 28]", image.shape()),
                     "data::draw");
  }
  // By upper half + 2 * lower half: space, U+2580, U+2584, U+2588 in UTF-8.
  constexpr const char* kBlocks[4] = {" ", "\xe2\x96\x80", "\xe2\x96\x84", "\xe2\x96\x88"};
  const std::span<const float> pixels = image.f32();
  const auto ink = [&](std::size_t row, std::size_t column) {
    return pixels[row * kSize + column] > 0.4f ? 1 : 0;
  };
  std::string text;
  for (std::size_t row = 0; row < kSize; row += 2) {
    for (std::size_t column = 0; column < kSize; ++column) {
      text += kBlocks[ink(row, column) + 2 * ink(row + 1, column)];
    }
    text += '\n';
  }
  return text;
}

}  // namespace pinnacle::data
