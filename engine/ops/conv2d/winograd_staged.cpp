// conv2d, winograd_staged: F(4 x 4, 3 x 3) in three calls: transform, one matrix product for each
// element of the tile, transform back. For many channels, whose transformed weights outgrow the caches:
// the product reads them once for many tiles, where the fused form reads them again for each group.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/conv2d/blocked.hpp"
#include "ops/epilogue.hpp"
#include "ops/launch.hpp"
#include "ops/matmul/matmul.hpp"

namespace pinnacle {
namespace {

constexpr std::int64_t kTile = 4;
constexpr std::int64_t kElements = (kTile + 2) * (kTile + 2);

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

struct Tiles {
  std::int64_t h, w, count, each, groups;
};

Tiles tiles_of(const ConvGeometry& g, const Target& target) {
  Tiles t{};
  t.h = ceil_div(g.ho, kTile), t.w = ceil_div(g.wo, kTile);
  t.count = g.n * t.h * t.w;
  t.each = std::max<std::int64_t>(1, t.count / (8 * std::max(target.compute_units, 1)));
  t.groups = ceil_div(t.count, t.each);
  return t;
}

MatmulSizes product(const ConvGeometry& g, const Tiles& t) {
  MatmulSizes s;
  s.m = t.count, s.n = g.co, s.k = g.ci, s.batch = kElements;
  return s;
}

std::int64_t transform_iterations(const Tiles& t, std::int64_t blocks) {
  return t.each * (1 + blocks * (2 + 4 * kElements));
}

Decline accepts(const ConvGeometry& g, const Target& target) {
  if (Decline reason = winograd_only(g, target)) return reason;
  if (g.ci % g.y_block != 0 || g.co % g.y_block != 0) {
    return fmt::format("{} and {} channels do not fill blocks of {}", g.ci, g.co, g.y_block);
  }
  const Tiles t = tiles_of(g, target);
  const std::int64_t columns = packed_columns(product(g, t), target);
  const std::int64_t most =
      std::max({t.count * g.ci, t.count * g.co, g.ci * ceil_div(g.co, columns) * columns});
  if (kElements * most > INT32_MAX) return "transformed tensors of 2^31 elements or more";
  if (Decline reason = accepts_packed(product(g, t), target)) return reason;
  return fits_loop_limit(target, transform_iterations(t, std::max(g.ci, g.co) / g.y_block));
}

// In the units of winograd_cycles().
double cycles(const OpView& op, const ConvGeometry& g, const Target& target) {
  const Tiles t = tiles_of(g, target);
  const auto d = [](std::int64_t v) { return static_cast<double>(v); };
  const double vectors = d(g.y_block);
  const double elements = d(kElements * t.count);
  const double products = 1.15 * elements * d(g.ci) * d(g.co) / vectors;
  const double transforms = elements * (7 * d(g.ci) + 6 * d(g.co)) / vectors;
  // Both transformed tensors are written and read; the weights are read once for each block of rows.
  const double bytes = 4 * elements * d(g.ci + g.co);
  const double moves = 2 * bytes / (bytes < 24e6 ? 12 : 6);
  const double weights = 4.0 * d(kElements * g.ci * g.co) / 5;
  return (std::max(products, weights) + 0.3 * std::min(products, weights) + transforms + moves) /
             std::max(target.compute_units, 1) +
         pack_winograd_cycles(op, kElements * g.ci * g.co, target);
}

}  // namespace

Variant conv2d_winograd_staged(Pass pass) {
  return {.name = "winograd_staged",
          .accepts = [pass](const OpView& op, const Target& target) -> Decline {
            return accepts(pass(op), target);
          },
          .lower =
              [pass](const OpView& op, const Target& target, const Params&) {
                const ConvGeometry g = pass(op);
                const Tiles t = tiles_of(g, target);
                const MatmulSizes s = product(g, t);
                Lowering lowering;
                const BufferRef packed = pack_winograd(
                    lowering, op, g,
                    {.tile = kTile, .columns = packed_columns(s, target), .by_element = true});
                const auto floats = [](std::int64_t count) {
                  return to_size(count) * sizeof(float);
                };
                const BufferRef v = lowering.add_scratch(floats(kElements * t.count * g.ci));
                const BufferRef m = lowering.add_scratch(floats(kElements * t.count * g.co));
                const std::int64_t cb = g.ci / g.y_block;
                const std::int64_t fv = g.co / g.y_block;
                KernelCall& before = lowering.call("conv2d/winograd_in.cl");
                before.define("VW", g.y_block).define("TILE", kTile).arg(in(0)).arg(v);
                for (const std::int64_t value :
                     {g.n, cb, g.hi, g.wi, t.h, t.w, g.pad_top, g.pad_left, t.each}) {
                  before.arg(to_int(value));
                }
                before.range({to_size(t.groups), 1, 1}, {1, 1, 1});
                before.loops(transform_iterations(t, cb));
                add_packed_product(lowering, s, target, v, packed, m);
                KernelCall& after = lowering.call("conv2d/winograd_out.cl");
                after.define("VW", g.y_block).define("TILE", kTile).arg(m);
                if (!g.flipped) add_epilogue(after, op, static_cast<int>(g.y_block));
                after.arg(out());
                for (const std::int64_t value : {g.n, fv, g.ho, g.wo, t.each}) {
                  after.arg(to_int(value));
                }
                after.range({to_size(t.groups), 1, 1}, {1, 1, 1});
                after.loops(transform_iterations(t, fv));
                return lowering;
              },
          .space = {},
          .avoid = [pass](const OpView& op, const Target& target) -> Decline {
            const ConvGeometry g = pass(op);
            if (cycles(op, g, target) > winograd_cycles(op, g, target)) {
              return "one kernel is likely to be faster: its weights stay in the caches";
            }
            return std::nullopt;
          }};
}

}  // namespace pinnacle
