// conv2d_backward_filter, blocked: channels in blocks of a vector, for devices that run one work-item
// per group. Here the block sizes are chosen; conv2d/filter_blocked.cl says what they mean.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/conv2d/blocked.hpp"
#include "ops/epilogue.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

constexpr std::int64_t kChunkFloats = 48 << 10;  // input and output of a chunk: half a near cache
constexpr std::int64_t kLongChunkFloats = 128 << 10;
constexpr std::int64_t kSumFloats = 64 << 10;  // of all pairs of a group
constexpr std::int64_t kNearBytes = 16 << 20;  // operands that stay in some cache
constexpr std::int64_t kFewPixels = 256;       // a chunk has at least these, or sums wait too often

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

// Pixels of a 1 x 1 convolution are one long row.
ConvGeometry flattened(ConvGeometry g) {
  const bool flat = g.taps() == 1 && g.stride_h == 1 && g.stride_w == 1 && g.pad_top == 0 &&
                    g.pad_left == 0 && g.ho == g.hi && g.wo == g.wi;
  if (flat && g.wo < 64) {
    // Rows of some length, so that chunks can be cut.
    const std::int64_t pixels = g.ho * g.wo;
    std::int64_t rows = 1;
    while (pixels / rows > 512 && rows < g.ho) ++rows;
    while (pixels % rows != 0) ++rows;
    g.hi = g.ho = rows;
    g.wi = g.wo = pixels / rows;
  }
  return g;
}

struct Blocking {
  std::int64_t vw, mr, nv, rc, ib, units, bg;
  bool swap;

  std::int64_t blocks(const ConvGeometry& g) const {
    const std::int64_t lanes = swap ? g.co : g.ci;
    const std::int64_t vectors = swap ? g.ci : g.co;
    return g.groups * ceil_div(lanes, vw) * ceil_div(ceil_div(vectors, vw), nv);
  }
  std::int64_t groups(const ConvGeometry& g) const { return ceil_div(blocks(g), bg); }
  std::int64_t chunks(const ConvGeometry& g) const {
    return ceil_div(g.n, ib) * ceil_div(g.ho, rc);
  }
  std::int64_t parts(const ConvGeometry& g) const { return ceil_div(chunks(g), units); }
  std::int64_t pair_floats(const ConvGeometry& g) const { return g.taps() * vw * nv * vw; }
  std::int64_t floats(const ConvGeometry& g) const { return bg * pair_floats(g); }
  std::int64_t iterations(const ConvGeometry& g) const {
    const std::int64_t row = 1 + g.wo * tile_step_loops(mr, nv);
    const std::int64_t tap = 2 * mr * nv + ib * (1 + rc * row);
    return bg * (1 + pair_floats(g) * 3 + units * g.taps() * (2 + vw / mr * (1 + tap)));
  }
};

