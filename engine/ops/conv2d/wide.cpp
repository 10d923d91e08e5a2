// conv2d, wide: register tiles over a padded slab of the input, for devices that run one work-item
// per group. Here the block sizes are chosen; conv2d/wide.cl and filter_wide.cl say what they mean.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/conv2d/conv2d.hpp"
#include "ops/epilogue.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// Local memory worth using: more than this leaves the cache nearest to the core that is large.
constexpr std::int64_t kLocalBytes = 192 << 10;

std::int64_t round_up(std::int64_t a, std::int64_t b) { return ceil_div(a, b) * b; }
// Half of a block, so that the blocks of `total` come out even.
std::int64_t halve(std::int64_t block, std::int64_t total) {
  return ceil_div(total, 2 * ceil_div(total, block));
}
std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

std::int64_t local_floats(const Target& target) {
  return std::min(static_cast<std::int64_t>(target.local_memory), kLocalBytes) / 4;
}
std::int64_t wanted_groups(const Target& target) {
  return std::max<std::int64_t>(4 * target.compute_units, 8);
}

// Sizes that wide_slab.clh derives; the names are the same.
struct Slab {
  std::int64_t ws, hs, phases, channel;
  Slab(const ConvGeometry& g, std::int64_t rb)
      : ws(g.wo + (g.kw - 1) * g.dilation_w / g.stride_w),
        hs(rb + (g.kh - 1) * g.dilation_h / g.stride_h),
        phases(std::min(g.stride_h, (g.kh - 1) * g.dilation_h + 1) *
               std::min(g.stride_w, (g.kw - 1) * g.dilation_w + 1)),
        channel(phases * hs * ws) {}
  std::int64_t lanes(const ConvGeometry& g, std::int64_t rb) const { return (rb - 1) * ws + g.wo; }
  std::int64_t slack(const ConvGeometry& g, std::int64_t rb, std::int64_t qp) const {
    return qp - rb * ws + ws - g.wo;
  }
  std::int64_t pack_iterations() const { return phases * hs * (1 + ws); }
};

struct Tile {
  std::int64_t rows = 1, columns = 1;
};

// The register tile with the least time for rows x columns, by a model of a core with two multiply
// and two load ports and four cycles of latency. `spare` registers hold operands; a column costs
// `loads` loads in each step.
Tile choose_tile(std::int64_t rows, std::int64_t columns, std::int64_t vector_width,
                 bool rows_are_vectors) {
  const std::int64_t registers = vector_width >= 16 ? 31 : 15;
  Tile best;
  double best_time = 1e300;
  for (std::int64_t r = 1; r <= std::min<std::int64_t>(rows, 12); ++r) {
    for (std::int64_t c = 1; c <= std::min<std::int64_t>(columns, 8); ++c) {
      if (r * c + (rows_are_vectors ? r : c) + 1 > registers) continue;
      const double multiplies = static_cast<double>(r * c) / 2;
      const double loads = static_cast<double>(r + 2 * c) / 2;  // columns are unaligned
      const double step = std::max({multiplies, loads, 4.0}) + 0.5;
      const double time = static_cast<double>(ceil_div(rows, r) * ceil_div(columns, c)) * step;
      if (time < best_time) {
        best_time = time;
        best = {r, c};
      }
    }
  }
  return best;
}

// ---- conv2d and conv2d_backward_data -----------------------------------------------------------

struct Blocking {
  std::int64_t vw, mr, nv, cb, fb, rb, ib;

  std::int64_t qp(const ConvGeometry& g) const {
    return round_up(Slab(g, rb).lanes(g, rb), nv * vw);
  }
  std::int64_t floats(const ConvGeometry& g) const {
    const Slab slab(g, rb);
    return cb * slab.channel + slab.slack(g, rb, qp(g)) + fb * qp(g);
  }
  std::int64_t groups(const ConvGeometry& g) const {
    return ceil_div(g.ho, rb) * g.groups * ceil_div(g.co, fb) * ceil_div(g.n, ib);
  }
  std::int64_t iterations(const ConvGeometry& g) const {
    const std::int64_t tiles = ceil_div(fb, mr) * qp(g) / (nv * vw);
    const std::int64_t step = tile_step_loops(mr, nv);
    const std::int64_t sums = g.ci * (1 + g.kh * (1 + g.kw * step)) + ceil_div(g.ci, cb);
    return ib * (g.ci * Slab(g, rb).pack_iterations() + tiles * (1 + sums + 2 * mr * nv) +
                 fb * (1 + rb * (1 + g.wo)));
  }
};

