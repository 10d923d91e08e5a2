// Products of matrices, and determinants.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "io/onnx/map/integers.hpp"
#include "io/onnx/map/products.hpp"
#include "io/onnx/map/windows.hpp"

namespace pinnacle::onnx {

Shape broadcast(const NodeImport& node, const Shape& a, const Shape& b) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  std::vector<std::int64_t> dims(rank, 1);
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t x = i < a.rank() ? a[a.rank() - 1 - i] : 1;
    const std::int64_t y = i < b.rank() ? b[b.rank() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) {
      node.invalid(fmt::format("{} and {} do not broadcast", a, b));
    }
    dims[rank - 1 - i] = x == 1 ? y : x;
  }
  check_size(node, Shape(dims));
  return Shape(std::move(dims));
}

ValueId broadcast_to(NodeImport& node, ValueId x, const Shape& shape) {
  if (node.b().shape(x) == shape) return x;
  if (node.b().shape(x).elements() == shape.elements()) return node.reshape(x, shape);
  return node.apply("expand", {x}, {{"shape", shape.dims()}});
}

ValueId matrix_product(NodeImport& node, ValueId a, ValueId b) {
  const Shape sa = node.b().shape(a);
  const Shape sb = node.b().shape(b);
  if (sa.rank() < 2 || sb.rank() < 2 || sa.back() != sb[sb.rank() - 2]) {
    node.invalid(fmt::format("{} and {} cannot be multiplied", sa, sb));
  }
  if (node.b().type(a).dtype != DType::f32 || node.b().type(b).dtype != DType::f32) {
    if (node.b().type(a).dtype != node.b().type(b).dtype) {
      node.invalid(fmt::format("the operands are {} and {}", node.b().type(a), node.b().type(b)));
    }
    return node.apply("matmul_integer", {a, b});
  }
  const Shape left({sa.begin(), sa.end() - 2});
  const Shape right({sb.begin(), sb.end() - 2});
  const Shape batch = broadcast(node, left, right);
  const auto matrices = [](const Shape& leading, const Shape& x) {
    std::vector<std::int64_t> dims = leading.dims();
    dims.insert(dims.end(), x.end() - 2, x.end());
    return Shape(std::move(dims));
  };
  const Shape result = matrices(batch, {sa[sa.rank() - 2], sb.back()});
  check_size(node, result);
  check_size(node, matrices(batch, sa));
  check_size(node, matrices(batch, sb));
  if (result.elements() == 0 || sa.back() == 0) {
    // Sums of nothing.
    return broadcast_to(node, scalar(node, 0), result);
  }
  if (right.elements() == 1) {
    // One b for all matrices of a.
    b = node.reshape(b, {sb[sb.rank() - 2], sb.back()});
  } else {
    b = broadcast_to(node, b, matrices(batch, sb));
  }
  a = broadcast_to(node, a, matrices(batch, sa));
  return node.apply("matmul", {a, b});
}

