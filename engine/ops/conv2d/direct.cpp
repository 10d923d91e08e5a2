// conv2d, direct: one work-item per result; accepts every shape.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/conv2d/conv2d.hpp"
#include "ops/epilogue.hpp"

namespace pinnacle {
namespace {

std::size_t local_size(const Target& target) {
  return std::min<std::size_t>(64, target.max_work_group);
}
std::size_t round_up(std::int64_t count, std::size_t step) {
  return (static_cast<std::size_t>(count) + step - 1) / step * step;
}

std::int64_t iterations(const ConvGeometry& g) { return g.ci * (1 + g.kh * (1 + g.kw)); }

struct Split {
  std::int64_t rows = 1;  // of a work-item
  std::int64_t parts = 1;
  std::int64_t iterations = 0;
};

// Rows of the output, over all images, are dealt out until there is work for every lane and no
// work-item loops for long.
Split split(const ConvGeometry& g) {
  constexpr std::int64_t kItems = 1 << 14;
  constexpr std::int64_t kLongest = 1 << 14;
  const std::int64_t rows = g.n * g.ho;
  const std::int64_t parts = std::clamp<std::int64_t>(kItems / g.weights(), 1, 64);
  Split s;
  s.rows = std::max<std::int64_t>(std::min((rows + parts - 1) / parts, kLongest / (g.wo + 1)), 1);
  s.parts = (rows + s.rows - 1) / s.rows;
  s.iterations = s.rows * (g.wo + 1);
  return s;
}

}  // namespace

Variant conv2d_direct(Pass pass) {
  return {.name = "direct",
          .accepts = [pass](const OpView& op, const Target& target) -> Decline {
            const ConvGeometry g = pass(op);
            if (Decline reason = rows_only(g)) return reason;
            return fits_loop_limit(target, iterations(g));
          },
          .lower =
              [pass](const OpView& op, const Target& target, const Params&) {
                const ConvGeometry g = pass(op);
                const std::size_t local = local_size(target);
                Lowering lowering;
                KernelCall& call = lowering.call("conv2d/direct.cl");
                describe(call, g);
                finish_forward(call, op, 1);
                call.range({round_up(g.outputs(), local), 1, 1}, {local, 1, 1});
                call.loops(iterations(g));
                return lowering;
              },
          .space = {}};
}

Variant conv2d_filter_direct() {
  return {.name = "direct",
          .accepts = [](const OpView& op, const Target& target) -> Decline {
            const ConvGeometry g = filter_pass(op);
            if (Decline reason = rows_only(g)) return reason;
            const Split s = split(g);
            if (s.parts * g.weights() > INT32_MAX) return "the partial sums exceed 2^31 elements";
            return fits_loop_limit(target, std::max(s.iterations, s.parts));
          },
          .lower =
              [](const OpView& op, const Target& target, const Params&) {
                const ConvGeometry g = filter_pass(op);
                const Split s = split(g);
                const std::size_t local = local_size(target);
                Lowering lowering;
                const BufferRef partial = add_partials(lowering, g, s.parts);
                KernelCall& call = lowering.call("conv2d/filter_direct.cl");
                describe(call, g);
                call.define("ROWS", s.rows).arg(in(0)).arg(in(1)).arg(partial);
                call.range({round_up(g.weights(), local), static_cast<std::size_t>(s.parts), 1},
                           {local, 1, 1});
                call.loops(s.iterations);
                sum_partials(lowering, g, partial, s.parts, target);
                return lowering;
              },
          .space = {}};
}

}  // namespace pinnacle
