// all_reduce(x...) -> y...: each y is the sum of the participants' x (exchange.hpp).
// all_reduce_moments(mean, variance) {share} -> mean and variance of all samples from those of each
// participant's share. A participant alone gets what it gives. The loss that is differentiated is the
// participant's part; the parts' sum is the loss of the job.
// Source: Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983, equation 2.1.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>

namespace pinnacle {
namespace {

std::vector<TensorType> infer_sum(const OpView& op) {
  if (op.in.empty()) shape_error(op, "has no inputs; expected 1 or more");
  std::vector<TensorType> types;
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (!op.has_input(i) || op.in[i]->dtype != DType::f32) {
      shape_error(op, "input {} is {}; expected f32", i,
                  op.has_input(i) ? to_string(*op.in[i]) : std::string("absent"));
    }
    types.push_back(*op.in[i]);
  }
  return types;
}

double share_of(const OpView& op) {
  const double share = op.attributes().number("share");
  if (!(share >= 0 && share <= 1)) shape_error(op, "share is {}; expected in [0, 1]", share);
  return share;
}

std::vector<TensorType> infer_moments(const OpView& op) {
  check_inputs(op, 2, 2);
  if (*op.in[0] != *op.in[1]) {
    shape_error(op, "mean is {} but variance is {}", *op.in[0], *op.in[1]);
  }
  share_of(op);
  return infer_sum(op);
}

std::vector<Array> reference(const OpView&, std::span<const Array> in) {
  return {in.begin(), in.end()};
}

// What a participant's x does to everyone's loss: the sum of what it does to each.
std::vector<ValueId> gradient_sum(const GradientView& g) {
  std::vector<ValueId> arriving;
  for (const ValueId id : g.dy) {
    if (id != kNoValue) arriving.push_back(id);
  }
  const std::vector<ValueId> sums = g.b.apply_all(find_op("all_reduce"), arriving);
  std::vector<ValueId> dx;
  std::size_t next = 0;
  for (const ValueId id : g.dy) dx.push_back(id == kNoValue ? kNoValue : sums[next++]);
  return dx;
}

// mean = sum of share_i m_i, variance = sum of share_i (v_i + (m_i - mean)^2):
//   dm_i = share_i (dmean + 2 (m_i - mean) dvariance), dv_i = share_i dvariance.
std::vector<ValueId> gradient_moments(const GradientView& g) {
  Builder& b = g.b;
  const ValueId share = b.constant(static_cast<float>(g.node.attributes.number("share")));
  const std::vector<ValueId> sums = gradient_sum(g);
  const auto times = [&](ValueId x, ValueId y) { return b.apply("mul", {x, y}); };
  std::vector<ValueId> dx(2, kNoValue);
  if (sums[0] != kNoValue) dx[0] = times(sums[0], share);
  if (sums[1] != kNoValue) {
    dx[1] = times(sums[1], share);
    const ValueId away = b.apply("sub", {g.x[0], g.y[0]});
    const ValueId more = times(b.apply("add", {away, away}), dx[1]);
    dx[0] = dx[0] == kNoValue ? more : b.apply("add", {dx[0], more});
  }
  return dx;
}

Cost cost(const OpView& op) {
  double elements = 0;
  for (const TensorType& type : op.out) elements += static_cast<double>(type.shape.elements());
  return {.flop = elements, .bytes = op.operand_bytes()};
}

Variant exchange(ExchangeCall::Kind kind) {
  return {.name = "exchange",
          .accepts = [](const OpView&, const Target&) -> Decline { return std::nullopt; },
          .lower =
              [kind](const OpView& op, const Target&, const Params&) {
                const bool moments = kind == ExchangeCall::Kind::moments;
                ExchangeCall call{.kind = kind,
                                  .name = op.node->name,
                                  .share = moments ? share_of(op) : 1.0,
                                  .inputs = {},
                                  .outputs = {}};
                Lowering lowering;
                lowering.outputs_together = true;
                for (int i = 0; i < static_cast<int>(op.in.size()); ++i) {
                  call.inputs.push_back(in(i));
                  call.outputs.push_back(out(i));
                  // The gradient of moments looks at what came in.
                  if (!moments) lowering.may_share.emplace_back(i, i);
                }
                lowering.calls.emplace_back(std::move(call));
                return lowering;
              },
          .space = {}};
}

}  // namespace

std::vector<OpDef> all_reduce_ops() {
  return {{.name = "all_reduce",
           .infer = infer_sum,
           .reference = reference,
           .gradient = gradient_sum,
           .cost = cost,
           .variants = std::vector<Variant>{exchange(ExchangeCall::Kind::sum)},
           .exchanges = true},
          {.name = "all_reduce_moments",
           .infer = infer_moments,
           .reference = reference,
           .gradient = gradient_moments,
           .cost = cost,
           .variants = std::vector<Variant>{exchange(ExchangeCall::Kind::moments)},
           .exchanges = true}};
}

}  // namespace pinnacle
