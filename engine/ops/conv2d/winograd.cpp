// conv2d, winograd4 and winograd2: 3 x 3 convolutions with stride 1 by minimal filtering, on channels
// in blocks. Relative errors grow with the tile: about 1e-6 for 2 x 2, 1e-5 for 4 x 4.
// Here the block sizes are chosen by a model of a core; conv2d/winograd.cl says what they mean.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ops/conv2d/blocked.hpp"
#include "ops/epilogue.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

constexpr double kCall = 3e4;  // cycles until all units work on one more call

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

struct Blocking {
  std::int64_t tile, vw, mr = 1, nv = 1, tb = 1, fg = 1, chunk = 1;
  double cycles = 1e300;  // of the busiest unit, one multiply of a vector each

  std::int64_t xi() const { return (tile + 2) * (tile + 2); }
  std::int64_t tiles(const ConvGeometry& g) const {
    return g.n * ceil_div(g.ho, tile) * ceil_div(g.wo, tile);
  }
  std::int64_t cb(const ConvGeometry& g) const { return ceil_div(g.ci, vw); }
  std::int64_t ft(const ConvGeometry& g) const { return ceil_div(ceil_div(g.co, vw), nv); }
  std::int64_t packed_floats(const ConvGeometry& g) const {
    return ft(g) * xi() * (cb(g) * vw * nv * vw + vw);
  }
  std::int64_t v_floats() const { return xi() * (tb * chunk + 1) * vw; }
  std::int64_t floats(const ConvGeometry& g) const {
    return v_floats() + xi() * (tb * nv + 1) * vw * (chunk < cb(g) ? fg : 1);
  }
  std::int64_t iterations(const ConvGeometry& g) const {
    const std::int64_t blocks = cb(g);
    const std::int64_t parts = ceil_div(blocks, chunk);
    const std::int64_t in = tb * (parts + blocks * (2 + 4 * (tile + 2) * (tile + 2)));
    const std::int64_t sums = 2 * parts * mr * nv + blocks * (1 + vw * tile_step_loops(mr, nv));
    return in + fg * (1 + xi() * (1 + ceil_div(tb, mr) * (1 + sums)) + nv * tb * 4 * xi());
  }
};

// How many cycles the busiest unit needs; all numbers are rough, only their order matters.
double model(const Blocking& p, const ConvGeometry& g, const Target& target) {
  const double step = static_cast<double>(std::max<std::int64_t>(p.mr * p.nv, 8)) + 1.5 +
                      0.1 * static_cast<double>(p.mr + p.nv);
  const auto d = [](std::int64_t v) { return static_cast<double>(v); };
  const double products = d(p.fg * p.xi() * g.ci * (p.tb / p.mr)) * step;
  const double waits = d(ceil_div(p.cb(g), p.chunk) * p.fg * p.xi() * p.tb * p.nv) * 2;
  const double transforms = d(p.tb * p.xi()) * (7 * d(p.cb(g)) + 6 * d(p.fg * p.nv));
  // Weights pass through once per group of tiles, from the nearest cache that holds them.
  const std::int64_t bytes = p.packed_floats(g) * 4;
  const double rate = bytes < (512 << 10)  ? 48
                      : bytes < (12 << 20) ? 16
                      : bytes < (24 << 20) ? 5
                                           : 2;
  const double weights = d(bytes) * d(p.fg) / d(p.ft(g)) / rate;
  const double group =
      std::max(products + waits + transforms, weights + 0.3 * products) + 0.15 * weights;
  const std::int64_t groups = ceil_div(p.tiles(g), p.tb) * ceil_div(p.ft(g), p.fg);
  return group * d(ceil_div(groups, std::max(target.compute_units, 1)));
}

Blocking choose(const ConvGeometry& g, std::int64_t tile, const Target& target,
                const Params& params) {
  Blocking best{.tile = tile, .vw = g.y_block};
  const std::int64_t registers = vector_registers(target);
  const std::int64_t most =
      std::min(static_cast<std::int64_t>(target.local_memory) / 4, kLocalFloats);
  const std::int64_t vectors = ceil_div(g.co, g.y_block);
  const std::int64_t wanted_nv = tuned(params, "NV", 0);
  const std::int64_t wanted_mr = tuned(params, "MR", 0);
  Blocking p = best;
  for (p.nv = 1; p.nv <= std::min<std::int64_t>(vectors, 4); ++p.nv) {
    if (wanted_nv > 0 && p.nv != std::min(wanted_nv, vectors)) continue;
    for (p.mr = 1; p.mr * p.nv + p.nv + 1 <= registers; ++p.mr) {
      if (wanted_mr > 0 && p.mr != wanted_mr) continue;
      for (std::int64_t times = 1; times <= 4; ++times) {
        p.tb = times * p.mr;
        if (p.tb >= p.tiles(g) + p.mr) break;
        const std::int64_t ft = p.ft(g);
        for (std::int64_t parts = 1; parts <= ft; parts *= 2) {
          p.fg = ceil_div(ft, parts);
          p.chunk = p.cb(g);
          while (p.floats(g) > most && p.chunk > 1) p.chunk = ceil_div(p.chunk, 2);
          if (p.floats(g) > most) continue;
          p.cycles = model(p, g, target);
          if (p.cycles < best.cycles) best = p;
        }
      }
    }
  }
  return best;
}

