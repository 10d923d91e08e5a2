// pool2d, blocked: channels in blocks of a vector, for devices that run one work-item per group.
// SPDX-License-Identifier: Apache-2.0
#include "ops/blocked.hpp"

#include <algorithm>

#include "ops/epilogue.hpp"
#include "ops/launch.hpp"
#include "ops/pool2d/pool2d.hpp"

namespace pinnacle {
namespace {

// Rows of a plane and planes that a group does.
struct Cut {
  std::int64_t rows = 1, planes = 1;
  std::int64_t loops = 0;
};

Cut cut_forward(const PoolGeometry& g, const Target& target) {
  const std::int64_t loops = 1 + g.wo * (1 + g.kh * (1 + g.kw));
  const std::int64_t cost = g.block * g.wo * (g.stride_h * g.stride_w + g.taps() / 4);
  const std::int64_t each = units_each(g.planes * g.ho, cost, loops, target);
  Cut cut;
  cut.planes = std::max<std::int64_t>(each / g.ho, 1);
  cut.rows = std::min(each, g.ho);
  cut.loops = cut.planes * (1 + cut.rows * loops);
  return cut;
}

Cut cut_backward(const PoolGeometry& g, const Target& target) {
  // Rows of windows over a row of the input, and the elements of each.
  const std::int64_t rows = std::min(ceil_div(g.kh, g.stride_h), g.ho);
  const std::int64_t columns = std::min(ceil_div(g.kw, g.stride_w), g.wo);
  const std::int64_t gathered = g.wi * (1 + rows * (1 + columns));
  const std::int64_t scattered =
      g.wi + rows * (1 + 2 * g.taps() + g.wo * (1 + 2 * g.kh * (1 + g.kw)));
  const std::int64_t loops = 1 + std::max(gathered, scattered);
  const std::int64_t each = units_each(g.planes * g.hi, 2 * g.block * g.wi, loops, target);
  Cut cut;
  cut.planes = std::max<std::int64_t>(each / g.hi, 1);
  cut.rows = std::min(each, g.hi);
  cut.loops = cut.planes * (1 + cut.rows * loops);
  return cut;
}

Variant make(PoolKind kind, PoolPass pass, Cut (*cut)(const PoolGeometry&, const Target&),
             bool backward) {
  return {.name = "blocked",
          .accepts = [=](const OpView& op, const Target& target) -> Decline {
            const PoolGeometry g = pass(op);
            if (g.block == 1) return "made for channels in blocks";
            if (target.family != Family::wide) {
              return "made for wide devices: one work-item per group with explicit vectors";
            }
            if (g.block != 4 && g.block != 8 && g.block != 16) {
              return fmt::format("blocks of {} channels; there are vectors of 4, 8 and 16",
                                 g.block);
            }
            if (Decline reason = whole_windows(g)) return reason;
            return fits_loop_limit(target, cut(g, target).loops);
          },
          .lower =
              [=](const OpView& op, const Target& target, const Params&) {
                const PoolGeometry g = pass(op);
                const Cut of_op = cut(g, target);
                Lowering lowering;
                KernelCall& call =
                    lowering.call(backward ? "pool2d/backward_blocked.cl" : "pool2d/blocked.cl");
                call.define("VW", g.block).define("ROWS", of_op.rows).define("PG", of_op.planes);
                describe(call, g, kind);
                add_operands(call, op);
                call.range({static_cast<std::size_t>(ceil_div(backward ? g.hi : g.ho, of_op.rows)),
                            static_cast<std::size_t>(ceil_div(g.planes, of_op.planes)), 1},
                           {1, 1, 1});
                call.loops(of_op.loops);
                return lowering;
              },
          .space = {}};
}

}  // namespace

Variant pool2d_blocked(PoolKind kind, PoolPass pass) {
  return make(kind, pass, cut_forward, false);
}

Variant pool2d_backward_blocked(PoolKind kind, PoolPass pass) {
  return make(kind, pass, cut_backward, true);
}

std::optional<BlockedForm> pool2d_form(const OpView& op, std::int64_t block, const Target& target) {
  if (is_blocked(op.out_shape())) return std::nullopt;
  Node node = *op.node;
  if (node.attributes.has("input_shape")) {
    node.attributes.set("input_shape", blocked_shape(op.out_shape(), block).dims());
  }
  OpView blocked = op;
  blocked.node = &node;
  for (auto& type : blocked.in) type->shape = blocked_shape(type->shape, block);
  blocked.out[0].shape = blocked_shape(op.out_shape(), block);
  if (node.def->variants[0].accepts(blocked, target)) return std::nullopt;
  BlockedForm form = same_op(blocked, std::vector<bool>(op.in.size(), true), {true});
  // On rows the kernels shuffle elements; about half the speed.
  form.seconds_saved = seconds_to_move(op.operand_bytes(), target) +
                       seconds_to_move(op.operand_bytes() - blocked.operand_bytes(), target);
  return form;
}

}  // namespace pinnacle
