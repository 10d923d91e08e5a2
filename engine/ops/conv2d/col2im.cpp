// conv2d_backward_data, col2im: a product with the weights as they are, then its columns are added into
// the image, for devices that run one work-item per group. Here the block sizes are chosen by a model
// of a core; conv2d/col2im.cl says what they mean.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/conv2d/blocked.hpp"
#include "ops/epilogue.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

constexpr std::int64_t kRunFloats = 64 << 10;  // pixels that stay near for all of the panel

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

struct Blocking {
  std::int64_t vw = 16, mr = 1, nv = 1, bc = 1, ib = 1, pb = 1, run = 1;
  bool slab = false;      ///< of the pixels of a run
  double cycles = 1e300;  // of the busiest unit, one multiply of a vector each

  static std::int64_t pixels(const ConvGeometry& g) { return g.hi * g.wi; }
  std::int64_t nt(const ConvGeometry& g) const { return bc * g.taps(); }
  std::int64_t cb(const ConvGeometry& g) const { return g.co / vw; }
  std::int64_t panel_floats(const ConvGeometry& g) const { return g.ci * nt(g) * vw; }
  std::int64_t sum_floats(const ConvGeometry& g) const {
    return g.taps() > 1 ? pixels(g) * nt(g) * vw : 0;
  }
  std::int64_t slab_floats(const ConvGeometry& g) const {
    return slab ? ceil_div(g.ci, vw) * run * vw : 0;
  }
  std::int64_t floats(const ConvGeometry& g) const {
    return panel_floats(g) + slab_floats(g) + sum_floats(g);
  }
  std::int64_t groups(const ConvGeometry& g) const {
    return cb(g) / bc * ceil_div(pixels(g), pb) * ceil_div(g.n, ib);
  }
  std::int64_t iterations(const ConvGeometry& g) const {
    const std::int64_t blocks = ceil_div(g.ci, vw);
    const std::int64_t runs = ceil_div(pb, run);
    const std::int64_t tile = 3 * mr * nv + blocks + g.ci * tile_step_loops(mr, nv);
    const std::int64_t shuffles = 5 * (2 + 2 * g.taps());
    const std::int64_t columns =
        g.taps() > 1 ? pixels(g) * (shuffles + 2 * g.taps()) + g.taps() * (2 + g.hi) : 0;
    const std::int64_t image = bc * (g.ho * g.wo + columns) +
                               nt(g) / nv * (runs + ceil_div(pb, mr) + runs) * (1 + tile) + runs;
    return g.ci * (1 + 2 * nt(g)) + ib * (1 + image + runs * slab_floats(g));
  }
};

// Pixels of dy are those of dx.
bool is_same(const ConvGeometry& g) {
  return g.taps() == 1 && g.spread_h == 1 && g.spread_w == 1 && g.pad_top == 0 && g.pad_left == 0 &&
         g.hi == g.ho && g.wi == g.wo;
}

// All numbers are rough, only their order matters.
double model(const Blocking& p, const ConvGeometry& g, const Target& target) {
  const auto d = [](std::int64_t v) { return static_cast<double>(v); };
  const double step = static_cast<double>(std::max({p.mr * p.nv, p.mr + p.nv, std::int64_t{8}})) +
                      1.5 + 0.1 * d(p.mr + p.nv);
  const double products = d(ceil_div(p.pb, p.mr) * (p.nt(g) / p.nv)) * (d(g.ci) * step + 20);
  const double columns = g.taps() > 1 ? 14.0 * d(p.pb * p.nt(g)) : 0.0;
  const double zeros = is_same(g) ? 0.0 : 2.0 * d(p.bc * g.ho * g.wo);
  const double panel = 12.0 * d(g.ci * p.nt(g));
  // Pixels are read from the nearest cache that holds them all, again by each group.
  const std::int64_t bytes = 4 * g.n * p.pixels(g) * g.ci;
  const double vector = (p.slab ? 3.0 : 0.0) + (bytes < (8 << 20)    ? 1.0
                                                : bytes < (24 << 20) ? 4.0
                                                                     : 9.0);
  const double reads = vector * d(ceil_div(g.ci, p.vw) * p.pb);
  const double group = d(p.ib) * (products + columns + zeros + reads) + panel;
  // Units do not begin at the same time.
  return group * (d(ceil_div(p.groups(g), std::max(target.compute_units, 1))) + 0.1);
}

