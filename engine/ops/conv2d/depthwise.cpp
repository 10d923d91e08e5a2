// conv2d, depthwise: a filter per channel, a channel per lane, on channels in blocks, for devices that
// run one work-item per group.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/conv2d/blocked.hpp"
#include "ops/epilogue.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

Decline depthwise_only(const ConvGeometry& g, const Target& target) {
  if (!is_depthwise(g)) return "made for a filter per channel";
  if (g.y_block == 0 || g.x_block != g.y_block) return "made for channels in blocks";
  if (target.family != Family::wide) {
    return "made for wide devices: one work-item per group with explicit vectors";
  }
  if (Decline reason = in_order_only(g)) return reason;
  return fits_32_bits(g);
}

struct Rows {
  std::int64_t tw, rb;
  std::int64_t iterations(const ConvWork& w) const {
    return rb * (1 + ceil_div(w.w.out, tw) * (1 + 3 * tw + w.taps() * (2 + tw)));
  }
};

Rows choose(const ConvGeometry& g, const ConvWork& w, const Target& target, const Params& params) {
  const std::int64_t blocks = g.n * ceil_div(g.groups, g.y_block);
  const std::int64_t wanted = 8 * std::max(target.compute_units, 1);
  Rows r{};
  r.tw = std::min(tuned(params, "TW", target.vector_width >= 16 ? 8 : 4),
                  std::max<std::int64_t>(w.w.out, 1));
  r.rb = std::max<std::int64_t>(1, ceil_div(w.h.out, ceil_div(wanted, blocks)));
  while (r.rb > 1 && fits_loop_limit(target, r.iterations(w))) r.rb = ceil_div(r.rb, 2);
  return r;
}

void add_work(Lowering& lowering, const OpView& op, const ConvGeometry& g, const ConvWork& w,
              const Rows& r, bool is_forward) {
  const std::int64_t blocks = ceil_div(g.groups, g.y_block);
  BufferRef packed = in(1);  // not read without taps
  if (w.taps() > 0) {
    const auto bytes = to_size(blocks * w.taps() * g.y_block) * sizeof(float);
    const bool once = op.is_fixed(1);
    packed = once ? lowering.add_kept(bytes) : lowering.add_scratch(bytes);
    KernelCall& call = once ? lowering.prepare_call("conv2d/pack_depthwise.cl")
                            : lowering.call("conv2d/pack_depthwise.cl");
    call.define("C", g.groups).define("VW", g.y_block).define("KHH", g.kh);
    describe_taps(call, g, w);
    call.arg(in(1)).arg(packed);
    call.range({to_size(blocks), to_size(w.taps()), 1}, {1, 1, 1}).loops(g.y_block);
  }
  KernelCall& call = lowering.call("conv2d/depthwise.cl");
  call.define("VW", g.y_block).define("C", g.groups);
  describe(call, g, w);
  call.define("TW", r.tw).define("RB", r.rb);
  call.arg(in(0)).arg(packed);
  if (is_forward) add_epilogue(call, op, static_cast<int>(g.y_block));
  call.arg(out());
  call.range({to_size(ceil_div(w.h.out, r.rb)), to_size(blocks), to_size(g.n)}, {1, 1, 1});
  call.loops(r.iterations(w));
}

struct FilterRows {
  std::int64_t rc, units;
  std::int64_t chunks(const ConvGeometry& g) const { return g.n * ceil_div(g.ho, rc); }
  std::int64_t parts(const ConvGeometry& g) const { return ceil_div(chunks(g), units); }
  std::int64_t iterations(const ConvGeometry& g) const {
    return g.kh * (1 + units * (1 + rc * (2 + g.wo * (1 + g.kw)))) + (1 + g.taps()) * g.y_block;
  }
};

FilterRows choose_filter(const ConvGeometry& g, const Target& target) {
  FilterRows r{.rc = g.ho, .units = 1};
  const std::int64_t blocks = ceil_div(g.groups, g.y_block);
  const std::int64_t wanted = 4 * std::max(target.compute_units, 1);
  while (blocks * r.chunks(g) < wanted && r.rc > 8) r.rc = ceil_div(r.rc, 2);
  r.units =
      ceil_div(r.chunks(g), std::clamp<std::int64_t>(ceil_div(wanted, blocks), 1, r.chunks(g)));
  return r;
}

}  // namespace

Variant conv2d_depthwise(Pass pass) {
  return {.name = "depthwise",
          .accepts = [pass](const OpView& op, const Target& target) -> Decline {
            const ConvGeometry g = pass(op);
            if (Decline reason = depthwise_only(g, target)) return reason;
            for (const ConvWork& w : conv_works(g)) {
              const Rows r = choose(g, w, target, {});
              if (Decline reason = fits_loop_limit(target, r.iterations(w))) return reason;
            }
            return std::nullopt;
          },
          .lower =
              [pass](const OpView& op, const Target& target, const Params& params) {
                const ConvGeometry g = pass(op);
                Lowering lowering;
                for (const ConvWork& w : conv_works(g)) {
                  add_work(lowering, op, g, w, choose(g, w, target, params), !g.flipped);
                }
                return lowering;
              },
          .space = {{"TW", {0, 4, 7, 8, 14, 16}}}};
}

Variant conv2d_filter_depthwise() {
  return {
      .name = "depthwise",
      .accepts = [](const OpView& op, const Target& target) -> Decline {
        const ConvGeometry g = filter_pass(op);
        if (Decline reason = depthwise_only(g, target)) return reason;
        const FilterRows r = choose_filter(g, target);
        return fits_loop_limit(target, std::max(r.iterations(g), r.parts(g)));
      },
      .lower =
          [](const OpView& op, const Target& target, const Params&) {
            const ConvGeometry g = filter_pass(op);
            const FilterRows r = choose_filter(g, target);
            Lowering lowering;
            const BufferRef partial = add_partials(lowering, g, r.parts(g));
            KernelCall& call = lowering.call("conv2d/filter_depthwise.cl");
            call.define("VW", g.y_block).define("N", g.n).define("C", g.groups);
            call.define("HI", g.hi).define("WI", g.wi).define("HO", g.ho).define("WO", g.wo);
            call.define("KH", g.kh).define("KW", g.kw);
            call.define("SH", g.stride_h).define("SW", g.stride_w);
            call.define("DH", g.dilation_h).define("DW", g.dilation_w);
            call.define("PT", g.pad_top).define("PL", g.pad_left);
            call.define("RC", r.rc).define("UNITS", r.units);
            call.arg(in(0)).arg(in(1)).arg(partial);
            call.range({to_size(ceil_div(g.groups, g.y_block)), to_size(r.parts(g)), 1}, {1, 1, 1});
            call.loops(r.iterations(g));
            sum_partials(lowering, g, partial, r.parts(g), target);
            return lowering;
          },
      .space = {}};
}

}  // namespace pinnacle
