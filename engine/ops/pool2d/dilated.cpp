// pool2d, dilated: one work-item per result, for windows with gaps.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/epilogue.hpp"
#include "ops/launch.hpp"
#include "ops/pool2d/pool2d.hpp"

namespace pinnacle {
namespace {

PoolGeometry forward_pass(const OpView& op) {
  return pool_geometry(op, op.shape(0), op.out_shape());
}

std::int64_t iterations(const PoolGeometry& g) { return g.kh * (1 + g.kw); }

}  // namespace

Variant pool2d_dilated(PoolKind kind) {
  return {.name = "dilated",
          .accepts = [](const OpView& op, const Target& target) -> Decline {
            const PoolGeometry g = forward_pass(op);
            if (!g.has_gaps()) return "made for windows with gaps";
            if (g.counts_padding()) return "does not count padding";
            if (g.block != 1) return "made for rows; here channels are in blocks";
            if (Decline reason = fits_32_bits(g)) return reason;
            return fits_loop_limit(target, iterations(g));
          },
          .lower =
              [kind](const OpView& op, const Target& target, const Params&) {
                const PoolGeometry g = forward_pass(op);
                const auto local = static_cast<std::size_t>(work_group(target, 64));
                const auto items = static_cast<std::size_t>(g.outputs());
                Lowering lowering;
                KernelCall& call = lowering.call("pool2d/dilated.cl");
                describe(call, g, kind);
                call.define("DH", g.dilation_h).define("DW", g.dilation_w);
                add_operands(call, op);
                call.range({(items + local - 1) / local * local, 1, 1}, {local, 1, 1});
                call.loops(iterations(g));
                return lowering;
              },
          .space = {}};
}

}  // namespace pinnacle
