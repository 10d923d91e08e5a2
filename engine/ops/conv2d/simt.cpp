// conv2d, simt: implicit GEMM in local memory for devices with many work-items per group.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/conv2d/conv2d.hpp"
#include "ops/epilogue.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

constexpr std::int64_t kPixels = 64;   // BN
constexpr std::int64_t kDepth = 16;    // BK
constexpr std::int64_t kTileRows = 4;  // TM

struct Block {
  std::int64_t rows = 64;  // BM
  std::int64_t items() const { return kPixels / 4 * rows / kTileRows; }
  std::size_t local_bytes() const {
    return static_cast<std::size_t>(kDepth * (rows + 4 + kPixels + 4)) * sizeof(float);
  }
  // Iterations for a sum over `depth` terms.
  std::int64_t iterations(std::int64_t depth) const {
    const std::int64_t copies =
        ceil_div(kDepth * rows, items()) + ceil_div(kDepth * kPixels, items());
    return ceil_div(depth, kDepth) * (1 + copies + kDepth * (1 + kTileRows)) + 10 * kTileRows;
  }
};

Block choose(const ConvGeometry& g, const Target& target, const Params& params) {
  Block block{tuned(params, "BM", g.co <= 16 ? 16 : g.co <= 32 ? 32 : 64)};
  while (block.rows > 16 && block.items() > static_cast<std::int64_t>(target.max_work_group)) {
    block.rows /= 2;
  }
  return block;
}

Decline accepts(const ConvGeometry& g, const Target& target, const Block& block) {
  if (Decline reason = rows_only(g)) return reason;
  if (g.groups > 1 && g.co < kTileRows) {
    return fmt::format("only {} output channel{} per group: most of a tile would be empty", g.co,
                       g.co == 1 ? "" : "s");
  }
  if (block.items() > static_cast<std::int64_t>(target.max_work_group)) {
    return fmt::format("needs {} work-items per group; this device allows {}", block.items(),
                       target.max_work_group);
  }
  if (block.local_bytes() > target.local_memory) {
    return fmt::format("needs {} bytes of local memory; this device has {}", block.local_bytes(),
                       target.local_memory);
  }
  return std::nullopt;
}

void describe_block(KernelCall& call, const Block& block) {
  call.define("BM", block.rows).define("BN", kPixels).define("BK", kDepth).define("TM", kTileRows);
}

void set_range(KernelCall& call, const Block& block, std::int64_t columns, std::int64_t rows,
               std::int64_t layers) {
  const auto x = static_cast<std::size_t>(kPixels / 4);
  const auto y = static_cast<std::size_t>(block.rows / kTileRows);
  call.range(
      {static_cast<std::size_t>(ceil_div(columns, kPixels)) * x,
       static_cast<std::size_t>(ceil_div(rows, block.rows)) * y, static_cast<std::size_t>(layers)},
      {x, y, 1});
}

struct Split {
  std::int64_t chunk = 0;  // pixels of a work-group
  std::int64_t parts = 1;
};

// The pixels of all images are dealt out until every unit has a few work-groups.
Split split(const ConvGeometry& g, const Target& target, const Block& block) {
  constexpr std::int64_t kLongest = 4096;
  const std::int64_t pixels = g.n * g.ho * g.wo;
  const std::int64_t groups =
      ceil_div(g.ci * g.taps(), kPixels) * ceil_div(g.co, block.rows) * g.groups;
  const std::int64_t wanted = std::max<std::int64_t>(8 * target.compute_units, 16);
  const std::int64_t parts =
      std::clamp<std::int64_t>(wanted / groups, 1, ceil_div(pixels, 4 * kDepth));
  Split s;
  s.chunk = std::min(ceil_div(ceil_div(pixels, parts), kDepth) * kDepth, kLongest);
  s.parts = ceil_div(pixels, s.chunk);
  return s;
}

}  // namespace

Variant conv2d_simt(Pass pass) {
  return {.name = "simt",
          .accepts = [pass](const OpView& op, const Target& target) -> Decline {
            const ConvGeometry g = pass(op);
            const Block block = choose(g, target, {});
            if (Decline reason = accepts(g, target, block)) return reason;
            return fits_loop_limit(target, block.iterations(g.ci * g.taps()));
          },
          .lower =
              [pass](const OpView& op, const Target& target, const Params& params) {
                const ConvGeometry g = pass(op);
                const Block block = choose(g, target, params);
                Lowering lowering;
                KernelCall& call = lowering.call("conv2d/simt.cl");
                describe_block(call, block);
                describe(call, g);
                finish_forward(call, op, 4, {1});
                set_range(call, block, g.n * g.ho * g.wo, g.co, g.groups);
                call.loops(block.iterations(g.ci * g.taps()));
                return lowering;
              },
          .space = {{"BM", {0, 16, 32, 64}}}};
}

Variant conv2d_filter_simt() {
  return {.name = "simt",
          .accepts = [](const OpView& op, const Target& target) -> Decline {
            const ConvGeometry g = filter_pass(op);
            const Block block = choose(g, target, {});
            if (Decline reason = accepts(g, target, block)) return reason;
            const Split s = split(g, target, block);
            if (s.parts * g.weights() > INT32_MAX) return "the partial sums exceed 2^31 elements";
            return fits_loop_limit(target, std::max(block.iterations(s.chunk), s.parts));
          },
          .lower =
              [](const OpView& op, const Target& target, const Params& params) {
                const ConvGeometry g = filter_pass(op);
                const Block block = choose(g, target, params);
                const Split s = split(g, target, block);
                Lowering lowering;
                const BufferRef partial = add_partials(lowering, g, s.parts);
                KernelCall& call = lowering.call("conv2d/filter_simt.cl");
                describe_block(call, block);
                call.define("CHUNK", s.chunk);
                describe(call, g);
                call.arg(in(0)).arg(in(1)).arg(partial);
                set_range(call, block, g.ci * g.taps(), g.co, g.groups * s.parts);
                call.loops(block.iterations(s.chunk));
                sum_partials(lowering, g, partial, s.parts, target);
                return lowering;
              },
          .space = {{"BM", {0, 16, 32, 64}}}};
}

}  // namespace pinnacle
