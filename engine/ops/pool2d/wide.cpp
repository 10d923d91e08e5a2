// pool2d, wide: whole planes per group, for devices that run one work-item per group.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/epilogue.hpp"
#include "ops/pool2d/pool2d.hpp"

namespace pinnacle {
namespace {

// Planes of a group: enough groups to share evenly, not so many that starting them costs.
std::int64_t planes_of_group(const PoolGeometry& g, const Target& target) {
  const std::int64_t groups = std::max<std::int64_t>(16 * target.compute_units, 32);
  return (g.planes + groups - 1) / groups;
}

std::int64_t iterations(const PoolGeometry& g, const Target& target) {
  return planes_of_group(g, target) *
         (1 + g.hi * g.wi + g.ho * (1 + g.wo * (2 + g.kh * (1 + g.kw))));
}

// Windows of a vector, so that a row of them is at least one.
std::int64_t windows_at_once(const PoolGeometry& g, const Target& target) {
  std::int64_t windows = target.vector_width;
  while (windows > g.wo) windows /= 2;
  return windows < 4 ? 1 : windows;
}

Variant make(PoolKind kind, PoolPass pass, const char* file, bool backward) {
  return {.name = "wide",
          .accepts = [pass](const OpView& op, const Target& target) -> Decline {
            if (target.family != Family::wide) {
              return "made for wide devices: one work-item per group with explicit vectors";
            }
            const PoolGeometry g = pass(op);
            if (g.block != 1) return "made for rows; here channels are in blocks";
            if (Decline reason = whole_windows(g)) return reason;
            return fits_loop_limit(target, iterations(g, target));
          },
          .lower =
              [=](const OpView& op, const Target& target, const Params&) {
                const PoolGeometry g = pass(op);
                const std::int64_t planes = planes_of_group(g, target);
                Lowering lowering;
                KernelCall& call = lowering.call(file);
                call.define("PG", planes);
                if (backward) call.define("VW", windows_at_once(g, target));
                describe(call, g, kind);
                add_operands(call, op);
                call.range({static_cast<std::size_t>((g.planes + planes - 1) / planes), 1, 1},
                           {1, 1, 1});
                call.loops(iterations(g, target));
                return lowering;
              },
          .space = {}};
}

}  // namespace

Variant pool2d_wide(PoolKind kind) {
  return make(
      kind, [](const OpView& op) { return pool_geometry(op, op.shape(0), op.out_shape()); },
      "pool2d/wide.cl", false);
}

Variant pool2d_backward_wide(PoolKind kind, PoolPass pass) {
  return make(kind, pass, "pool2d/backward_wide.cl", true);
}

}  // namespace pinnacle
