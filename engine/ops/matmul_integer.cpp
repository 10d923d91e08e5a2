// matmul_integer(a, b, a_zero?, b_zero?): the product of integer matrices over the last two axes, with
// NumPy's broadcasting of the others; i32, or i64 where an operand is. 8-bit operands are counted
// from their zero points: one number, or one for each row of a and column of b, as in ONNX
// (MatMulInteger).
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>

#include "ops/gradients.hpp"
#include "ops/integers.hpp"

namespace pinnacle {
namespace {

struct Sizes {
  std::int64_t m, n, k;
  Shape batch;
};

Sizes sizes_of(const OpView& op) {
  const Shape& a = op.shape(0);
  const Shape& b = op.shape(1);
  if (a.rank() < 2 || b.rank() < 2) {
    shape_error(op, "a is {} and b is {}; expected rank 2 or more", a, b);
  }
  if (a.back() != b[b.rank() - 2]) {
    shape_error(op, "a is {} and b is {}: {} columns against {} rows", a, b, a.back(),
                b[b.rank() - 2]);
  }
  return {.m = a[a.rank() - 2],
          .n = b.back(),
          .k = a.back(),
          .batch = broadcast_shape(op, Shape({a.begin(), a.end() - 2}),
                                   Shape({b.begin(), b.end() - 2}))};
}

Shape result_shape(const Sizes& s) {
  std::vector<std::int64_t> dims = s.batch.dims();
  dims.push_back(s.m);
  dims.push_back(s.n);
  return Shape(std::move(dims));
}

// The matrix of operand x that belongs to a position of the result's leading axes.
std::int64_t matrix_at(const Shape& x, const Shape& batch, std::int64_t position) {
  const std::size_t leading = x.rank() - 2;
  std::int64_t index = 0;
  std::int64_t stride = 1;
  for (std::size_t i = batch.rank(); i-- > 0;) {
    const std::int64_t at = position % batch[i];
    position /= batch[i];
    if (i + leading < batch.rank()) continue;
    const std::int64_t extent = x[i + leading - batch.rank()];
    if (extent != 1) index += at * stride;
    stride *= extent;
  }
  return index;
}

// Zero points: one, or one for each of `count` lines, or for each of the lines of every matrix.
void check_zero(const OpView& op, std::size_t i, std::int64_t count) {
  if (!op.has_input(i)) return;
  if (op.in[i]->dtype != op.in[i - 2]->dtype) {
    shape_error(op, "input {} is {} but input {} is {}", i, *op.in[i], i - 2, *op.in[i - 2]);
  }
  const std::int64_t matrices = op.shape(i - 2).elements(0, op.shape(i - 2).rank() - 2);
  const std::int64_t given = op.shape(i).elements();
  if (given != 1 && given != count && given != matrices * count) {
    shape_error(op, "input {} is {}; expected one zero point or {}", i, op.shape(i), count);
  }
}

double zero_at(const OpView& op, std::span<const Array> in, std::size_t i, std::int64_t matrix,
               std::int64_t count, std::int64_t line) {
  if (!op.has_input(i)) return 0;
  const auto given = static_cast<std::int64_t>(in[i].data.size());
  const std::int64_t at = given == 1 ? 0 : given == count ? line : matrix * count + line;
  return in[i].data[static_cast<std::size_t>(at)];
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 2, 4);
  const Sizes s = sizes_of(op);
  for (std::size_t i = 0; i < 2; ++i) {
    if (!is_integer(op.in[i]->dtype)) {
      shape_error(op, "input {} is {}; expected integers", i, *op.in[i]);
    }
  }
  check_zero(op, 2, s.m);
  check_zero(op, 3, s.n);
  const bool wide = op.in[0]->dtype == DType::i64 || op.in[1]->dtype == DType::i64;
  return {{result_shape(s), wide ? DType::i64 : DType::i32}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Sizes s = sizes_of(op);
  const DType dtype = infer(op)[0].dtype;
  Array y(result_shape(s));
  std::size_t to = 0;
  for (std::int64_t i = 0; i < s.batch.elements(); ++i) {
    const std::int64_t ma = matrix_at(in[0].shape, s.batch, i);
    const std::int64_t mb = matrix_at(in[1].shape, s.batch, i);
    for (std::int64_t row = 0; row < s.m; ++row) {
      const double a_zero = zero_at(op, in, 2, ma, s.m, row);
      for (std::int64_t col = 0; col < s.n; ++col) {
        const double b_zero = zero_at(op, in, 3, mb, s.n, col);
        double sum = 0;
        for (std::int64_t l = 0; l < s.k; ++l) {
          sum += (in[0].data[static_cast<std::size_t>((ma * s.m + row) * s.k + l)] - a_zero) *
                 (in[1].data[static_cast<std::size_t>((mb * s.k + l) * s.n + col)] - b_zero);
        }
        y.data[to++] = wrap_integer(sum, dtype);
      }
    }
  }
  return {std::move(y)};
}

}  // namespace

std::vector<OpDef> matmul_integer_ops() {
  return {{.name = "matmul_integer",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("integers have none"),
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = 2 * static_cast<double>(op.out_shape().elements()) *
                                     static_cast<double>(op.shape(0).back()),
                             .bytes = op.operand_bytes()};
               },
           .variants = std::vector<Variant>{}}};
}

}  // namespace pinnacle
