// conv2d, blocked: channels in blocks of a vector, for devices that run one work-item per group. A
// backward pass with strides is one call per phase of the stride, each a convolution without zeros.
// Here the block sizes are chosen; conv2d/blocked.cl says what they mean.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "ops/blocked.hpp"
#include "ops/conv2d/blocked.hpp"
#include "ops/conv2d/conv2d.hpp"
#include "ops/epilogue.hpp"
#include "ops/launch.hpp"

namespace pinnacle {

std::int64_t vector_registers(const Target& target) { return target.vector_width >= 16 ? 32 : 16; }

namespace {

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }
std::int64_t halve(std::int64_t value) { return ceil_div(value, 2); }

ConvAxis forward_axis(std::int64_t in, std::int64_t out, std::int64_t taps, std::int64_t stride,
                      std::int64_t dilation, std::int64_t pad) {
  return {in, out, taps, stride, dilation, pad, 0, 1};
}

// dx[u] = sum over k of dy[(u + pad - k dilation) / stride] w[k], for u = phase, phase + stride, ...
// `reversed_pad` is dilation (taps - 1) - pad, as in data_pass().
ConvAxis backward_axis(std::int64_t in, std::int64_t out, std::int64_t taps, std::int64_t stride,
                       std::int64_t dilation, std::int64_t reversed_pad, std::int64_t phase) {
  const std::int64_t pad = dilation * (taps - 1) - reversed_pad;
  ConvAxis axis{in, ceil_div(out - phase, stride), 0, 1, 1, 0, 0, 1, phase, stride};
  const std::int64_t step = stride / std::gcd(stride, dilation);
  std::int64_t first = 0;
  while (first < std::min(step, taps) && (phase + pad - first * dilation) % stride != 0) ++first;
  if (first >= std::min(step, taps)) return axis;  // nothing arrives here
  axis.taps = ceil_div(taps - first, step);
  axis.dilation = dilation / std::gcd(stride, dilation);
  axis.pad = (axis.taps - 1) * axis.dilation - (phase + pad - first * dilation) / stride;
  axis.first_tap = first + step * (axis.taps - 1);
  axis.tap_step = -step;
  return axis;
}

}  // namespace

std::vector<ConvWork> conv_works(const ConvGeometry& g) {
  std::vector<ConvWork> result;
  for (std::int64_t p = 0; p < std::min(g.spread_h, g.ho); ++p) {
    for (std::int64_t q = 0; q < std::min(g.spread_w, g.wo); ++q) {
      if (!g.flipped) {
        result.push_back({forward_axis(g.hi, g.ho, g.kh, g.stride_h, g.dilation_h, g.pad_top),
                          forward_axis(g.wi, g.wo, g.kw, g.stride_w, g.dilation_w, g.pad_left)});
      } else {
        result.push_back(
            {backward_axis(g.hi, g.ho, g.kh, g.spread_h, g.dilation_h, g.pad_top, p),
             backward_axis(g.wi, g.wo, g.kw, g.spread_w, g.dilation_w, g.pad_left, q)});
      }
      ConvWork& work = result.back();
      // Pixels of a 1 x 1 convolution are one long row.
      const bool flat = work.taps() == 1 && work.reads_inside() && work.h.stride == 1 &&
                        work.w.stride == 1 && work.h.out_step == 1 && work.w.out_step == 1 &&
                        work.h.out == work.h.in && work.w.out == work.w.in;
      if (flat) {
        work.w.in = work.w.out = work.h.out * work.w.out;
        work.h.in = work.h.out = 1;
      }
    }
  }
  return result;
}

namespace {

using Work = ConvWork;

struct Blocking {
  std::int64_t vw, xb, nv, th, tw, rb, wb, fg, chunk;
  bool slab;

