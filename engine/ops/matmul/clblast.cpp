// matmul, clblast: the CLBlast library's GEMM, then bias and epilogue as one pointwise kernel.
// SPDX-License-Identifier: Apache-2.0
#include "ops/matmul/matmul.hpp"
#include "ops/pointwise/expression.hpp"
#include "ops/pointwise/lowering.hpp"

namespace pinnacle {

Variant matmul_clblast() {
  return {.name = "clblast",
          .accepts = [](const OpView& op, const Target& target) -> Decline {
            if (!target.has_clblast) return "the CLBlast library is not installed";
            const MatmulSizes s = matmul_sizes(op);
            if (s.m * s.n * s.k == 0) return "an extent is zero";
            return std::nullopt;
          },
          .lower =
              [](const OpView& op, const Target& target, const Params&) {
                const MatmulSizes s = matmul_sizes(op);
                Lowering lowering;
                lowering.calls.emplace_back(ClblastGemmCall{.m = s.m,
                                                            .n = s.n,
                                                            .k = s.k,
                                                            .batch = s.batch,
                                                            .transpose_a = s.transpose_a,
                                                            .transpose_b = s.transpose_b,
                                                            .b_is_shared = s.b_is_shared,
                                                            .a = in(0),
                                                            .b = in(1),
                                                            .c = out()});
                if (s.has_bias || !s.epilogue.empty()) {  // a residual comes with an epilogue
                  std::vector<PointwiseOperand> operands = {{out(), op.out_shape()}};
                  std::string expression = "x0";
                  if (s.has_bias) {
                    operands.push_back({in(2), op.shape(2)});
                    expression = "add(x0, x1)";
                  }
                  if (!s.epilogue.empty()) {
                    std::vector<Expression> inner = {parse_expression(expression)};
                    if (s.has_residual) {
                      inner.push_back(parse_expression(fmt::format("x{}", operands.size())));
                      operands.push_back({in(3), op.shape(3)});
                    }
                    expression = to_text(substitute(parse_expression(s.epilogue), inner));
                  }
                  lowering.calls.emplace_back(pointwise_call(
                      expression, operands, out(), op.out_shape(), target.family, target));
                }
                return lowering;
              },
          .space = {}};
}

}  // namespace pinnacle
