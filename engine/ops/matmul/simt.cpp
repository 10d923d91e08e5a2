// matmul, simt: tiles in local memory and registers for devices with many work-items per group.
// SPDX-License-Identifier: Apache-2.0
#include "ops/epilogue.hpp"
#include "ops/matmul/matmul.hpp"

namespace pinnacle {
namespace {

struct Tiling {
  std::int64_t wg = 16, rt = 4, tk = 16;
  std::int64_t tile() const { return wg * rt; }
  std::size_t local_bytes() const {
    return static_cast<std::size_t>(2 * tk * (tile() + 1)) * sizeof(float);
  }
};

Tiling choose(const MatmulSizes& s, const Target& target) {
  Tiling t;
  // Small products: smaller tiles, so that more units have work.
  const std::int64_t tiles = ((s.m + 63) / 64) * ((s.n + 63) / 64) * s.batch;
  if (target.max_work_group < 256 || tiles < target.compute_units || s.n <= 32 || s.m <= 32)
    t.wg = 8;
  return t;
}

std::int64_t iterations(const MatmulSizes& s, const Tiling& t) {
  const std::int64_t slices = (s.k + t.tk - 1) / t.tk;
  return slices * (1 + t.tk * t.tile() / (t.wg * t.wg) + t.tk * (1 + t.rt * (t.rt + 2))) +
         2 * t.rt * t.rt;
}

}  // namespace

Variant matmul_simt() {
  return {.name = "simt",
          .accepts = [](const OpView& op, const Target& target) -> Decline {
            const MatmulSizes s = matmul_sizes(op);
            const Tiling t = choose(s, target);
            if (target.max_work_group < static_cast<std::size_t>(t.wg * t.wg)) {
              return fmt::format("needs work-groups of {}; this device allows {}", t.wg * t.wg,
                                 target.max_work_group);
            }
            if (target.local_memory < t.local_bytes()) {
              return fmt::format("needs {} bytes of local memory; this device has {}",
                                 t.local_bytes(), target.local_memory);
            }
            return fits_loop_limit(target, iterations(s, t));
          },
          .lower =
              [](const OpView& op, const Target& target, const Params&) {
                const MatmulSizes s = matmul_sizes(op);
                const Tiling t = choose(s, target);
                Lowering lowering;
                KernelCall& call = lowering.call("matmul/simt.cl");
                call.define("WG", t.wg).define("RT", t.rt).define("TK", t.tk);
                describe_matmul(call, s, {1});
                matmul_arguments(call, s);
                const auto side = static_cast<std::size_t>(t.wg);
                const auto tile = static_cast<std::size_t>(t.tile());
                call.range({(static_cast<std::size_t>(s.n) + tile - 1) / tile * side,
                            (static_cast<std::size_t>(s.m) + tile - 1) / tile * side,
                            static_cast<std::size_t>(s.batch)},
                           {side, side, 1});
                call.loops(iterations(s, t));
                return lowering;
              },
          .space = {}};
}

}  // namespace pinnacle