  std::int64_t cb(const ConvGeometry& g) const { return ceil_div(g.ci, xb); }
  std::int64_t ft(const ConvGeometry& g) const { return ceil_div(ceil_div(g.co, vw), nv); }
  std::int64_t hs(const Work& w) const {
    return (rb - 1) * w.h.stride + (w.h.taps - 1) * w.h.dilation + 1;
  }
  std::int64_t ws(const Work& w) const {
    return (wb - 1) * w.w.stride + (w.w.taps - 1) * w.w.dilation + 1;
  }
  std::int64_t slab_floats(const Work& w) const { return slab ? chunk * hs(w) * ws(w) * xb : 0; }
  std::int64_t tiles() const { return ceil_div(rb, th) * ceil_div(wb, tw); }
  std::int64_t sum_floats(const ConvGeometry& g) const {
    return chunk < cb(g) ? fg * tiles() * th * tw * nv * vw : 0;
  }
  std::int64_t floats(const ConvGeometry& g, const Work& w) const {
    return slab_floats(w) + sum_floats(g);
  }
  std::int64_t row_blocks(const Work& w) const { return ceil_div(w.h.out, rb); }
  std::int64_t column_blocks(const Work& w) const { return ceil_div(w.w.out, wb); }
  std::int64_t groups(const ConvGeometry& g, const Work& w) const {
    return row_blocks(w) * column_blocks(w) * g.n * g.groups * ceil_div(ft(g), fg);
  }
  std::int64_t iterations(const ConvGeometry& g, const Work& w) const {
    const std::int64_t blocks = cb(g);
    const std::int64_t fills = slab ? blocks * (1 + hs(w) * (1 + 2 * ws(w) * xb)) : 0;
    const std::int64_t step = tile_step_loops(th * tw, nv);
    const std::int64_t sums = blocks * (1 + w.h.taps * (1 + w.w.taps * (1 + th * tw + xb * step)));
    const std::int64_t waits = ceil_div(blocks, chunk) * (2 + (2 + vw) * nv + 3 * th * tw * nv);
    return fills + fg * tiles() * (1 + sums + waits);
  }
};

constexpr std::int64_t kSlabFloats = 72 << 10;  // fits beside weights in the cache of one core

// The tile with the least time for a call, by a model of a core: one multiply per register and step,
// some overhead per step, ends that are computed twice.
void choose_tile(const ConvGeometry& g, const Work& w, const Target& target, Blocking& b) {
  const std::int64_t vectors = ceil_div(g.co, b.vw);
  // In rows each pixel needs an address of its own.
  const double pixel = b.xb == 1 ? 0.25 : 0.1;
  double best = 1e300;
  for (std::int64_t nv = 1; nv <= std::min<std::int64_t>(vectors, 4); ++nv) {
    for (std::int64_t th = 1; th <= std::min<std::int64_t>(w.h.out, 7); ++th) {
      for (std::int64_t tw = 1; tw <= std::min<std::int64_t>(w.w.out, 28); ++tw) {
        const std::int64_t sums = th * tw * nv;
        if (sums + nv + 1 > vector_registers(target)) break;
        const double step = static_cast<double>(std::max<std::int64_t>(sums, 8)) + 1.5 +
                            pixel * static_cast<double>(th * tw) + 0.1 * static_cast<double>(nv);
        const double time = step * static_cast<double>(ceil_div(w.h.out, th)) *
                            static_cast<double>(ceil_div(w.w.out, tw)) *
                            static_cast<double>(ceil_div(vectors, nv));
        if (time < best) {
          best = time;
          b.nv = nv, b.th = th, b.tw = tw;
        }
      }
    }
  }
}

std::int64_t wanted_groups(double flop, const Target& target) {
  // Parts of five microseconds each: fewer, and one unit works while another wakes.
  const int units = std::max(target.compute_units, 1);
  const double rate = target.peak_gflops > 0 ? 1e3 * target.peak_gflops : 1e5;  // flop per us
  const auto worth = static_cast<std::int64_t>(flop / rate * units / 5);
  return std::clamp<std::int64_t>(worth, 1, 8 * units);
}

Blocking choose(const ConvGeometry& g, const Work& w, const Target& target, const Params& params) {
  Blocking b{};
  b.vw = g.y_block;
  b.xb = g.x_block == 0 ? 1 : g.x_block;
  b.slab = !w.reads_inside();
  choose_tile(g, w, target, b);
  if (const std::int64_t nv = tuned(params, "NV", 0); nv > 0) {
    b.nv = std::min(nv, ceil_div(g.co, b.vw));
    b.th = 1;
    b.tw =
        std::min(w.w.out, std::max<std::int64_t>(1, (vector_registers(target) - 1 - b.nv) / b.nv));
  }
  if (const std::int64_t tw = tuned(params, "TW", 0); tw > 0) {
    b.th = 1;
    b.tw = std::min({tw, w.w.out, std::max<std::int64_t>(1, 30 / b.nv)});
  }
  b.rb = w.h.out, b.wb = w.w.out;
  b.fg = b.ft(g), b.chunk = b.cb(g);

  const std::int64_t most =
      std::min(static_cast<std::int64_t>(target.local_memory) / 4, kSlabFloats);
  const auto half_rows = [&] { b.rb = ceil_div(halve(b.rb), b.th) * b.th; };
  const auto half_columns = [&] { b.wb = ceil_div(halve(b.wb), b.tw) * b.tw; };
  while (b.floats(g, w) > most) {
    if (b.rb > 4 * b.th) {
      half_rows();
    } else if (b.chunk < b.cb(g) && b.fg > 1) {
      b.fg = halve(b.fg);
    } else if (b.chunk > 8) {
      b.chunk = halve(b.chunk);
    } else if (b.rb > b.th) {
      half_rows();
    } else if (b.chunk > 1) {
      b.chunk = halve(b.chunk);
    } else if (b.wb > 2 * b.tw) {
      half_columns();
    } else if (b.fg > 1) {
      b.fg = halve(b.fg);
    } else {
      break;
    }
  }
  const double flop = 2.0 * static_cast<double>(g.n * g.groups * g.ci * g.co) *
                      static_cast<double>(w.h.out * w.w.out * w.taps());
  const std::int64_t wanted = wanted_groups(flop, target);
  // All weights pass through the cache once per group of pixels.
  const bool heavy = g.ci * g.co * w.taps() > (128 << 10);
  while (b.groups(g, w) < wanted) {
    if (heavy && b.fg > 1) {
      b.fg = halve(b.fg);
    } else if (b.rb >= 2 * b.th && b.rb > 1) {
      half_rows();
    } else if (b.wb >= 2 * b.tw) {
      half_columns();
    } else if (b.fg > 1) {
      b.fg = halve(b.fg);
    } else {
      break;
    }
  }
  // Long runs of pixels without a slab: short enough to stay in the cache for all filters.
  if (!b.slab) {
    const std::int64_t pixels =
        std::max<std::int64_t>(b.tw, kSlabFloats / std::max<std::int64_t>(g.ci, 1));
    while (b.rb * b.wb > pixels && b.rb >= 2 * b.th && b.rb > 1) half_rows();
    while (b.rb * b.wb > pixels && b.wb >= 2 * b.tw) half_columns();
  }
  b.rb = std::min(b.rb, w.h.out), b.wb = std::min(b.wb, w.w.out);
  return b;
}

std::int64_t packed_floats(const ConvGeometry& g, const Work& w, const Blocking& b) {
  return std::max<std::int64_t>(1, g.groups * b.ft(g) * b.cb(g) * w.taps() * b.xb * b.nv * b.vw);
}

void add_pack(KernelCall& call, const ConvGeometry& g, const Work& w, const Blocking& b,
              BufferRef packed) {
  const bool whole = reads_whole_vectors(g) && b.xb == b.vw && g.taps() <= kMostTaps;
  call.define("VW", b.vw).define("XB", b.xb).define("NF", b.nv * b.vw);
  call.define("WHOLE", whole ? 1 : 0);
  call.define("TURNED", g.flipped ? 1 : 0);
  if (whole) call.define("TAPS", g.taps());
  call.arg(in(1)).arg(packed);
  for (const std::int64_t value :
       {g.ci, g.co, w.h.taps, w.w.taps, g.kw, w.h.first_tap, w.h.tap_step, w.w.first_tap,
        w.w.tap_step, g.weight_row, g.weight_channel, g.ci * g.co * g.taps()}) {
    call.arg(to_int(value));
  }
  std::array<std::size_t, 3> range = {to_size(b.cb(g)), to_size(b.ft(g) * b.nv), to_size(g.groups)};
  if (g.flipped) std::swap(range[0], range[1]);
  call.range(range, {1, 1, 1});
  call.loops(pack_loops(b.vw, g.taps()) + w.taps() * (1 + b.xb * (b.vw + 1)));
}

void add_work(Lowering& lowering, const OpView& op, const ConvGeometry& g, const Work& w,
              const Blocking& b, bool is_forward) {
  BufferRef packed = in(1);  // not read without taps
  if (w.taps() > 0) {
    const auto bytes = to_size(packed_floats(g, w, b)) * sizeof(float);
    const bool once = op.is_fixed(1);
    packed = once ? lowering.add_kept(bytes) : lowering.add_scratch(bytes);
    add_pack(once ? lowering.prepare_call("conv2d/pack_blocked.cl")
                  : lowering.call("conv2d/pack_blocked.cl"),
             g, w, b, packed);
  }
  const bool chunked = b.chunk < b.cb(g);
  const bool whole = w.h.out % b.rb == 0 && w.w.out % b.wb == 0;
  KernelCall& call = lowering.call("conv2d/blocked.cl");
  call.define("VW", b.vw).define("XB", b.xb).define("G", g.groups);
  call.define("KH", w.h.taps).define("KW", w.w.taps);
  call.define("SH", w.h.stride).define("SW", w.w.stride);
  call.define("DH", w.h.dilation).define("DW", w.w.dilation);
  call.define("OSH", w.h.out_step).define("OSW", w.w.out_step);
  call.define("TH", b.th).define("TW", b.tw).define("NV", b.nv);
  call.define("SLAB", b.slab ? 1 : 0).define("CHUNKED", chunked ? 1 : 0);
  call.define("WHOLE", whole ? 1 : 0);
  call.define("TAIL", g.ci % b.xb);
  call.define("FULL", g.co % (b.nv * b.vw) == 0 ? 1 : 0);
  call.arg(in(0)).arg(packed);
  if (is_forward) add_epilogue(call, op, static_cast<int>(b.vw));
  call.arg(out());
  if (b.slab) call.arg(LocalBytes{to_size(b.slab_floats(w)) * sizeof(float)});
  if (chunked) call.arg(LocalBytes{to_size(b.sum_floats(g)) * sizeof(float)});
  const bool flat = w.h.in != g.hi;  // see conv_works()
  for (const std::int64_t value :
       {g.ci, w.h.in, w.w.in, g.co, w.h.out, w.w.out, w.h.pad, w.w.pad, flat ? 1 : g.ho,
        flat ? g.ho * g.wo : g.wo, w.h.out_first, w.w.out_first, b.rb, b.wb, b.fg, b.chunk}) {
    call.arg(to_int(value));
  }
  call.range({to_size(b.row_blocks(w) * b.column_blocks(w)),
              to_size(g.groups * ceil_div(b.ft(g), b.fg)), to_size(g.n)},
             {1, 1, 1});
  call.loops(b.iterations(g, w));
}

}  // namespace