Decline accepts(const ConvGeometry& g, std::int64_t tile, const Target& target) {
  if (Decline reason = winograd_only(g, target)) return reason;
  const Blocking p = choose(g, tile, target, {});
  if (p.cycles >= 1e300) return "its transformed tiles do not fit the local memory";
  if (p.packed_floats(g) > INT32_MAX) return "transformed weights of 2^31 elements or more";
  return fits_loop_limit(target, p.iterations(g));
}

double cycles(const OpView& op, const ConvGeometry& g, std::int64_t tile, const Target& target) {
  const Blocking p = choose(g, tile, target, {});
  return p.cycles + pack_winograd_cycles(op, p.packed_floats(g), target);
}

// What max(v + residual, least) computes is an argument, so that the layers of a net share kernels.
std::optional<float> least_of(const OpView& op) {
  const std::string epilogue = op.attributes().text("epilogue", "");
  const bool has_residual = op.has_input(3);
  const auto is = [&](std::initializer_list<std::string_view> forms) {
    return std::find(forms.begin(), forms.end(), epilogue) != forms.end();
  };
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  if (!has_residual && epilogue.empty()) return kNone;
  if (!has_residual && epilogue == "relu(x0)") return 0.0f;
  if (has_residual && is({"add(x0, x1)", "add(x1, x0)"})) return kNone;
  if (has_residual && is({"relu(add(x0, x1))", "relu(add(x1, x0))"})) return 0.0f;
  return std::nullopt;
}

// The arguments bias and residual; returns those that follow the sizes.
std::vector<Arg> add_end(KernelCall& call, const OpView& op, const ConvGeometry& g, int width) {
  const std::optional<float> least = g.flipped ? std::nullopt : least_of(op);
  if (!least) {
    if (!g.flipped) add_epilogue(call, op, width);
    return {};
  }
  call.define("RELU_BY_ARGUMENT", 1);
  if (op.has_input(2)) call.define("HAS_BIAS", 1).arg(in(2));
  call.arg(op.has_input(3) ? in(3) : in(0));
  return {op.has_input(3) ? 1 : 0, *least};
}

}  // namespace

Decline winograd_only(const ConvGeometry& g, const Target& target) {
  if (Decline reason = blocked_only(g, target)) return reason;
  if (g.kh != 3 || g.kw != 3 || g.stride_h != 1 || g.stride_w != 1 || g.spread_h != 1 ||
      g.spread_w != 1 || g.dilation_h != 1 || g.dilation_w != 1) {
    return "made for 3 x 3 taps without stride or dilation";
  }
  if (g.groups != 1) return "made for one group";
  if (g.x_block != g.y_block) return "reads channels in blocks; here they are rows";
  return std::nullopt;
}

double pack_winograd_cycles(const OpView& op, std::int64_t floats, const Target& target) {
  if (op.is_fixed(1)) return 0.0;
  const double each = floats < (3 << 20) ? 0.6 : floats < (6 << 20) ? 1.9 : 2.6;  // by cache
  return kCall + each * static_cast<double>(floats) / std::max(target.compute_units, 1);
}

bool reads_far(const ConvGeometry& g) {
  // The more blocks there are, the less helps what a core reads ahead.
  const std::int64_t many = g.ci >= 2048 ? 1 << 20 : 4 << 20;
  return g.taps() == 1 && g.ci >= 512 && g.n * g.hi * g.wi * g.ci >= many;
}

double blocked_cycles(const OpView& op, const ConvGeometry& g, const Target& target) {
  const auto d = [](std::int64_t v) { return static_cast<double>(v); };
  const std::int64_t phases = g.spread_h * g.spread_w;
  const double outputs = g.flipped ? d(g.hi * g.wi) : d(g.ho * g.wo);  // each tap meets so many
  const double share = reads_far(g) ? 1.5 : phases > 1 ? 1.2 : 1.12;
  const double products =
      share * d(ceil_div(g.co, g.y_block) * g.n * g.groups) * outputs * d(g.ci * g.taps());
  const double pack = op.is_fixed(1) ? 0.0 : 1.4 * d(g.weights());
  const double calls = d(op.is_fixed(1) ? phases - 1 : 2 * phases - 1);
  return (products + pack) / std::max(target.compute_units, 1) + calls * kCall;
}

namespace {

double direct_cycles(const OpView& op, const ConvGeometry& g, const Target& target) {
  const double blocked = blocked_cycles(op, g, target);
  return g.flipped ? std::min(blocked, col2im_cycles(g, target)) : blocked;
}

}  // namespace

