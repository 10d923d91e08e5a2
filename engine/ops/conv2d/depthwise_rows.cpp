// conv2d, depthwise_rows: a filter per channel on rows, for devices that run one work-item per group.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/conv2d/blocked.hpp"
#include "ops/epilogue.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

constexpr std::int64_t kRows = 4;               // of outputs, computed together
constexpr std::int64_t kMostRows = 24;          // of inputs, read for those
constexpr std::int64_t kMostFloats = 16 << 10;  // of a channel in local memory

std::size_t to_size(std::int64_t value) { return static_cast<std::size_t>(value); }

// As in the kernel.
std::int64_t local_floats(const ConvGeometry& g, const Target& target) {
  const std::int64_t rows = (g.ho - 1) * g.stride_h + (g.kh - 1) * g.dilation_h + 1;
  const std::int64_t read = (g.wo - 1) * g.stride_w + (g.kw - 1) * g.dilation_w + 1;
  return rows * std::max(read, g.wi + g.pad_left) + g.pad_left + 3 * target.vector_width;
}

// Some groups for each unit; the more channels one takes, the less it spends on clearing.
std::int64_t channels(const ConvGeometry& g, const Target& target) {
  return ceil_div(g.n * g.groups, 8 * std::max(target.compute_units, 1));
}

// Input rows under the output rows that are computed together.
std::int64_t rows_under(const ConvGeometry& g) {
  return (kRows - 1) * g.stride_h + (g.kh - 1) * g.dilation_h + 1;
}

std::int64_t iterations(const ConvGeometry& g, const Target& target) {
  const std::int64_t vw = target.vector_width;
  const std::int64_t fill = g.hi * (1 + std::max(ceil_div(g.wi, vw), std::min(g.wi, vw)));
  const std::int64_t tile = 2 * kRows + rows_under(g) * (1 + g.kw * (1 + kRows));
  const std::int64_t sums =
      ceil_div(g.ho, kRows) * (1 + g.taps() + ceil_div(g.wo, vw) * (1 + tile));
  return local_floats(g, target) + channels(g, target) * (1 + fill + sums + kRows * vw);
}

Decline accepts(const ConvGeometry& g, const Target& target) {
  if (target.family != Family::wide) {
    return "made for wide devices: one work-item per group with explicit vectors";
  }
  if (!is_depthwise(g)) return "made for a filter per channel";
  if (Decline reason = rows_only(g)) return reason;
  if (g.spread_h != 1 || g.spread_w != 1 || g.stride_w > 2) {
    return "made for strides of 1 and 2 over inputs without zeros between them";
  }
  if (g.pad_top < 0 || g.pad_left < 0) return "reads all of the input; here some is cut off";
  if (target.vector_width < 4) return "made for vectors of 4 or more";
  if (g.taps() > kMostTaps) {
    return fmt::format("{} taps do not fit into registers; at most {} do", g.taps(), kMostTaps);
  }
  if (rows_under(g) > kMostRows) return "made for small strides and dilations";
  const std::int64_t most =
      std::min(static_cast<std::int64_t>(target.local_memory) / 4, kMostFloats);
  if (local_floats(g, target) > most) {
    return fmt::format("needs {} bytes of local memory for a channel; here {} are worth using",
                       4 * local_floats(g, target), 4 * most);
  }
  return fits_loop_limit(target, iterations(g, target));
}

}  // namespace

Variant conv2d_depthwise_rows(Pass pass) {
  return {
      .name = "depthwise_rows",
      .accepts = [pass](const OpView& op, const Target& target) -> Decline {
        return accepts(pass(op), target);
      },
      .lower =
          [pass](const OpView& op, const Target& target, const Params&) {
            const ConvGeometry g = pass(op);
            Lowering lowering;
            KernelCall& call = lowering.call("conv2d/depthwise_rows.cl");
            call.define("VW", target.vector_width).define("CHANNELS", channels(g, target));
            call.define("ROWS", std::min(kRows, g.ho));
            describe(call, g);
            finish_forward(call, op, target.vector_width, {1});
            call.range({to_size(ceil_div(g.n * g.groups, channels(g, target))), 1, 1}, {1, 1, 1});
            call.loops(iterations(g, target));
            return lowering;
          },
      .space = {}};
}

}  // namespace pinnacle