// Rows of a 1 x 1 pass lie one behind the other: some together make a longer one, which is copied by
// whole vectors and leaves fewer lanes empty.
ConvGeometry with_long_rows(ConvGeometry g) {
  constexpr std::int64_t kLongest = 256;  // longer ones would leave few rows to share out
  const bool flat = g.taps() == 1 && g.stride_h == 1 && g.stride_w == 1 && g.spread_h == 1 &&
                    g.spread_w == 1 && g.pad_top == 0 && g.pad_left == 0 && g.hi == g.ho &&
                    g.wi == g.wo;
  if (!flat) return g;
  std::int64_t rows = std::clamp<std::int64_t>(kLongest / g.wo, 1, g.ho);
  while (g.ho % rows != 0) --rows;
  g.hi = g.ho = g.ho / rows;
  g.wi = g.wo = g.wo * rows;
  return g;
}

Blocking choose(const ConvGeometry& g, const Target& target, const Params& params) {
  Blocking b{};
  b.vw = target.vector_width;
  b.cb = g.ci, b.fb = g.co, b.rb = g.ho, b.ib = 1;
  const auto fit_tile = [&] {
    const Tile tile = choose_tile(g.co, ceil_div(Slab(g, b.rb).lanes(g, b.rb), b.vw), b.vw, false);
    b.mr = tuned(params, "MR", tile.rows);
    b.nv = tuned(params, "NV", tile.columns);
    b.mr = std::min(b.mr, g.co);
  };
  const auto halve_filters = [&] { b.fb = round_up(halve(b.fb, g.co), b.mr); };
  fit_tile();
  const std::int64_t most = local_floats(target);
  while (b.floats(g) > most) {
    if (b.rb > 4) {
      b.rb = halve(b.rb, g.ho);
      fit_tile();
    } else if (b.fb > 4 * b.mr) {
      halve_filters();
    } else if (b.rb > 1) {
      b.rb = halve(b.rb, g.ho);
      fit_tile();
    } else if (b.cb > 1) {
      b.cb = ceil_div(b.cb, 2);
    } else if (b.fb > b.mr) {
      halve_filters();
    } else {
      break;
    }
    if (b.fb < g.co) b.fb = std::min(round_up(b.fb, b.mr), round_up(g.co, b.mr));
  }
  const std::int64_t wanted = wanted_groups(target);
  while (b.groups(g) < wanted) {
    if (b.rb > 4 && Slab(g, b.rb).lanes(g, b.rb) >= 8 * b.vw) {
      b.rb = halve(b.rb, g.ho);
    } else if (b.fb >= 4 * b.mr) {
      halve_filters();
    } else if (b.rb > 1 && g.wo >= b.vw) {
      b.rb = halve(b.rb, g.ho);
    } else {
      break;
    }
  }
  b.ib = std::clamp<std::int64_t>(b.groups(g) / (4 * wanted), 1, g.n);
  if (b.fb > g.co) b.fb = g.co;
  return b;
}

Decline wide_accepts(const ConvGeometry& g, const Target& target) {
  if (target.family != Family::wide) {
    return "made for wide devices: one work-item per group with explicit vectors";
  }
  return rows_only(g);
}

Decline fits_local(std::int64_t floats, const Target& target) {
  if (floats <= local_floats(target)) return std::nullopt;
  return fmt::format("needs {} bytes of local memory; this device has {}", floats * 4,
                     local_floats(target) * 4);
}

// ---- conv2d_backward_filter --------------------------------------------------------------------

struct FilterBlocking {
  std::int64_t vw, mr, nr, cb, fb, rb, ib, chunk;

  std::int64_t qp(const ConvGeometry& g) const { return round_up(Slab(g, rb).lanes(g, rb), vw); }
  std::int64_t floats(const ConvGeometry& g) const {
    const Slab slab(g, rb);
    return ib * cb * slab.channel + slab.slack(g, rb, qp(g)) + ib * fb * qp(g) +
           (fb + 1) * cb * g.taps();
  }
  std::int64_t blocks(const ConvGeometry& g) const {
    return ceil_div(g.ci, cb) * ceil_div(g.co, fb) * g.groups;
  }
  std::int64_t parts(const ConvGeometry& g) const { return ceil_div(g.n, chunk); }
  std::int64_t iterations(const ConvGeometry& g) const {
    const Slab slab(g, rb);
    const std::int64_t tiles = ceil_div(fb, mr) * ceil_div(cb * g.taps(), nr);
    const std::int64_t row_blocks = ceil_div(g.ho, rb);
    const std::int64_t of_image = cb * slab.pack_iterations() + fb * rb * (1 + g.wo) +
                                  tiles * (1 + qp(g) / vw * (1 + 2 * mr + nr));
    const std::int64_t of_block = tiles * (1 + 2 * nr * (1 + mr));
    return floats(g) + row_blocks * (chunk * of_image + ceil_div(chunk, ib) * of_block) +
           fb * cb * g.taps();
  }
};

