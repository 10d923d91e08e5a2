// conv2d_backward_filter, few_channels: the input in rows, the gradient in blocks of a vector, for first
// layers on devices that run one work-item per group. Here the block sizes are chosen;
// conv2d/filter_few_channels.cl says what they mean.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/conv2d/blocked.hpp"
#include "ops/epilogue.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// The gradient of a chunk stays in the nearest cache.
constexpr std::int64_t kChunkFloats = 8 << 10;

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

struct Blocking {
  std::int64_t vw, tk, nv, rc, units;

  std::int64_t mr(const ConvGeometry& g) const { return tk * g.kw; }
  std::int64_t tiles(const ConvGeometry& g) const { return g.ci * ceil_div(g.kh, tk); }
  std::int64_t slab_rows(const ConvGeometry& g) const {
    return (rc - 1) * g.stride_h + (g.kh - 1) * g.dilation_h + 1;
  }
  std::int64_t slab_floats(const ConvGeometry& g) const {
    return g.ci * slab_rows(g) * ((g.wo - 1) * g.stride_w + (g.kw - 1) * g.dilation_w + 1);
  }
  std::int64_t floats(const ConvGeometry& g) const {
    return slab_floats(g) + tiles(g) * mr(g) * nv * vw;
  }
  std::int64_t chunks(const ConvGeometry& g) const { return g.n * ceil_div(g.ho, rc); }
  std::int64_t parts(const ConvGeometry& g) const { return ceil_div(chunks(g), units); }
  std::int64_t groups(const ConvGeometry& g) const { return ceil_div(ceil_div(g.co, vw), nv); }
  std::int64_t iterations(const ConvGeometry& g) const {
    const std::int64_t tile = 1 + 2 * mr(g) * nv + rc * (1 + g.wo * tile_step_loops(mr(g), nv));
    const std::int64_t fill = g.ci * (1 + 2 * slab_rows(g)) + slab_floats(g);
    return units * (1 + fill + tiles(g) * (2 + tile)) + g.ci * (1 + g.taps() * (1 + nv * vw));
  }
};

Blocking choose(const ConvGeometry& g, const Target& target, const Params& params) {
  Blocking b{};
  b.vw = g.y_block;
  const std::int64_t registers = vector_registers(target);
  const std::int64_t vectors = ceil_div(g.co, b.vw);
  // The tile with the least time, by the same model of a core as for the other variants.
  double best = 1e300;
  for (std::int64_t nv = 1; nv <= std::min<std::int64_t>(vectors, 4); ++nv) {
    for (std::int64_t tk = 1; tk <= g.kh; ++tk) {
      const std::int64_t sums = tk * g.kw * nv;
      if (sums + nv + 1 > registers && (tk > 1 || nv > 1)) break;
      const auto work = std::max({sums, tk * g.kw + nv, std::int64_t{8}});
      const double step = static_cast<double>(work) + 1.5;
      const double time = step * static_cast<double>(ceil_div(g.kh, tk) * ceil_div(vectors, nv));
      if (time < best) {
        best = time;
        b.nv = nv, b.tk = tk;
      }
    }
  }
  if (const std::int64_t nv = tuned(params, "NV", 0); nv > 0) {
    b.nv = std::min(nv, vectors);
    b.tk = std::clamp<std::int64_t>((registers - 1 - b.nv) / (b.nv * g.kw), 1, g.kh);
  }
  b.rc = std::clamp<std::int64_t>(kChunkFloats / (g.wo * b.nv * b.vw), 1, g.ho);
  const std::int64_t wanted = std::max<std::int64_t>(4 * target.compute_units, 8);
  b.units = ceil_div(b.chunks(g),
                     std::clamp<std::int64_t>(ceil_div(wanted, b.groups(g)), 1, b.chunks(g)));
  while (b.units > 1 && fits_loop_limit(target, b.iterations(g))) b.units = ceil_div(b.units, 2);
  return b;
}

Decline accepts(const ConvGeometry& g, const Target& target) {
  if (Decline reason = blocked_only(g, target)) return reason;
  if (g.x_block != 0) return "reads rows; here channels are in blocks";
  if (g.groups != 1) return "made for one group";
  const Blocking b = choose(g, target, {});
  if (b.floats(g) * 4 > static_cast<std::int64_t>(target.local_memory)) {
    return fmt::format("needs {} bytes of local memory; this device has {}", b.floats(g) * 4,
                       target.local_memory);
  }
  if (b.parts(g) * g.weights() > INT32_MAX) return "the partial sums exceed 2^31 elements";
  return fits_loop_limit(target, std::max(b.iterations(g), b.parts(g)));
}

}  // namespace

Variant conv2d_filter_few_channels() {
  return {.name = "few_channels",
          .accepts = [](const OpView& op, const Target& target) -> Decline {
            return accepts(filter_pass(op), target);
          },
          .lower =
              [](const OpView& op, const Target& target, const Params& params) {
                const ConvGeometry g = filter_pass(op);
                const Blocking b = choose(g, target, params);
                Lowering lowering;
                const BufferRef partial = add_partials(lowering, g, b.parts(g));
                KernelCall& call = lowering.call("conv2d/filter_few_channels.cl");
                call.define("VW", b.vw).define("N", g.n);
                call.define("CI", g.ci).define("HI", g.hi).define("WI", g.wi);
                call.define("CO", g.co).define("HO", g.ho).define("WO", g.wo);
                call.define("KH", g.kh).define("KW", g.kw);
                call.define("SH", g.stride_h).define("SW", g.stride_w);
                call.define("DH", g.dilation_h).define("DW", g.dilation_w);
                call.define("PT", g.pad_top).define("PL", g.pad_left);
                call.define("TK", b.tk).define("NV", b.nv);
                call.define("RC", b.rc).define("UNITS", b.units);
                call.arg(in(0)).arg(in(1)).arg(partial);
                call.range({to_size(b.groups(g)), to_size(b.parts(g)), 1}, {1, 1, 1});
                call.loops(b.iterations(g));
                sum_partials(lowering, g, partial, b.parts(g), target);
                return lowering;
              },
          .space = {{"NV", {0, 1, 2, 3, 4}}}};
}

}  // namespace pinnacle
