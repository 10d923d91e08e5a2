// matmul, gemv: up to four rows of a, or one column of b, on devices that run one work-item per
// group. Bound by reading the large operand once.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/epilogue.hpp"
#include "ops/launch.hpp"
#include "ops/matmul/matmul.hpp"

namespace pinnacle {
namespace {

// The product as rows times matrix. With one column it is its own transpose: b's column is the row.
struct Product {
  std::int64_t rows = 1, n = 1, k = 1;
  bool transpose = false;
  bool swapped = false;
};

Product product(const MatmulSizes& s) {
  if (s.m > 4 && s.n == 1) return {1, s.m, s.k, !s.transpose_a, true};
  return {s.m, s.n, s.k, s.transpose_b, false};
}

struct Cut {
  std::int64_t cv = 1, nb = 1;
};

Cut choose(const Product& p, std::int64_t batch, const Target& target, const Params& params) {
  const auto found = params.find("CV");
  const std::int64_t vw = target.vector_width;
  const std::int64_t wanted = 4 * std::max(target.compute_units, 1);
  // Registers: 32 go with 16 lanes, 16 with fewer; some are needed for the operands.
  const std::int64_t most = std::max<std::int64_t>((vw >= 16 ? 24 : 10) / p.rows, 1);
  Cut c;
  if (found != params.end() && found->second > 0) {
    c.cv = std::min(found->second, most);
  } else if (p.transpose) {
    c.cv = std::min<std::int64_t>(4, most);
  } else {
    c.cv = std::min<std::int64_t>(16, most);
    while (c.cv > 2 && ceil_div(p.n, c.cv * vw) * batch < wanted) c.cv /= 2;
  }
  c.nb = p.transpose ? ceil_div(ceil_div(p.n * batch, wanted), c.cv) * c.cv : c.cv * vw;
  return c;
}

std::int64_t iterations(const Product& p, const Cut& c, std::int64_t vw) {
  if (!p.transpose)
    return p.k + (c.cv * vw / std::max<std::int64_t>(p.n, 1) + 2) * c.cv * vw + 64 * vw;
  return ceil_div(c.nb, c.cv) * (ceil_div(p.k, vw) + (p.rows + c.cv) * vw);
}

}  // namespace

Variant matmul_gemv() {
  return {.name = "gemv",
          .accepts = [](const OpView& op, const Target& target) -> Decline {
            if (target.family != Family::wide) {
              return "made for devices that run one work-item per group well";
            }
            const MatmulSizes s = matmul_sizes(op);
            if (s.m > 4 && s.n != 1) return "more than 4 rows and more than one column";
            if (s.m > 1 && s.m <= 4 && s.transpose_a) return "the rows of a are not contiguous";
            if (s.m * s.n * s.batch == 0) return "an extent is zero";
            if (s.m * s.k > INT32_MAX || s.n * s.k > INT32_MAX) {
              return "a matrix has more than 2^31 elements";
            }
            const Product p = product(s);
            return fits_loop_limit(
                target, iterations(p, choose(p, s.batch, target, {}), target.vector_width));
          },
          .lower =
              [](const OpView& op, const Target& target, const Params& params) {
                const MatmulSizes s = matmul_sizes(op);
                const Product p = product(s);
                const Cut c = choose(p, s.batch, target, params);
                Lowering lowering;
                KernelCall& call = lowering.call("matmul/gemv.cl");
                call.define("VW", target.vector_width).define("ROWS", p.rows).define("CV", c.cv);
                call.define("TRANSPOSE_B", std::int64_t{p.transpose});
                call.define("BIAS_STEP", std::int64_t{!p.swapped});
                call.define("HAS_BIAS", std::int64_t{s.has_bias});
                if (s.has_residual) call.define("HAS_RESIDUAL", 1);
                call.prelude =
                    epilogue_prelude(s.epilogue, {1, target.vector_width}, s.has_residual ? 2 : 1);
                const std::int32_t a_stride = to_int(s.m * s.k);
                const std::int32_t b_stride = to_int(s.b_is_shared ? 0 : s.k * s.n);
                call.arg(in(p.swapped ? 1 : 0)).arg(in(p.swapped ? 0 : 1));
                if (s.has_bias) call.arg(in(2));
                if (s.has_residual) call.arg(in(3));
                call.arg(out()).arg(to_int(p.n)).arg(to_int(p.k));
                call.arg(p.swapped ? b_stride : a_stride).arg(p.swapped ? a_stride : b_stride);
                call.arg(to_int(c.nb));
                call.range({static_cast<std::size_t>(ceil_div(p.n, c.nb)), 1,
                            static_cast<std::size_t>(s.batch)},
                           {1, 1, 1});
                call.loops(iterations(p, c, target.vector_width));
                return lowering;
              },
          .space = {{"CV", {0, 1, 2, 4, 8, 12, 16}}}};
}

}  // namespace pinnacle