Blocking choose(const ConvGeometry& g, const Target& target, const Params& params) {
  Blocking b{};
  b.vw = g.y_block;
  b.mr = std::min<std::int64_t>(tuned(params, "MR", 8), b.vw);
  if (target.vector_width < 16 && tuned(params, "MR", 0) == 0) b.mr = 4;
  b.swap = g.taps() == 1;
  b.nv = std::min(tuned(params, "NV", 2), ceil_div(b.swap ? g.ci : g.co, b.vw));
  // Pairs of a group: the sums of all fit beside a chunk.
  const std::int64_t wanted = std::max<std::int64_t>(4 * target.compute_units, 8);
  const std::int64_t most = std::clamp<std::int64_t>(
      std::min<std::int64_t>(kSumFloats, static_cast<std::int64_t>(target.local_memory) / 4) /
          b.pair_floats(g),
      1, b.blocks(g));
  b.bg = std::clamp<std::int64_t>(b.blocks(g) / (8 * wanted), 1, most);
  const std::int64_t vectors = ceil_div(b.swap ? g.ci : g.co, b.vw);
  const std::int64_t x_bytes = 4 * g.n * g.hi * g.wi * g.ci;
  const std::int64_t y_bytes = 4 * g.n * g.ho * g.wo * g.co;
  std::int64_t chunk = kChunkFloats;
  if (g.taps() == 1 && x_bytes + y_bytes > kNearBytes) {
    // Blocks of lanes come from memory once for all vectors, in long runs. The vectors come again for
    // each block, unless these are from memory, too: then as many pairs as possible share a run.
    const bool near = (b.swap ? x_bytes : y_bytes) <= kNearBytes;
    b.bg = near ? std::min(most, ceil_div(vectors, b.nv)) : most;
    if (near) chunk = kLongChunkFloats;
  }
  // Rows whose input and output stay near for all taps and pairs.
  b.ib = 1;
  const std::int64_t a_rows = ceil_div(b.bg, ceil_div(vectors, b.nv));
  const std::int64_t b_rows = std::min(b.bg * b.nv, vectors);
  const std::int64_t x_rows = b.swap ? b_rows : a_rows;
  const std::int64_t y_rows = b.swap ? a_rows : b_rows;
  const std::int64_t row = (x_rows * g.stride_h * g.wi + y_rows * g.wo) * b.vw;
  b.rc = std::clamp<std::int64_t>(
      std::max(chunk / std::max<std::int64_t>(row, 1), ceil_div(kFewPixels, g.wo)), 1, g.ho);
  b.rc = ceil_div(g.ho, ceil_div(g.ho, b.rc));
  if (b.rc == g.ho) {
    b.ib = std::clamp<std::int64_t>(
        std::max(chunk / std::max<std::int64_t>(row * g.ho, 1), kFewPixels / (g.ho * g.wo)), 1,
        g.n);
  }
  while (b.groups(g) * b.chunks(g) < wanted && b.ib > 1) b.ib = ceil_div(b.ib, 2);
  const std::int64_t parts =
      std::clamp<std::int64_t>(ceil_div(wanted, b.groups(g)), 1, b.chunks(g));
  b.units = ceil_div(b.chunks(g), parts);
  while (b.bg > 1 && fits_loop_limit(target, b.iterations(g))) b.bg = ceil_div(b.bg, 2);
  return b;
}

}  // namespace

Variant conv2d_filter_blocked() {
  return {.name = "blocked",
          .accepts = [](const OpView& op, const Target& target) -> Decline {
            const ConvGeometry g = flattened(filter_pass(op));
            if (Decline reason = blocked_only(g, target)) return reason;
            if (g.x_block != g.y_block) return "reads channels in blocks; here they are rows";
            const Blocking b = choose(g, target, {});
            if (b.floats(g) * 4 > static_cast<std::int64_t>(target.local_memory)) {
              return fmt::format("needs {} bytes of local memory; this device has {}",
                                 b.floats(g) * 4, target.local_memory);
            }
            if (b.parts(g) * g.weights() > INT32_MAX) {
              return "the partial sums exceed 2^31 elements";
            }
            return fits_loop_limit(target, std::max(b.iterations(g), b.parts(g)));
          },
          .lower =
              [](const OpView& op, const Target& target, const Params& params) {
                const ConvGeometry g = flattened(filter_pass(op));
                const Blocking b = choose(g, target, params);
                Lowering lowering;
                const BufferRef partial = add_partials(lowering, g, b.parts(g));
                KernelCall& call = lowering.call("conv2d/filter_blocked.cl");
                call.define("VW", b.vw).define("N", g.n).define("G", g.groups);
                call.define("CI", g.ci).define("HI", g.hi).define("WI", g.wi);
                call.define("CO", g.co).define("HO", g.ho).define("WO", g.wo);
                call.define("KH", g.kh).define("KW", g.kw);
                call.define("SH", g.stride_h).define("SW", g.stride_w);
                call.define("DH", g.dilation_h).define("DW", g.dilation_w);
                call.define("PT", g.pad_top).define("PL", g.pad_left);
                call.define("MR", b.mr).define("NV", b.nv);
                call.define("RC", b.rc).define("IB", b.ib).define("UNITS", b.units);
                call.define("BG", b.bg).define("SWAP", b.swap ? 1 : 0);
                call.arg(in(0)).arg(in(1)).arg(partial);
                call.range({to_size(b.groups(g)), to_size(b.parts(g)), 1}, {1, 1, 1});
                call.loops(b.iterations(g));
                sum_partials(lowering, g, partial, b.parts(g), target);
                return lowering;
              },
          .space = {{"MR", {0, 4, 8, 16}}, {"NV", {0, 1, 2, 3, 4}}}};
}

}  // namespace pinnacle
