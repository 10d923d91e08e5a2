// When convolutions run on channels in blocks, and what that saves next to rows.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/blocked.hpp"
#include "ops/conv2d/blocked.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// Shares of the device's peak that the kernels reach on rows and in blocks, about.
constexpr double kRows = 0.5;
constexpr double kBlocked = 0.85;

double round_up(std::int64_t n, std::int64_t block) {
  return static_cast<double>(ceil_div(n, block) * block);
}

// The form with these inputs in blocks, if the variants for blocks accept it.
std::optional<BlockedForm> form(const OpView& op, std::int64_t block, const Target& target,
                                std::vector<bool> inputs, bool output) {
  Node node = *op.node;
  if (output) node.attributes.set("block", block);
  OpView blocked = op;
  blocked.node = &node;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i]) blocked.in[i]->shape = blocked_shape(op.shape(i), block);
  }
  if (output) blocked.out[0].shape = blocked_shape(op.out_shape(), block);
  const std::vector<Variant>& variants = node.def->variants;
  if (std::all_of(variants.begin(), variants.end(), [&](const Variant& variant) {
        return variant.accepts(blocked, target).has_value();
      })) {
    return std::nullopt;
  }
  return same_op(blocked, std::move(inputs), {output});
}

double seconds(double flop, double share, const Target& target) {
  const double peak = target.peak_gflops > 0 ? target.peak_gflops : 100;
  return 1e-9 * flop / (peak * share);
}

// Few input channels are read from rows: a block of them would be mostly empty.
bool reads_rows(const ConvGeometry& g, std::int64_t block) {
  return g.groups == 1 && 2 * g.ci < block;
}

}  // namespace

std::optional<BlockedForm> conv2d_form(const OpView& op, std::int64_t block, const Target& target) {
  if (is_blocked(op.shape(0))) return std::nullopt;
  const ConvGeometry g = forward_pass(op);
  std::vector<bool> inputs(op.in.size(), false);
  inputs[0] = !reads_rows(g, block);
  if (op.has_input(3)) inputs[3] = true;
  auto result = form(op, block, target, std::move(inputs), true);
  if (!result) return result;
  const double lanes = is_depthwise(g) ? 1 : round_up(g.co, block) / static_cast<double>(g.co);
  result->seconds_saved =
      seconds(g.flop(), kRows, target) - seconds(g.flop() * lanes, kBlocked, target);
  return result;
}

std::optional<BlockedForm> conv2d_data_form(const OpView& op, std::int64_t block,
                                            const Target& target) {
  if (is_blocked(op.shape(0))) return std::nullopt;
  const ConvGeometry g = data_pass(op);
  if (reads_rows(g, block)) return std::nullopt;
  auto result = form(op, block, target, {true, false}, true);
  if (!result) return result;
  const double lanes = is_depthwise(g) ? 1 : round_up(g.co, block) / static_cast<double>(g.co);
  const double flop = op.node->def->cost(op).flop;
  // On rows the zeros between the inputs of a strided pass are multiplied, too.
  const auto zeros = static_cast<double>(g.spread_h * g.spread_w);
  result->seconds_saved =
      seconds(flop * zeros, kRows, target) - seconds(flop * lanes, kBlocked, target);
  return result;
}

std::optional<BlockedForm> conv2d_filter_form(const OpView& op, std::int64_t block,
                                              const Target& target) {
  if (is_blocked(op.shape(0))) return std::nullopt;
  const ConvGeometry g = filter_pass(op);
  const bool rows = reads_rows(g, block);
  auto result = form(op, block, target, {!rows, true}, false);
  if (!result) return result;
  double lanes = 1;
  if (!is_depthwise(g)) {
    lanes = round_up(g.co, block) / static_cast<double>(g.co);
    if (!rows) lanes *= round_up(g.ci, block) / static_cast<double>(g.ci);
  }
  result->seconds_saved =
      seconds(g.flop(), kRows, target) - seconds(g.flop() * lanes, kBlocked, target);
  return result;
}

}  // namespace pinnacle