Blocking choose(const ConvGeometry& g, const Target& target, const Params& params) {
  Blocking best{.vw = g.y_block};
  const std::int64_t registers = vector_registers(target);
  const std::int64_t most =
      std::min(static_cast<std::int64_t>(target.local_memory) / 4, kLocalFloats);
  const std::int64_t pixels = Blocking::pixels(g);
  const std::int64_t wanted_nv = tuned(params, "NV", 0);
  Blocking p = best;
  for (p.bc = 1; p.bc <= std::min<std::int64_t>(p.cb(g), 8); ++p.bc) {
    if (p.cb(g) % p.bc != 0) continue;
    for (p.nv = 1; p.nv <= std::min<std::int64_t>(p.nt(g), 9); ++p.nv) {
      if (p.nt(g) % p.nv != 0 || (wanted_nv > 0 && p.nv != wanted_nv)) continue;
      for (p.mr = 1; p.mr <= pixels && p.mr * p.nv + p.nv + 1 <= registers; ++p.mr) {
        p.slab = tuned(params, "SLAB", reads_far(g) ? 2 : 1) == 2;
        p.run = std::max<std::int64_t>(
            (p.slab ? 16 << 10 : kRunFloats) / std::max<std::int64_t>(g.ci, 1) / p.mr, 1);
        p.run = std::min(p.run * p.mr, pixels);
        if (p.floats(g) > most) continue;
        const std::int64_t tiles = ceil_div(pixels, p.mr);
        for (std::int64_t parts = 1; parts <= (is_same(g) ? 16 : 1); parts *= 2) {
          p.pb = parts == 1 ? pixels : ceil_div(tiles, parts) * p.mr;
          p.ib = 1;
          const std::int64_t wanted = 4 * std::max(target.compute_units, 1);
          p.ib = std::clamp<std::int64_t>(p.groups(g) / wanted, 1, g.n);
          p.cycles = model(p, g, target);
          if (p.cycles < best.cycles) best = p;
        }
      }
    }
  }
  return best;
}

Decline accepts(const ConvGeometry& g, const Target& target) {
  if (Decline reason = blocked_only(g, target)) return reason;
  if (g.x_block != g.y_block) return "reads channels in blocks; here they are rows";
  if (g.groups != 1) return "made for one group";
  if (g.y_block < 4 || g.co % g.y_block != 0) {
    return fmt::format("{} channels do not fill blocks of {}", g.co, g.y_block);
  }
  if (g.taps() > kMostTaps) return fmt::format("made for up to {} taps", kMostTaps);
  const Blocking p = choose(g, target, {});
  if (p.cycles >= 1e300) return "weights and sums of a block do not fit the local memory";
  return fits_loop_limit(target, p.iterations(g));
}

}  // namespace

double col2im_cycles(const ConvGeometry& g, const Target& target) {
  return accepts(g, target) ? 1e300 : choose(g, target, {}).cycles;
}

Variant conv2d_col2im() {
  return {.name = "col2im",
          .accepts = [](const OpView& op, const Target& target) -> Decline {
            return accepts(data_pass(op), target);
          },
          .lower =
              [](const OpView& op, const Target& target, const Params& params) {
                const ConvGeometry g = data_pass(op);
                Blocking p = choose(g, target, params);
                if (p.cycles >= 1e300) p = choose(g, target, {});
                Lowering lowering;
                KernelCall& call = lowering.call("conv2d/col2im.cl");
                call.define("VW", p.vw).define("N", g.n).define("F", g.ci).define("C", g.co);
                call.define("HI", g.hi).define("WI", g.wi).define("HO", g.ho).define("WO", g.wo);
                call.define("KH", g.kh).define("KW", g.kw);
                call.define("SH", g.spread_h).define("SW", g.spread_w);
                call.define("DH", g.dilation_h).define("DW", g.dilation_w);
                call.define("PT", g.dilation_h * (g.kh - 1) - g.pad_top);
                call.define("PL", g.dilation_w * (g.kw - 1) - g.pad_left);
                call.define("MR", p.mr).define("NV", p.nv).define("BC", p.bc).define("IB", p.ib);
                call.define("PB", p.pb).define("RUN", p.run).define("SLAB", p.slab ? 1 : 0);
                call.arg(in(0)).arg(in(1)).arg(out());
                if (p.slab) call.arg(LocalBytes{to_size(p.slab_floats(g)) * sizeof(float)});
                if (g.taps() > 1) call.arg(LocalBytes{to_size(p.sum_floats(g)) * sizeof(float)});
                call.arg(LocalBytes{to_size(p.panel_floats(g)) * sizeof(float)});
                call.range({to_size(p.cb(g) / p.bc), to_size(ceil_div(p.pixels(g), p.pb)),
                            to_size(ceil_div(g.n, p.ib))},
                           {1, 1, 1});
                call.loops(p.iterations(g));
                return lowering;
              },
          .space = {{"NV", {0, 1, 2, 3, 4}}, {"SLAB", {0, 1, 2}}},
          .avoid = [](const OpView& op, const Target& target) -> Decline {
            const ConvGeometry g = data_pass(op);
            if (col2im_cycles(g, target) > blocked_cycles(op, g, target)) {
              return "another order of the weights is likely to pay";
            }
            return std::nullopt;
          }};
}

}  // namespace pinnacle