void describe(KernelCall& call, const ConvGeometry& g, const ConvWork& w) {
  call.define("HI", w.h.in).define("WI", w.w.in);
  call.define("HO", w.h.out).define("WO", w.w.out);
  call.define("KH", w.h.taps).define("KW", w.w.taps);
  call.define("SH", w.h.stride).define("SW", w.w.stride);
  call.define("DH", w.h.dilation).define("DW", w.w.dilation);
  call.define("PT", w.h.pad).define("PL", w.w.pad);
  const bool flat = w.h.in != g.hi;  // see conv_works()
  call.define("HY", flat ? 1 : g.ho).define("WY", flat ? g.ho * g.wo : g.wo);
  call.define("OH0", w.h.out_first).define("OW0", w.w.out_first);
  call.define("OSH", w.h.out_step).define("OSW", w.w.out_step);
}

void describe_taps(KernelCall& call, const ConvGeometry& g, const ConvWork& w) {
  call.define("KH", w.h.taps).define("KW", w.w.taps).define("KHW", g.kw);
  call.define("TH0", w.h.first_tap).define("THS", w.h.tap_step);
  call.define("TW0", w.w.first_tap).define("TWS", w.w.tap_step);
}

bool reads_whole_vectors(const ConvGeometry& g) {
  return g.y_block >= 4 && g.ci % g.y_block == 0 && g.co % g.y_block == 0;
}

