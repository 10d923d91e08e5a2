// matmul: the product of two matrices over the last two axes, with bias, residual and epilogue.
// SPDX-License-Identifier: Apache-2.0
#include "ops/matmul/matmul.hpp"

#include <algorithm>
#include <array>

#include "ops/epilogue.hpp"
#include "ops/gradients.hpp"

namespace pinnacle {
namespace {

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 2, 4);
  const Shape& a = op.shape(0);
  const Shape& b = op.shape(1);
  if (a.rank() < 2 || b.rank() < 2) {
    shape_error(op, "a is {} and b is {}; expected rank 2 or more", a, b);
  }
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (op.in[i] && op.in[i]->dtype != DType::f32) {
      shape_error(op, "input {} is {}; expected f32", i, *op.in[i]);
    }
  }
  const bool ta = op.attributes().integer("transpose_a", 0) != 0;
  const bool tb = op.attributes().integer("transpose_b", 0) != 0;
  const std::int64_t m = a[a.rank() - (ta ? 1 : 2)];
  const std::int64_t k = a[a.rank() - (ta ? 2 : 1)];
  const std::int64_t n = b[b.rank() - (tb ? 2 : 1)];
  const std::int64_t kb = b[b.rank() - (tb ? 1 : 2)];
  if (k != kb) {
    shape_error(op, "a is {}{} and b is {}{}: {} columns against {} rows", a,
                ta ? " (transposed)" : "", b, tb ? " (transposed)" : "", k, kb);
  }
  std::vector<std::int64_t> dims(a.dims().begin(), a.dims().end() - 2);
  if (b.rank() > 2 && !std::equal(dims.begin(), dims.end(), b.dims().begin(), b.dims().end() - 2)) {
    shape_error(op, "a is {} and b is {}: leading axes differ", a, b);
  }
  dims.push_back(m);
  dims.push_back(n);
  if (op.has_input(2) && op.shape(2) != Shape({n})) {
    shape_error(op, "bias is {}; expected [{}]", op.shape(2), n);
  }
  Shape c(std::move(dims));
  if (op.has_input(3)) {
    if (op.shape(3) != c) shape_error(op, "residual is {}; expected {}", op.shape(3), c);
    if (op.attributes().text("epilogue", "").empty()) {
      shape_error(op, "a residual needs an epilogue that says what becomes of it");
    }
  }
  return {{std::move(c), DType::f32}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const MatmulSizes s = matmul_sizes(op);
  Array c(infer(op)[0].shape);
  const auto f = s.epilogue.empty() ? nullptr : compile_expression(s.epilogue);
  for (std::int64_t i = 0; i < s.batch; ++i) {
    const double* a = in[0].data.data() + i * s.m * s.k;
    const double* b = in[1].data.data() + (s.b_is_shared ? 0 : i * s.k * s.n);
    double* y = c.data.data() + i * s.m * s.n;
    for (std::int64_t row = 0; row < s.m; ++row) {
      for (std::int64_t l = 0; l < s.k; ++l) {
        const double x = s.transpose_a ? a[l * s.m + row] : a[row * s.k + l];
        for (std::int64_t col = 0; col < s.n; ++col) {
          y[row * s.n + col] += x * (s.transpose_b ? b[col * s.k + l] : b[l * s.n + col]);
        }
      }
      for (std::int64_t col = 0; col < s.n; ++col) {
        double& v = y[row * s.n + col];
        if (s.has_bias) v += in[2].data[static_cast<std::size_t>(col)];
        if (f) {
          const double residual =
              s.has_residual ? in[3].data[static_cast<std::size_t>((i * s.m + row) * s.n + col)]
                             : 0;
          v = f(std::array<double, 2>{v, residual});
        }
      }
    }
  }
  return {std::move(c)};
}

