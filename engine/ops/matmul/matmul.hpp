// What the variants of matmul share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/op.hpp>

#include <string>

namespace pinnacle {

/// c[i] = epilogue(op(a[i]) op(b[i or 0]) + bias, residual[i]), i < batch; op transposes the last two
/// axes on request.
struct MatmulSizes {
  std::int64_t m = 0, n = 0, k = 0, batch = 1;
  bool transpose_a = false, transpose_b = false;
  bool b_is_shared = false;  ///< one b for all of the batch
  bool has_bias = false;
  bool has_residual = false;
  std::string epilogue;
};
MatmulSizes matmul_sizes(const OpView& op);
/// Defines and prelude that every kernel variant takes.
void describe_matmul(KernelCall& call, const MatmulSizes& s, std::initializer_list<int> widths);
/// Arguments a, b, [bias], [residual], c, M, N, K in the kernels' order.
void matmul_arguments(KernelCall& call, const MatmulSizes& s);

/// Products of other ops, on devices of the wide family: c[i] = a[i] b[i], i < s.batch, in one call.
/// b is in panels of packed_columns() columns each, [batch, panels, K, columns].
std::int64_t packed_columns(const MatmulSizes& s, const Target& target);
Decline accepts_packed(const MatmulSizes& s, const Target& target);
void add_packed_product(Lowering& lowering, const MatmulSizes& s, const Target& target, BufferRef a,
                        BufferRef b, BufferRef c);

Variant matmul_gemv();
Variant matmul_split_k();
Variant matmul_wide();
Variant matmul_simt();
Variant matmul_clblast();
Variant matmul_direct();

}  // namespace pinnacle
