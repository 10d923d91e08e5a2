// conv2d, flat: 1 x 1 convolutions on rows, for devices that run one work-item per group. Here the
// block sizes are chosen; conv2d/flat.cl says what they mean.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/conv2d/conv2d.hpp"
#include "ops/epilogue.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

struct Blocking {
  std::int64_t vw, mr, nv, fb, pb;
  bool weights_stay;

  std::int64_t groups(const ConvGeometry& g) const {
    return ceil_div(g.ho * g.wo, pb) * g.groups * ceil_div(g.co, fb) * g.n;
  }
  std::int64_t iterations(const ConvGeometry& g) const {
    const std::int64_t tile = 2 * (1 + mr * (1 + nv)) + g.ci * tile_step_loops(mr, nv);
    const std::int64_t tiles = ceil_div(fb, mr) * (pb / (nv * vw) + nv + 1);
    return ceil_div(fb, mr) + pb / vw + 2 + tiles * (1 + tile);
  }
};

// Blocks of about this many pixels; the last one is not much smaller, and no block below a vector.
std::int64_t even_blocks(std::int64_t pixels, std::int64_t most, std::int64_t step) {
  const std::int64_t each = ceil_div(pixels, ceil_div(pixels, most));
  const std::int64_t block = ceil_div(each, step) * step;
  const std::int64_t rest = pixels % block;
  return rest > 0 && rest < step ? pixels : std::min(block, pixels);
}

Blocking choose(const ConvGeometry& g, const Target& target, const Params& params) {
  constexpr std::int64_t kPixels = 1024;
  constexpr std::int64_t kNearest = 7 << 10;  // floats in the cache nearest to a core
  const std::int64_t registers = target.vector_width >= 16 ? 31 : 15;
  const std::int64_t pixels = g.ho * g.wo;
  Blocking b{};
  b.vw = target.vector_width;
  // Twice as many sums as a multiply takes cycles are enough; more rows read pixels less often.
  const std::int64_t most_rows = b.vw >= 16 ? 12 : 6;
  b.mr = ceil_div(g.co, ceil_div(g.co, most_rows));
  b.mr = std::min(tuned(params, "MR", b.mr), g.co);
  b.nv = std::clamp<std::int64_t>((registers - 1) / (b.mr + 1), 1, 6);
  b.nv = tuned(params, "NV", std::min(b.nv, std::max<std::int64_t>(pixels / b.vw, 1)));
  b.pb = even_blocks(pixels, kPixels, b.nv * b.vw);
  b.fb = g.co;
  const std::int64_t wanted = std::max<std::int64_t>(4 * target.compute_units, 8);
  while (b.groups(g) < wanted) {
    if (b.fb >= 4 * b.mr) {
      b.fb = ceil_div(ceil_div(b.fb, 2), b.mr) * b.mr;
    } else if (b.pb >= 8 * b.nv * b.vw) {
      const std::int64_t half = even_blocks(pixels, ceil_div(b.pb, 2), b.nv * b.vw);
      if (half >= b.pb) break;
      b.pb = half;
    } else {
      break;
    }
  }
  // Whichever of the two is read again and again should be near.
  const std::int64_t weights = b.fb * g.ci + b.nv * b.vw * g.ci;
  const std::int64_t inputs = b.pb * g.ci + b.mr * g.ci;
  b.weights_stay = weights <= kNearest || weights <= inputs;
  return b;
}

bool is_flat(const ConvGeometry& g) {
  return g.taps() == 1 && g.stride_h == 1 && g.stride_w == 1 && g.spread_h == 1 &&
         g.spread_w == 1 && g.pad_top == 0 && g.pad_left == 0 && g.hi == g.ho && g.wi == g.wo;
}

}  // namespace

Variant conv2d_flat(Pass pass) {
  return {.name = "flat",
          .accepts = [pass](const OpView& op, const Target& target) -> Decline {
            const ConvGeometry g = pass(op);
            if (target.family != Family::wide) {
              return "made for wide devices: one work-item per group with explicit vectors";
            }
            if (!is_flat(g)) return "made for 1 x 1 taps without stride or padding";
            if (g.ho * g.wo < target.vector_width) {
              return fmt::format("{} pixels do not fill a vector of {}", g.ho * g.wo,
                                 target.vector_width);
            }
            if (Decline reason = rows_only(g)) return reason;
            return fits_loop_limit(target, choose(g, target, {}).iterations(g));
          },
          .lower =
              [pass](const OpView& op, const Target& target, const Params& params) {
                const ConvGeometry g = pass(op);
                const Blocking b = choose(g, target, params);
                Lowering lowering;
                KernelCall& call = lowering.call("conv2d/flat.cl");
                call.define("VW", b.vw).define("MR", b.mr).define("NV", b.nv);
                call.define("FB", b.fb).define("PB", b.pb);
                call.define("WEIGHTS_STAY", b.weights_stay ? 1 : 0);
                describe(call, g);
                finish_forward(call, op, static_cast<int>(b.vw));
                call.range({to_size(ceil_div(g.ho * g.wo, b.pb)),
                            to_size(g.groups * ceil_div(g.co, b.fb)), to_size(g.n)},
                           {1, 1, 1});
                call.loops(b.iterations(g));
                return lowering;
              },
          .space = {{"MR", {0, 4, 6, 8, 12}}, {"NV", {0, 1, 2, 3, 4}}}};
}

}  // namespace pinnacle