std::vector<ValueId> gradient(const GradientView& g) {
  if (!g.node.attributes.text("epilogue", "").empty()) {
    throw UnsupportedError("has no gradient", {"an epilogue is fused after differentiation"},
                           g.node.name);
  }
  const bool ta = g.node.attributes.integer("transpose_a", 0) != 0;
  const bool tb = g.node.attributes.integer("transpose_b", 0) != 0;
  const auto product = [&](ValueId a, bool transpose_left, ValueId b, bool transpose_right) {
    return g.b.apply("matmul", {a, b},
                     {{"transpose_a", std::int64_t{transpose_left}},
                      {"transpose_b", std::int64_t{transpose_right}}});
  };
  const ValueId dy = g.dy[0];
  std::vector<ValueId> dx(g.x.size(), kNoValue);
  if (g.wanted[0]) {
    dx[0] = ta ? product(g.x[1], tb, dy, true) : product(dy, false, g.x[1], !tb);
  }
  if (g.wanted[1]) {
    const Shape& a = g.b.shape(g.x[0]);
    if (a.rank() > g.b.shape(g.x[1]).rank()) {
      // One b for all leading axes of a: they are rows of one tall matrix.
      if (ta)
        throw UnsupportedError("has no gradient", {"transposed a with a shared b"}, g.node.name);
      const auto tall = [&](ValueId v) {
        return g.b.apply("reshape", {v}, {{"shape", Attributes::Ints{-1, g.b.shape(v).back()}}});
      };
      dx[1] = tb ? product(tall(dy), true, tall(g.x[0]), false)
                 : product(tall(g.x[0]), true, tall(dy), false);
    } else {
      dx[1] = tb ? product(dy, true, g.x[0], ta) : product(g.x[0], !ta, dy, false);
    }
  }
  if (g.x.size() > 2 && g.x[2] != kNoValue && g.wanted[2]) {
    dx[2] = sum_to(g.b, dy, g.b.shape(g.x[2]));
  }
  return dx;
}

Cost cost(const OpView& op) {
  const MatmulSizes s = matmul_sizes(op);
  return {.flop = 2.0 * double(s.batch) * double(s.m) * double(s.n) * double(s.k),
          .bytes = op.operand_bytes()};
}

}  // namespace

MatmulSizes matmul_sizes(const OpView& op) {
  const Shape& a = op.shape(0);
  const Shape& b = op.shape(1);
  MatmulSizes s;
  s.transpose_a = op.attributes().integer("transpose_a", 0) != 0;
  s.transpose_b = op.attributes().integer("transpose_b", 0) != 0;
  s.m = a[a.rank() - (s.transpose_a ? 1 : 2)];
  s.k = a[a.rank() - (s.transpose_a ? 2 : 1)];
  s.n = b[b.rank() - (s.transpose_b ? 2 : 1)];
  s.batch = a.elements(0, a.rank() - 2);
  s.b_is_shared = b.rank() == 2;
  if (s.b_is_shared && !s.transpose_a) {  // the leading axes are more rows
    s.m *= s.batch;
    s.batch = 1;
  }
  s.has_bias = op.has_input(2);
  s.has_residual = op.has_input(3);
  s.epilogue = op.attributes().text("epilogue", "");
  return s;
}

void describe_matmul(KernelCall& call, const MatmulSizes& s, std::initializer_list<int> widths) {
  call.define("TRANSPOSE_A", std::int64_t{s.transpose_a});
  call.define("TRANSPOSE_B", std::int64_t{s.transpose_b});
  call.define("HAS_BIAS", std::int64_t{s.has_bias});
  if (s.has_residual) call.define("HAS_RESIDUAL", 1);
  call.prelude = epilogue_prelude(s.epilogue, widths, s.has_residual ? 2 : 1);
}

void matmul_arguments(KernelCall& call, const MatmulSizes& s) {
  call.arg(in(0)).arg(in(1));
  if (s.has_bias) call.arg(in(2));
  if (s.has_residual) call.arg(in(3));
  call.arg(out()).arg(static_cast<std::int32_t>(s.m)).arg(static_cast<std::int32_t>(s.n));
  call.arg(static_cast<std::int32_t>(s.k));
  call.arg(static_cast<std::int32_t>(s.b_is_shared ? 0 : s.k * s.n));
}

std::vector<OpDef> matmul_ops() {
  return {{.name = "matmul",
           .infer = infer,
           .reference = reference,
           .gradient = gradient,
           .cost = cost,
           .variants = std::vector<Variant>{matmul_gemv(), matmul_split_k(), matmul_wide(),
                                            matmul_simt(), matmul_clblast(), matmul_direct()},
           .takes_epilogue = true}};
}

}  // namespace pinnacle
