// det: determinants of the matrices in the last two axes, by elimination with row exchanges.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <cmath>
#include <utility>

#include "ops/launch.hpp"

namespace pinnacle {
namespace {

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  check_f32(op, 0, "x");
  const Shape& x = op.shape(0);
  if (x.rank() < 2 || x.back() != x[x.rank() - 2]) {
    shape_error(op, "x is {}; expected square matrices [..., M, M]", x);
  }
  return {{Shape({x.begin(), x.end() - 2}), DType::f32}};
}

double determinant(std::vector<double> a, std::size_t n) {
  double result = 1;
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t row = k + 1; row < n; ++row) {
      if (std::fabs(a[row * n + k]) > std::fabs(a[pivot * n + k])) pivot = row;
    }
    if (a[pivot * n + k] == 0) return 0;
    if (pivot != k) {
      result = -result;
      for (std::size_t col = 0; col < n; ++col) std::swap(a[k * n + col], a[pivot * n + col]);
    }
    result *= a[k * n + k];
    for (std::size_t row = k + 1; row < n; ++row) {
      const double factor = a[row * n + k] / a[k * n + k];
      for (std::size_t col = k; col < n; ++col) a[row * n + col] -= factor * a[k * n + col];
    }
  }
  return result;
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  Array y(infer(op)[0].shape);
  const auto n = static_cast<std::size_t>(in[0].shape.back());
  for (std::size_t i = 0; i < y.data.size(); ++i) {
    const auto first = in[0].data.begin() + static_cast<std::ptrdiff_t>(i * n * n);
    y.data[i] = determinant({first, first + static_cast<std::ptrdiff_t>(n * n)}, n);
  }
  return {std::move(y)};
}

}  // namespace

std::vector<OpDef> det_ops() {
  return {{.name = "det",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("it needs the inverse, which is no op here"),
           .cost =
               [](const OpView& op) {
                 const double n = static_cast<double>(op.shape(0).back());
                 return Cost{.flop = 2.0 / 3 * n * static_cast<double>(op.shape(0).elements()),
                             .bytes = op.operand_bytes()};
               },
           .variants = std::vector<Variant>{}}};
}

}  // namespace pinnacle
