// sequence: all steps in one call, a work-item for each direction of each row of the batch.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/epilogue.hpp"
#include "ops/launch.hpp"
#include "ops/recurrent/recurrent.hpp"

namespace pinnacle {
namespace {

using namespace recurrent_input;

// The directions' activations are one set of functions in the kernel.
bool directions_agree(const Recurrence& r) {
  const auto middle = r.activations.begin() + static_cast<std::ptrdiff_t>(r.activations_each());
  return r.directions == 1 || std::equal(r.activations.begin(), middle, middle);
}

std::int64_t vector_width(const Recurrence& r, const Target& target) {
  return power_of_two(r.hidden, target.vector_width);
}

// Iterations of the only work-item of a sequence.
std::int64_t loops(const Recurrence& r, std::int64_t vw) {
  const std::int64_t tiles = ceil_div(r.hidden, vw);
  const std::int64_t phases = r.has_two_phases() ? 2 : 1;
  // A vector's products; in the last one of a row, which may be short, lane by lane.
  const std::int64_t products = r.hidden * (1 + r.gates);
  const std::int64_t lanes = r.hidden % vw == 0 ? 0 : products * vw;
  return r.steps * (1 + phases * (tiles * (products + 16 + r.gates) + lanes + 16 * vw)) +
         3 * r.hidden + r.steps * (1 + r.hidden);
}

Lowering lower(const OpView& op, const Target& target, const Params&) {
  const Recurrence r = recurrence_of(op);
  const auto vw = static_cast<int>(vector_width(r, target));
  Lowering lowering;
  KernelCall& call = lowering.call("recurrent/sequence.cl");
  call.define("VW", vw).define("CELL", r.cell == Cell::lstm ? 1 : r.cell == Cell::gru ? 2 : 0);
  if (r.cell == Cell::gru) call.define("LINEAR", r.linear_before_reset ? 1 : 0);
  if (r.input_forget) call.define("COUPLED", 1);
  if (r.has_lengths) call.define("HAS_LENGTHS", 1);
  if (r.has_peepholes) call.define("HAS_PEEPHOLES", 1);
  if (r.has_bias) call.define("HAS_BIAS", 1);
  if (r.clip) {
    call.define("HAS_CLIP", 1);
    call.define("CLIP", fmt::format("{:e}f", static_cast<float>(*r.clip)));
  }
  call.prelude = "#define HAS_ACTIVATIONS 1\n";
  constexpr const char* kNames[] = {"act_f", "act_g", "act_h"};
  for (std::size_t i = 0; i < r.activations_each(); ++i) {
    call.prelude += expression_functions(r.activations[i], kNames[i], 1, {vw});
  }
  call.arg(in(kProducts)).arg(in(kWeights)).arg(in(kHidden));
  if (r.has_lengths) call.arg(in(kLengths));
  if (r.cell == Cell::lstm) call.arg(in(kCell));
  if (r.has_peepholes) call.arg(in(kPeepholes));
  if (r.has_bias) call.arg(in(kBias));
  call.arg(out(0)).arg(out(1));
  if (r.cell == Cell::lstm) call.arg(out(2));
  if (r.has_two_phases()) {
    call.arg(lowering.add_scratch(2 * op.out[1].bytes()));
  }
  call.arg(to_int(r.steps)).arg(to_int(r.batch)).arg(to_int(r.hidden));
  call.arg(static_cast<std::int32_t>(r.first_backward));
  call.range({static_cast<std::size_t>(r.batch), static_cast<std::size_t>(r.directions), 1},
             {1, 1, 1});
  call.loops(loops(r, vw));
  return lowering;
}

Decline accepts(const OpView& op, const Target& target) {
  const Recurrence r = recurrence_of(op);
  if (target.family != Family::wide) {
    return "made for devices that run one work-item per group well";
  }
  if (!directions_agree(r)) return "the activations of the two directions differ";
  for (const auto& type : op.in) {
    if (type && type->shape.elements() > INT32_MAX) return "an input has more than 2^31 elements";
  }
  return fits_loop_limit(target, loops(r, vector_width(r, target)));
}

}  // namespace

Variant recurrent_sequence() {
  return {.name = "sequence", .accepts = accepts, .lower = lower, .space = {}};
}

}  // namespace pinnacle