namespace {

// Operands of rank 1 are a row and a column; their axis vanishes from the result.
std::vector<ValueId> product_of(NodeImport& node, ValueId a, ValueId b) {
  const Shape sa = node.b().shape(a);
  const Shape sb = node.b().shape(b);
  if (sa.rank() == 0 || sb.rank() == 0) {
    node.invalid(fmt::format("the operands are {} and {}; expected rank 1 or more", sa, sb));
  }
  if (sa.rank() == 1) a = node.reshape(a, {1, sa[0]});
  if (sb.rank() == 1) b = node.reshape(b, {sb[0], 1});
  const ValueId c = matrix_product(node, a, b);
  std::vector<std::int64_t> dims = node.b().shape(c).dims();
  if (sb.rank() == 1) dims.pop_back();
  if (sa.rank() == 1) dims.erase(dims.end() - (sb.rank() == 1 ? 1 : 2));
  return {node.reshape(c, Shape(std::move(dims)))};
}

std::vector<ValueId> matmul(NodeImport& node) { return product_of(node, node.in(0), node.in(1)); }

// ---- Quantized ----------------------------------------------------------------------------------

// What f32 holds of a sum of products, whatever their order.
constexpr double kExact = 16777216;

// Zero points: one, one for each row of a (a list of rows stands beside the columns), or for each of
// every matrix.
ValueId beside_columns(NodeImport& node, ValueId zero) {
  const Shape shape = node.b().shape(zero);
  return shape.rank() == 1 && shape[0] > 1 ? node.reshape(zero, {shape[0], 1}) : zero;
}

// Bytes as f32 around their zero point, and the largest magnitude there may be.
struct Bytes {
  ValueId value;
  double most;
};
Bytes centred(NodeImport& node, ValueId x, ValueId zero) {
  const DType dtype = node.b().type(x).dtype;
  if (dtype != DType::i8 && dtype != DType::u8) {
    node.invalid(fmt::format("an operand is {}; expected i8 or u8", node.b().type(x)));
  }
  if (zero == kNoValue) return {node.cast(x, DType::f32), dtype == DType::i8 ? 128.0 : 255.0};
  return {from_zero(node, x, zero), 255};
}

// a, b, [a_zero], [b_zero] -> i32, exact: as f32 where that holds the sums, else with a cut into parts
// of 4 bits, a = 16 h + l; long sums as integers.
ValueId integer_product(NodeImport& node, ValueId a, ValueId b, ValueId a_zero, ValueId b_zero) {
  const Shape sa = node.b().shape(a);
  const Shape sb = node.b().shape(b);
  if (sa.rank() == 0 || sb.rank() == 0) {
    node.invalid(fmt::format("the operands are {} and {}; expected rank 1 or more", sa, sb));
  }
  if (sa.rank() == 1) a = node.reshape(a, {1, sa[0]});
  if (sb.rank() == 1) b = node.reshape(b, {sb[0], 1});
  if (a_zero != kNoValue) a_zero = beside_columns(node, a_zero);
  const Bytes left = centred(node, a, a_zero);
  const Bytes right = centred(node, b, b_zero);
  const double terms = static_cast<double>(sa.back()) * right.most;
  ValueId c = kNoValue;
  if (terms * left.most <= kExact) {
    c = node.cast(matrix_product(node, left.value, right.value), DType::i32);
  } else if (terms * 16 <= kExact) {
    const ValueId high =
        node.apply("floor", {node.apply("mul", {left.value, scalar(node, 1.0 / 16)})});
    const ValueId low =
        node.apply("sub", {left.value, node.apply("mul", {high, scalar(node, 16)})});
    const auto product = [&](ValueId part) {
      return node.cast(matrix_product(node, part, right.value), DType::i32);
    };
    Tensor sixteen(Shape{}, DType::i32);
    sixteen.i32()[0] = 16;
    c = node.apply("mul", {product(high), node.constant(std::move(sixteen))});
    c = node.apply("add", {c, product(low)});
  } else {
    c = node.apply("matmul_integer", {a, b, a_zero, b_zero});
  }
  std::vector<std::int64_t> dims = node.b().shape(c).dims();
  if (sb.rank() == 1) dims.pop_back();
  if (sa.rank() == 1) dims.erase(dims.end() - (sb.rank() == 1 ? 1 : 2));
  return node.reshape(c, Shape(std::move(dims)));
}

std::vector<ValueId> matmul_integer(NodeImport& node) {
  return {integer_product(node, node.in(0), node.in(1), node.in_or_none(2), node.in_or_none(3))};
}

// a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero
std::vector<ValueId> qlinear_matmul(NodeImport& node) {
  const ValueId a = from_zero(node, node.in(0), beside_columns(node, node.in(2)));
  const ValueId b = from_zero(node, node.in(3), node.in(5));
  const ValueId sum = product_of(node, a, b).front();
  return {
      requantized(node, sum, beside_columns(node, node.in(1)), node.in(4), node.in(6), node.in(7))};
}

// ---- Gemm ---------------------------------------------------------------------------------------

ValueId scaled(NodeImport& node, ValueId x, double factor) {
  return factor == 1 ? x : node.apply("mul", {x, scalar(node, factor)});
}

ValueId transpose(NodeImport& node, ValueId x) {
  return node.apply("transpose", {x}, {{"perm", std::vector<std::int64_t>{1, 0}}});
}

// y = alpha a b + beta c. A constant operand takes alpha, so that a bias follows the product, where
// kernels take it up.
std::vector<ValueId> gemm(NodeImport& node) {
  ValueId a = node.in(0);
  ValueId b = node.in(1);
  if (node.shape(0).rank() != 2 || node.shape(1).rank() != 2) {
    node.invalid(
        fmt::format("a is {} and b is {}; expected matrices", node.shape(0), node.shape(1)));
  }
  const std::int64_t transpose_a = node.integer("transA", 0) != 0 ? 1 : 0;
  const std::int64_t transpose_b = node.integer("transB", 0) != 0 ? 1 : 0;
  const double alpha = node.number("alpha", 1);
  const double beta = node.number("beta", 1);
  const std::int64_t m = node.shape(0)[transpose_a != 0 ? 1 : 0];
  const std::int64_t k = node.shape(0)[transpose_a != 0 ? 0 : 1];
  const std::int64_t n = node.shape(1)[transpose_b != 0 ? 0 : 1];
  if (node.shape(1)[transpose_b != 0 ? 1 : 0] != k) {
    node.invalid(fmt::format("a is {} and b is {}; they cannot be multiplied", node.shape(0),
                             node.shape(1)));
  }
  ValueId y = kNoValue;
  if (node.dtype(0) == DType::f32 && m > 0 && n > 0 && k > 0) {
    double left = alpha;
    if (node.is_constant(1)) {
      b = scaled(node, b, left);
      left = 1;
    } else if (node.is_constant(0)) {
      a = scaled(node, a, left);
      left = 1;
    }
    // A constant is best turned now.
    const bool turn_a = transpose_a != 0 && node.is_constant(0);
    if (turn_a) a = transpose(node, a);
    y = node.apply("matmul", {a, b},
                   {{"transpose_a", turn_a ? 0 : transpose_a}, {"transpose_b", transpose_b}});
    y = scaled(node, y, left);
  } else {
    y = matrix_product(node, transpose_a != 0 ? transpose(node, a) : a,
                       transpose_b != 0 ? transpose(node, b) : b);
    if (node.dtype(0) != DType::f32 && (alpha != 1 || (node.has(2) && beta != 1 && beta != 0))) {
      node.unsupported("alpha or beta on integers");
    }
    y = node.dtype(0) == DType::f32 ? scaled(node, y, alpha) : y;
  }
  if (!node.has(2) || beta == 0) return {y};
  ValueId c = node.in(2);
  if (broadcast(node, node.shape(2), {m, n}) != Shape{m, n}) {
    node.invalid(fmt::format("c is {}; expected what broadcasts to [{}, {}]", node.shape(2), m, n));
  }
  if (node.shape(2) == Shape{1, n} || node.shape(2) == Shape{n}) c = node.reshape(c, {n});
  return {node.apply("add", {y, scaled(node, c, beta)})};
}

std::vector<ValueId> det(NodeImport& node) { return {node.apply("det", {node.in(0)})}; }

}  // namespace

std::vector<ImportRow> matrix_imports() {
  return {{.op = "Det", .import = det},
          {.op = "Gemm", .import = gemm, .first_opset = 1},
          {.op = "MatMul", .import = matmul, .first_opset = 1},
          {.op = "MatMulInteger", .import = matmul_integer},
          {.op = "QLinearMatMul", .import = qlinear_matmul}};
}

}  // namespace pinnacle::onnx
