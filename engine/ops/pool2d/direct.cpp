// pool2d, direct: one work-item per result; accepts every shape and device.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/epilogue.hpp"
#include "ops/pool2d/pool2d.hpp"

namespace pinnacle {
namespace {

struct Work {
  std::int64_t items = 0;
  std::int64_t iterations = 0;
};

Work forward_work(const PoolGeometry& g) { return {g.outputs(), g.kh * (1 + g.kw)}; }

// Each of the windows over an element may be searched.
Work backward_work(const PoolGeometry& g) {
  const std::int64_t rows = std::min((g.kh + g.stride_h - 1) / g.stride_h, g.ho);
  const std::int64_t columns = std::min((g.kw + g.stride_w - 1) / g.stride_w, g.wo);
  return {g.inputs(), rows * (1 + columns * (1 + g.kh * (1 + g.kw)))};
}

Variant make(PoolKind kind, PoolPass pass, Work (*work)(const PoolGeometry&), const char* file) {
  return {.name = "direct",
          .accepts = [=](const OpView& op, const Target& target) -> Decline {
            const PoolGeometry g = pass(op);
            if (g.block != 1) return "made for rows; here channels are in blocks";
            if (Decline reason = whole_windows(g)) return reason;
            return fits_loop_limit(target, work(g).iterations);
          },
          .lower =
              [=](const OpView& op, const Target& target, const Params&) {
                const PoolGeometry g = pass(op);
                const Work of_op = work(g);
                const std::size_t local = std::min<std::size_t>(64, target.max_work_group);
                const auto items = static_cast<std::size_t>(of_op.items);
                Lowering lowering;
                KernelCall& call = lowering.call(file);
                describe(call, g, kind);
                add_operands(call, op);
                call.range({(items + local - 1) / local * local, 1, 1}, {local, 1, 1});
                call.loops(of_op.iterations);
                return lowering;
              },
          .space = {}};
}

}  // namespace

Variant pool2d_direct(PoolKind kind) {
  return make(
      kind, [](const OpView& op) { return pool_geometry(op, op.shape(0), op.out_shape()); },
      forward_work, "pool2d/direct.cl");
}

Variant pool2d_backward_direct(PoolKind kind, PoolPass pass) {
  return make(kind, pass, backward_work, "pool2d/backward_direct.cl");
}

}  // namespace pinnacle