double winograd_cycles(const OpView& op, const ConvGeometry& g, const Target& target) {
  double best = direct_cycles(op, g, target);
  for (const std::int64_t tile : {std::int64_t{2}, std::int64_t{4}}) {
    if (!accepts(g, tile, target)) best = std::min(best, cycles(op, g, tile, target));
  }
  return best;
}

BufferRef pack_winograd(Lowering& lowering, const OpView& op, const ConvGeometry& g,
                        const WinogradPack& p) {
  const std::int64_t xi = (p.tile + 2) * (p.tile + 2);
  const std::int64_t cb = ceil_div(g.ci, g.y_block);
  const std::int64_t ft = ceil_div(g.co, p.columns);
  // Matrices for a product have no gaps; else one keeps elements off each other's cache lines.
  const std::int64_t panel = cb * g.y_block * p.columns + (p.by_element ? 0 : g.y_block);
  const auto bytes = to_size(ft * xi * panel) * sizeof(float);
  const bool once = op.is_fixed(1);
  const BufferRef packed = once ? lowering.add_kept(bytes) : lowering.add_scratch(bytes);
  KernelCall& call = once ? lowering.prepare_call("conv2d/pack_winograd.cl")
                          : lowering.call("conv2d/pack_winograd.cl");
  call.define("TILE", p.tile).define("VW", g.y_block).define("NF", p.columns);
  call.define("WHOLE", reads_whole_vectors(g) ? 1 : 0).define("TURNED", g.flipped ? 1 : 0);
  call.define("COLLECT", p.by_element ? 1 : 0);
  call.arg(in(1)).arg(packed).arg(to_int(g.ci)).arg(to_int(g.co));
  call.arg(to_int(g.weight_row)).arg(to_int(g.weight_channel)).arg(g.flipped ? 1 : 0);
  call.arg(to_int(p.by_element ? panel : xi * panel));
  call.arg(to_int(p.by_element ? ft * panel : panel));
  std::array<std::size_t, 3> range = {to_size(cb), to_size(ft * p.columns / g.y_block), 1};
  if (g.flipped) std::swap(range[0], range[1]);
  call.range(range, {1, 1, 1});
  call.loops(pack_loops(g.y_block, g.taps()) + g.y_block * (g.taps() + xi * 4));
  return packed;
}

Variant conv2d_winograd(Pass pass, std::int64_t tile) {
  return {
      .name = fmt::format("winograd{}", tile),
      .accepts = [=](const OpView& op, const Target& target) -> Decline {
        return accepts(pass(op), tile, target);
      },
      .lower =
          [=](const OpView& op, const Target& target, const Params& params) {
            const ConvGeometry g = pass(op);
            Blocking p = choose(g, tile, target, params);
            if (p.cycles >= 1e300) p = choose(g, tile, target, {});
            Lowering lowering;
            const BufferRef packed =
                pack_winograd(lowering, op, g, {.tile = tile, .columns = p.nv * p.vw});
            KernelCall& call = lowering.call("conv2d/winograd.cl");
            const bool chunked = p.chunk < p.cb(g);
            const bool full = g.ci % p.vw == 0 && g.co % p.vw == 0;
            call.define("VW", p.vw).define("TILE", tile);
            call.define("MR", p.mr).define("NV", p.nv).define("TB", p.tb);
            call.define("CHUNKED", chunked ? 1 : 0).define("FULL", full ? 1 : 0);
            call.arg(in(0)).arg(packed);
            const std::vector<Arg> rest = add_end(call, op, g, static_cast<int>(p.vw));
            call.arg(out()).arg(LocalBytes{to_size(p.v_floats()) * sizeof(float)});
            call.arg(LocalBytes{to_size(p.floats(g) - p.v_floats()) * sizeof(float)});
            for (const std::int64_t value :
                 {g.n, g.ci, g.hi, g.wi, g.co, g.ho, g.wo, g.pad_top, g.pad_left, p.fg, p.chunk}) {
              call.arg(to_int(value));
            }
            for (const Arg& argument : rest) call.arg(argument);
            call.range({to_size(ceil_div(p.tiles(g), p.tb)), to_size(ceil_div(p.ft(g), p.fg)), 1},
                       {1, 1, 1});
            call.loops(p.iterations(g));
            return lowering;
          },
      .space = {{"NV", {0, 1, 2, 3, 4}}, {"MR", {0, 6, 7, 8, 10, 12, 14}}},
      .avoid = [=](const OpView& op, const Target& target) -> Decline {
        const ConvGeometry g = pass(op);
        const double mine = cycles(op, g, tile, target);
        if (mine > direct_cycles(op, g, target)) {
          return "transforms and weights cost more than the products that it saves";
        }
        const std::int64_t other = tile == 4 ? 2 : 4;
        if (!accepts(g, other, target) && cycles(op, g, other, target) < mine) {
          return fmt::format("tiles of {0} x {0} are likely to be faster", other);
        }
        return std::nullopt;
      }};
}

}  // namespace pinnacle
