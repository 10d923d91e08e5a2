// SPDX-License-Identifier: Apache-2.0
#include "ops/gradients.hpp"

#include <algorithm>

namespace pinnacle {

ValueId sum_to(Builder& b, ValueId gradient, Shape shape) {
  const Shape from = b.shape(gradient);
  if (from == shape) return gradient;
  const std::size_t extra = from.rank() - shape.rank();
  Attributes::Ints axes;
  for (std::size_t i = 0; i < from.rank(); ++i) {
    if (i < extra || (shape[i - extra] == 1 && from[i] != 1)) {
      axes.push_back(static_cast<std::int64_t>(i));
    }
  }
  ValueId sum = gradient;
  if (!axes.empty()) {
    sum = b.apply("reduce_sum", {gradient}, {{"axes", axes}, {"keepdims", std::int64_t{0}}});
  }
  if (b.shape(sum) == shape) return sum;
  return b.apply("reshape", {sum}, {{"shape", shape.dims()}});
}

Shape broadcast_shape(const OpView& op, const Shape& a, const Shape& b) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  std::vector<std::int64_t> dims(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t x = i + a.rank() < rank ? 1 : a[i + a.rank() - rank];
    const std::int64_t y = i + b.rank() < rank ? 1 : b[i + b.rank() - rank];
    if (x != y && x != 1 && y != 1) {
      shape_error(op, "{} and {} do not broadcast: axis {} is {} against {}", a, b, i, x, y);
    }
    dims[i] = x == 1 ? y : x;
  }
  return Shape(std::move(dims));
}

}  // namespace pinnacle