std::int64_t pack_loops(std::int64_t block, std::int64_t taps) {
  return taps * (1 + 2 * block + block * block);
}

bool is_depthwise(const ConvGeometry& g) { return g.ci == 1 && g.co == 1 && g.groups > 1; }

Decline blocked_only(const ConvGeometry& g, const Target& target) {
  if (g.y_block == 0) return "made for channels in blocks; here they are rows";
  if (target.family != Family::wide) {
    return "made for wide devices: one work-item per group with explicit vectors";
  }
  if (Decline reason = in_order_only(g)) return reason;
  if (g.groups > 1 && (g.ci % g.y_block != 0 || g.co % g.y_block != 0)) {
    return fmt::format("groups of {} and {} channels do not fill blocks of {}", g.ci, g.co,
                       g.y_block);
  }
  return fits_32_bits(g);
}

Variant conv2d_blocked(Pass pass) {
  return {.name = "blocked",
          .accepts = [pass](const OpView& op, const Target& target) -> Decline {
            const ConvGeometry g = pass(op);
            if (Decline reason = blocked_only(g, target)) return reason;
            for (const Work& w : conv_works(g)) {
              const Blocking b = choose(g, w, target, {});
              if (b.floats(g, w) * 4 > static_cast<std::int64_t>(target.local_memory)) {
                return fmt::format("needs {} bytes of local memory; this device has {}",
                                   b.floats(g, w) * 4, target.local_memory);
              }
              if (Decline reason = fits_loop_limit(target, b.iterations(g, w))) return reason;
            }
            return std::nullopt;
          },
          .lower =
              [pass](const OpView& op, const Target& target, const Params& params) {
                const ConvGeometry g = pass(op);
                Lowering lowering;
                for (const Work& w : conv_works(g)) {
                  add_work(lowering, op, g, w, choose(g, w, target, params), !g.flipped);
                }
                return lowering;
              },
          .space = {{"NV", {0, 1, 2, 3, 4}}, {"TW", {0, 6, 7, 8, 10, 12, 14}}}};
}

}  // namespace pinnacle
