// matmul, direct: one work-item per element; the fallback that accepts everything.
// SPDX-License-Identifier: Apache-2.0
#include "ops/epilogue.hpp"
#include "ops/matmul/matmul.hpp"

namespace pinnacle {

Variant matmul_direct() {
  return {.name = "direct",
          .accepts = [](const OpView& op, const Target& target) -> Decline {
            return fits_loop_limit(target, matmul_sizes(op).k);
          },
          .lower =
              [](const OpView& op, const Target& target, const Params&) {
                const MatmulSizes s = matmul_sizes(op);
                Lowering lowering;
                KernelCall& call = lowering.call("matmul/direct.cl");
                describe_matmul(call, s, {1});
                matmul_arguments(call, s);
                std::size_t local = 1;
                while (local < 64 && local * 2 <= target.max_work_group &&
                       local < static_cast<std::size_t>(s.n)) {
                  local *= 2;
                }
                call.range({(static_cast<std::size_t>(s.n) + local - 1) / local * local,
                            static_cast<std::size_t>(s.m), static_cast<std::size_t>(s.batch)},
                           {local, 1, 1});
                call.loops(s.k);
                return lowering;
              },
          .space = {}};
}

}  // namespace pinnacle