FilterBlocking choose_filter(const ConvGeometry& g, const Target& target, const Params& params) {
  constexpr std::int64_t kLanes = 1024;  // between two sums over lanes
  FilterBlocking b{};
  b.vw = target.vector_width;
  b.cb = std::min(g.ci, std::max<std::int64_t>(256 / g.taps(), 1));
  b.rb = g.ho;
  while (b.rb > 1 && Slab(g, b.rb).lanes(g, b.rb) > kLanes) b.rb = halve(b.rb, g.ho);
  const Tile tile = choose_tile(g.co, b.cb * g.taps(), b.vw, true);
  b.mr = std::min(tuned(params, "MR", tile.rows), g.co);
  b.nr = tuned(params, "NR", tile.columns);
  b.fb = std::min(g.co, round_up(32, b.mr));

  const std::int64_t wanted = wanted_groups(target);
  while (b.blocks(g) * g.n < wanted) {
    if (b.cb > 4) {
      b.cb = ceil_div(b.cb, 2);
    } else if (b.fb > b.mr) {
      b.fb = round_up(ceil_div(b.fb, 2), b.mr);
    } else {
      break;
    }
  }
  b.chunk = ceil_div(g.n, std::clamp<std::int64_t>(ceil_div(wanted, b.blocks(g)), 1, g.n));
  b.ib = b.rb < g.ho ? 1 : std::clamp<std::int64_t>(kLanes / b.qp(g), 1, b.chunk);
  const std::int64_t most = local_floats(target);
  while (b.floats(g) > most) {
    if (b.ib > 1) {
      b.ib /= 2;
    } else if (b.rb > 4) {
      b.rb = halve(b.rb, g.ho);
    } else if (b.cb > 1) {
      b.cb = ceil_div(b.cb, 2);
    } else if (b.fb > b.mr) {
      b.fb = round_up(ceil_div(b.fb, 2), b.mr);
    } else if (b.rb > 1) {
      b.rb = halve(b.rb, g.ho);
    } else {
      break;
    }
  }
  if (b.fb > g.co) b.fb = g.co;
  return b;
}

}  // namespace

Variant conv2d_wide(Pass pass) {
  return {.name = "wide",
          .accepts = [pass](const OpView& op, const Target& target) -> Decline {
            const ConvGeometry g = with_long_rows(pass(op));
            if (Decline reason = wide_accepts(g, target)) return reason;
            const Blocking b = choose(g, target, {});
            if (Decline reason = fits_local(b.floats(g), target)) return reason;
            return fits_loop_limit(target, b.iterations(g));
          },
          .lower =
              [pass](const OpView& op, const Target& target, const Params& params) {
                const ConvGeometry g = with_long_rows(pass(op));
                const Blocking b = choose(g, target, params);
                Lowering lowering;
                KernelCall& call = lowering.call("conv2d/wide.cl");
                call.define("VW", b.vw).define("MR", b.mr).define("NV", b.nv);
                call.define("CB", b.cb).define("FB", b.fb).define("RB", b.rb).define("IB", b.ib);
                describe(call, g);
                finish_forward(call, op, static_cast<int>(b.vw), {8, 4, 1});
                call.range({to_size(ceil_div(g.ho, b.rb)), to_size(g.groups * ceil_div(g.co, b.fb)),
                            to_size(ceil_div(g.n, b.ib))},
                           {1, 1, 1});
                call.loops(b.iterations(g));
                return lowering;
              },
          .space = {{"MR", {0, 4, 6, 8, 12}}, {"NV", {0, 1, 2, 3, 4}}}};
}

Variant conv2d_filter_wide() {
  return {.name = "wide",
          .accepts = [](const OpView& op, const Target& target) -> Decline {
            const ConvGeometry g = filter_pass(op);
            if (Decline reason = wide_accepts(g, target)) return reason;
            const FilterBlocking b = choose_filter(g, target, {});
            if (Decline reason = fits_local(b.floats(g), target)) return reason;
            return fits_loop_limit(target, std::max(b.iterations(g), b.parts(g)));
          },
          .lower =
              [](const OpView& op, const Target& target, const Params& params) {
                const ConvGeometry g = filter_pass(op);
                const FilterBlocking b = choose_filter(g, target, params);
                Lowering lowering;
                const BufferRef partial = add_partials(lowering, g, b.parts(g));
                KernelCall& call = lowering.call("conv2d/filter_wide.cl");
                call.define("VW", b.vw).define("MR", b.mr).define("NR", b.nr);
                call.define("CB", b.cb).define("FB", b.fb).define("RB", b.rb).define("IB", b.ib);
                call.define("CHUNK", b.chunk);
                describe(call, g);
                call.arg(in(0)).arg(in(1)).arg(partial);
                call.range({to_size(ceil_div(g.ci, b.cb) * ceil_div(g.co, b.fb)), to_size(g.groups),
                            to_size(b.parts(g))},
                           {1, 1, 1});
                call.loops(b.iterations(g));
                sum_partials(lowering, g, partial, b.parts(g), target);
                return lowering;
              },
          .space = {{"MR", {0, 2, 4, 6}}, {"NR", {0, 3, 4, 5, 6}}}};
}

}  // namespace pinnacle
