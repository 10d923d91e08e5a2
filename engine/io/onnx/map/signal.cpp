// Signals: windows and DFT. What depends on sizes alone is a constant; a transform is a
// product with the matrix of its sines and cosines.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "io/onnx/map/build.hpp"
#include "io/onnx/node_import.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = NodeImport::Ints;
constexpr double kTurn = 2 * std::numbers::pi;
constexpr std::int64_t kF32 = 1;  // ONNX's number of the type
// Elements of a constant that a node makes of sizes alone.
constexpr std::int64_t kMostElementsMade = std::int64_t{1} << 24;

std::int64_t size_from(NodeImport& node, std::size_t i, const char* what) {
  const std::int64_t size = node.integer(i);
  if (size < 1 || size > kMostElementsMade) {
    node.unsupported(fmt::format("{} is {}; expected 1 to {}", what, size, kMostElementsMade));
  }
  return size;
}

// a0 - a1 cos(w) + a2 cos(2 w)
std::vector<ValueId> window(NodeImport& node, double a0, double a1, double a2) {
  if (node.integer("output_datatype", kF32) != kF32) node.unsupported("a type other than f32");
  const std::int64_t size = size_from(node, 0, "the window's size");
  const std::int64_t period = node.integer("periodic", 1) != 0 ? size : size - 1;
  Tensor y({size});
  for (std::int64_t n = 0; n < size; ++n) {
    const double w = period == 0 ? 0 : kTurn * static_cast<double>(n) / static_cast<double>(period);
    y.f32()[static_cast<std::size_t>(n)] =
        static_cast<float>(a0 - a1 * std::cos(w) + a2 * std::cos(2 * w));
  }
  return {node.constant(std::move(y))};
}

std::vector<ValueId> hann(NodeImport& node) { return window(node, 0.5, 0.5, 0); }
std::vector<ValueId> hamming(NodeImport& node) { return window(node, 25.0 / 46, 21.0 / 46, 0); }
std::vector<ValueId> blackman(NodeImport& node) { return window(node, 0.42, 0.5, 0.08); }

// ---- DFT ----------------------------------------------------------------------------------------

// Of `count` given numbers, as far as `size`: [count * from, frequencies * to] with real and imaginary
// parts beside each other. From half of a spectrum (`mirrored`), the other half counts as its conjugate.
struct Transform {
  std::int64_t size, count, frequencies;
  int from, to;
  bool inverse, mirrored;
};

Tensor matrix_of(const Transform& t) {
  const std::int64_t columns = t.frequencies * t.to;
  Tensor matrix({t.count * t.from, columns});
  const auto put = [&](std::int64_t row, std::int64_t column, double value) {
    matrix.f32()[static_cast<std::size_t>(row * columns + column)] = static_cast<float>(value);
  };
  const double scale = t.inverse ? 1 / static_cast<double>(t.size) : 1;
  for (std::int64_t n = 0; n < std::min(t.count, t.size); ++n) {
    // The numbers that are not given have the same real part and the opposite imaginary one.
    const bool twice = t.mirrored && n > 0 && 2 * n != t.size;
    const double weight = scale * (twice ? 2 : 1);
    for (std::int64_t k = 0; k < t.frequencies; ++k) {
      const double angle =
          kTurn * static_cast<double>(n * k % t.size) / static_cast<double>(t.size);
      const double cosine = weight * std::cos(angle);
      const double sine = weight * std::sin(angle) * (t.inverse ? 1 : -1);
      put(n * t.from, k * t.to, cosine);
      if (t.to == 2) put(n * t.from, k * t.to + 1, sine);
      if (t.from == 2) {
        put(n * t.from + 1, k * t.to, -sine);
        if (t.to == 2) put(n * t.from + 1, k * t.to + 1, cosine);
      }
    }
  }
  return matrix;
}

std::vector<ValueId> dft(NodeImport& node) {
  const Shape x = node.shape(0);
  if (node.dtype(0) != DType::f32) node.unsupported(fmt::format("x is {}", node.type(0)));
  if (x.rank() < 2 || (x.back() != 1 && x.back() != 2) || x.elements() == 0) {
    node.invalid(fmt::format("x is {}; expected [..., 1] or [..., 2], not empty", x));
  }
  std::int64_t given = node.opset() < 20 ? node.integer("axis", 1) : -2;
  if (node.opset() >= 20 && node.has(2)) given = node.integer(2);
  const std::size_t axis = node.axis(given, x.rank());
  if (axis + 1 == x.rank()) node.invalid("axis is that of the real and imaginary parts");
  const bool inverse = node.integer("inverse", 0) != 0;
  const bool onesided = node.integer("onesided", 0) != 0;
  const std::int64_t count = x[axis];
  const bool mirrored = inverse && onesided;
  const std::int64_t standard = mirrored ? std::max<std::int64_t>(1, 2 * (count - 1)) : count;
  const std::int64_t size = node.has(1) ? size_from(node, 1, "dft_length") : standard;
  const Transform t = {.size = size,
                       .count = count,
                       .frequencies = onesided && !inverse ? size / 2 + 1 : size,
                       .from = static_cast<int>(x.back()),
                       .to = mirrored ? 1 : 2,
                       .inverse = inverse,
                       .mirrored = mirrored};
  if (count > kMostElementsMade / (4 * t.frequencies)) {
    node.unsupported(fmt::format("a transform of {} numbers to {}", count, t.frequencies));
  }
  // The axis before the parts, all others as rows.
  Ints perm;
  for (std::size_t i = 0; i + 1 < x.rank(); ++i) {
    if (i != axis) perm.push_back(static_cast<std::int64_t>(i));
  }
  perm.push_back(static_cast<std::int64_t>(axis));
  perm.push_back(static_cast<std::int64_t>(x.rank()) - 1);
  const bool moves = axis + 2 != x.rank();
  const ValueId turned =
      moves ? node.apply("transpose", {node.in(0)}, {{"perm", perm}}) : node.in(0);
  Shape shape = node.b().shape(turned);
  const std::int64_t width = count * t.from;
  const ValueId rows = node.reshape(turned, {x.elements() / width, width});
  shape[shape.rank() - 2] = t.frequencies;
  shape[shape.rank() - 1] = t.to;
  const ValueId y = node.reshape(node.apply("matmul", {rows, node.constant(matrix_of(t))}), shape);
  if (!moves) return {y};
  Ints back(perm.size());
  for (std::size_t i = 0; i < perm.size(); ++i) {
    back[static_cast<std::size_t>(perm[i])] = static_cast<std::int64_t>(i);
  }
  return {node.apply("transpose", {y}, {{"perm", back}})};
}

}  // namespace

std::vector<ImportRow> signal_imports() {
  return {{.op = "BlackmanWindow", .import = blackman},
          {.op = "DFT", .import = dft},
          {.op = "HammingWindow", .import = hamming},
          {.op = "HannWindow", .import = hann}};
}

}  // namespace pinnacle::onnx
