// batch_norm_training: normalisation with the statistics of the batch, which it also returns (the
// variance is the biased one). batch_norm: with given statistics, for inference, and for training whose
// statistics are those of several devices.
// Source: Ioffe, Szegedy, "Batch normalization", 2015, arXiv:1502.03167.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cmath>

#include "ops/blocked.hpp"
#include "ops/epilogue.hpp"
#include "ops/launch.hpp"
#include "ops/pointwise/lowering.hpp"

namespace pinnacle {
namespace {

// x as [batch, channels, size], or in blocks as [batch, ceil(channels / block), size, block].
struct Extents {
  std::int64_t batch = 1, channels = 1, size = 1, block = 1;

  std::int64_t blocks() const { return ceil_div(channels, block); }
  std::size_t index(std::int64_t n, std::int64_t c, std::int64_t s) const {
    return static_cast<std::size_t>(((n * blocks() + c / block) * size + s) * block + c % block);
  }

  std::int64_t count() const { return batch * size; }
};

Extents extents_of(const Shape& x, std::int64_t channels) {
  if (is_blocked(x)) {
    return {.batch = x[0], .channels = channels, .size = x[2] * x[3], .block = x[4]};
  }
  return {.batch = x[0], .channels = channels, .size = x.elements(2, x.rank())};
}

void check_x(const OpView& op, std::size_t i, const char* name) {
  check_f32(op, i, name);
  const Shape& x = op.shape(i);
  if ((x.rank() != 2 && x.rank() != 4 && x.rank() != 5) || x.elements() == 0) {
    shape_error(op, "{} is {}; expected [N, C], [N, C, H, W], or blocks [N, C / B, H, W, B]", name,
                x);
  }
}

void check_channels(const OpView& op, std::size_t i, const char* name, const Shape& x) {
  check_f32(op, i, name);
  if (is_blocked(x)) {
    const Shape& c = op.shape(i);
    if (c.rank() != 1 || ceil_div(c[0], x[4]) != x[1]) {
      shape_error(op, "{} is {} but x is {}; expected up to {} channels in {} blocks", name, c, x,
                  x[1] * x[4], x[1]);
    }
    return;
  }
  if (!(op.shape(i) == Shape{x[1]})) {
    shape_error(op, "{} is {} but x is {}; expected [{}]", name, op.shape(i), x, x[1]);
  }
}

// In blocks x alone does not say how many channels there are.
void check_same(const OpView& op, std::size_t i, std::initializer_list<std::size_t> others) {
  for (const std::size_t other : others) {
    if (!(op.shape(i) == op.shape(other))) {
      shape_error(op, "inputs {} and {} are {} and {}; expected the same", i, other, op.shape(i),
                  op.shape(other));
    }
  }
}

double epsilon_of(const OpView& op) {
  const double epsilon = op.attributes().number("epsilon");
  if (!(epsilon >= 0)) shape_error(op, "epsilon is {}; expected 0 or more", epsilon);
  return epsilon;
}

// ---- batch_norm_training -----------------------------------------------------------------------

std::vector<TensorType> infer_training(const OpView& op) {
  check_inputs(op, 3, 3);
  check_x(op, 0, "x");
  check_channels(op, 1, "gamma", op.shape(0));
  check_channels(op, 2, "beta", op.shape(0));
  check_same(op, 1, {2});
  epsilon_of(op);
  return {*op.in[0], *op.in[1], *op.in[1]};
}

// Calls element(index in x) for every element of a channel.
template <class Element>
void for_channel(const Extents& e, std::int64_t channel, Element element) {
  for (std::int64_t n = 0; n < e.batch; ++n) {
    for (std::int64_t s = 0; s < e.size; ++s) {
      element(e.index(n, channel, s));
    }
  }
}

std::vector<Array> reference_training(const OpView& op, std::span<const Array> in) {
  const Extents e = extents_of(in[0].shape, in[1].shape[0]);
  const auto count = static_cast<double>(e.count());
  const std::vector<double>& x = in[0].data;
  Array y(in[0].shape);
  Array means(Shape{e.channels});
  Array variances(Shape{e.channels});
  for (std::int64_t channel = 0; channel < e.channels; ++channel) {
    const auto c = static_cast<std::size_t>(channel);
    double& mean = means.data[c];
    double& variance = variances.data[c];
    for_channel(e, channel, [&](std::size_t i) { mean += x[i] / count; });
    for_channel(e, channel,
                [&](std::size_t i) { variance += (x[i] - mean) * (x[i] - mean) / count; });
    const double deviation = std::sqrt(variance + epsilon_of(op));
    for_channel(e, channel, [&](std::size_t i) {
      y.data[i] = (x[i] - mean) / deviation * in[1].data[c] + in[2].data[c];
    });
  }
  return {std::move(y), std::move(means), std::move(variances)};
}

// [C] as a shape that broadcasts to x.
Shape beside(const Shape& x) { return x.rank() == 2 ? Shape{x[1]} : Shape{x[1], 1, 1}; }

// What the statistics of x hand on to it: dmean / count + 2 (x - mean) / count dvariance.
// kNoValue where neither arrives. The numbers of the channels are made first: what is left for the
// elements is one formula.
ValueId through_statistics(Builder& b, ValueId x, ValueId mean, ValueId dmean, ValueId dvariance) {
  const Shape shape = b.shape(x);
  const auto count = static_cast<double>(extents_of(shape, shape[1]).count());
  const auto across = [&](ValueId value) {
    return b.apply("reshape", {value}, {{"shape", beside(shape).dims()}});
  };
  const auto scaled = [&](ValueId value, double factor) {
    return across(
        b.apply("pointwise", {value}, {{"expression", fmt::format("mul(x0, {})", factor)}}));
  };
  ValueId dx = kNoValue;
  if (dvariance != kNoValue) {
    dx = b.apply("mul", {b.apply("sub", {x, across(mean)}), scaled(dvariance, 2 / count)});
  }
  if (dmean == kNoValue) return dx;
  const ValueId part = scaled(dmean, 1 / count);
  if (dx != kNoValue) return b.apply("add", {dx, part});
  return b.apply("expand", {part}, {{"shape", shape.dims()}});
}

std::vector<ValueId> gradient_training(const GradientView& g) {
  Builder& b = g.b;
  std::vector<ValueId> dx{kNoValue, kNoValue, kNoValue};
  if (g.dy[0] != kNoValue) {
    dx = b.apply_all(find_op("batch_norm_backward"), {g.dy[0], g.x[0], g.x[1], g.y[1], g.y[2]},
                     {{"epsilon", g.node.attributes.number("epsilon")}});
  }
  if (!g.wanted[0]) return dx;
  // mean and variance are functions of x, too, should the loss use them.
  const ValueId more = through_statistics(b, g.x[0], g.y[1], g.dy[1], g.dy[2]);
  if (more != kNoValue) dx[0] = dx[0] == kNoValue ? more : b.apply("add", {dx[0], more});
  return dx;
}

// ---- batch_norm_backward(dy, x, gamma, mean, variance) -> dx, dgamma, dbeta --------------------

std::vector<TensorType> infer_backward(const OpView& op) {
  check_inputs(op, 5, 5);
  check_x(op, 1, "x");
  check_f32(op, 0, "dy");
  if (!(op.shape(0) == op.shape(1))) {
    shape_error(op, "dy is {} but x is {}", op.shape(0), op.shape(1));
  }
  check_channels(op, 2, "gamma", op.shape(1));
  check_channels(op, 3, "mean", op.shape(1));
  check_channels(op, 4, "variance", op.shape(1));
  check_same(op, 2, {3, 4});
  epsilon_of(op);
  return {*op.in[1], *op.in[2], *op.in[2]};
}

std::vector<Array> reference_backward(const OpView& op, std::span<const Array> in) {
  const Extents e = extents_of(in[1].shape, in[2].shape[0]);
  const auto count = static_cast<double>(e.count());
  const std::vector<double>& dy = in[0].data;
  const std::vector<double>& x = in[1].data;
  Array dx(in[1].shape);
  Array dgamma(Shape{e.channels});
  Array dbeta(Shape{e.channels});
  for (std::int64_t channel = 0; channel < e.channels; ++channel) {
    const auto c = static_cast<std::size_t>(channel);
    const double deviation = std::sqrt(in[4].data[c] + epsilon_of(op));
    const auto h = [&](std::size_t i) { return (x[i] - in[3].data[c]) / deviation; };
    for_channel(e, channel, [&](std::size_t i) {
      dbeta.data[c] += dy[i];
      dgamma.data[c] += dy[i] * h(i);
    });
    for_channel(e, channel, [&](std::size_t i) {
      dx.data[i] =
          in[2].data[c] / deviation * (dy[i] - (dbeta.data[c] + h(i) * dgamma.data[c]) / count);
    });
  }
  return {std::move(dx), std::move(dgamma), std::move(dbeta)};
}

// ---- The parts of both, for statistics of more samples than these (see split_batch_norm) -------
// batch_norm_statistics(x) {channels} -> mean, variance. `channels` is there where x is in blocks.
// batch_norm_sums(dy, x, mean, variance) -> dgamma, dbeta.

std::vector<TensorType> infer_statistics(const OpView& op) {
  check_inputs(op, 1, 1);
  check_x(op, 0, "x");
  const Shape& x = op.shape(0);
  const std::int64_t channels = op.attributes().integer("channels", x[1]);
  if (is_blocked(x) ? ceil_div(channels, x[4]) != x[1] : channels != x[1]) {
    shape_error(op, "channels is {} but x is {}", channels, x);
  }
  const TensorType of_channels{Shape{channels}, DType::f32};
  return {of_channels, of_channels};
}

// batch_norm_training's second and third result.
std::vector<Array> reference_statistics(const OpView& op, std::span<const Array> in) {
  const Extents e = extents_of(in[0].shape, op.out_shape()[0]);
  const auto count = static_cast<double>(e.count());
  Array means(op.out_shape());
  Array variances(op.out_shape());
  for (std::int64_t channel = 0; channel < e.channels; ++channel) {
    const auto c = static_cast<std::size_t>(channel);
    for_channel(e, channel, [&](std::size_t i) { means.data[c] += in[0].data[i] / count; });
    for_channel(e, channel, [&](std::size_t i) {
      const double away = in[0].data[i] - means.data[c];
      variances.data[c] += away * away / count;
    });
  }
  return {std::move(means), std::move(variances)};
}

std::vector<ValueId> gradient_statistics(const GradientView& g) {
  return {through_statistics(g.b, g.x[0], g.y[0], g.dy[0], g.dy[1])};
}

std::vector<TensorType> infer_sums(const OpView& op) {
  check_inputs(op, 4, 4);
  check_x(op, 1, "x");
  check_f32(op, 0, "dy");
  if (!(op.shape(0) == op.shape(1))) {
    shape_error(op, "dy is {} but x is {}", op.shape(0), op.shape(1));
  }
  check_channels(op, 2, "mean", op.shape(1));
  check_channels(op, 3, "variance", op.shape(1));
  check_same(op, 2, {3});
  epsilon_of(op);
  return {*op.in[2], *op.in[2]};
}

std::vector<Array> reference_sums(const OpView& op, std::span<const Array> in) {
  const Extents e = extents_of(in[1].shape, in[2].shape[0]);
  Array dgamma(in[2].shape);
  Array dbeta(in[2].shape);
  for (std::int64_t channel = 0; channel < e.channels; ++channel) {
    const auto c = static_cast<std::size_t>(channel);
    const double deviation = std::sqrt(in[3].data[c] + epsilon_of(op));
    for_channel(e, channel, [&](std::size_t i) {
      dbeta.data[c] += in[0].data[i];
      dgamma.data[c] += in[0].data[i] * (in[1].data[i] - in[2].data[c]) / deviation;
    });
  }
  return {std::move(dgamma), std::move(dbeta)};
}

// ---- Kernels of all ------------------------------------------------------------------------------

// What tells the four ops apart.
struct Kind {
  explicit Kind(const OpView& op)
      : backward(op.node->op == "batch_norm_backward" || op.node->op == "batch_norm_sums"),
        result(op.out.size() == 3),
        extents(extents_of(op.shape(backward ? 1 : 0), op.out_shape(result ? 1 : 0)[0])),
        epsilon(static_cast<float>(op.attributes().number("epsilon", 0))) {}
  bool backward;  // reads dy, too
  bool result;    // y or dx, not the numbers of the channels alone
  Extents extents;
  float epsilon;
};

Lowering lower(const OpView& op, const Target& target, Family family) {
  const Kind kind(op);
  const Extents& e = kind.extents;
  const std::string prefix = kind.backward ? "batch_norm/backward_" : "batch_norm/";
  const float epsilon = kind.epsilon;
  const auto mean = static_cast<float>(1.0 / static_cast<double>(e.count()));
  Lowering lowering;
  if (kind.result) lowering.may_share = {{0, 0}};
  if (kind.result && kind.backward) lowering.may_share.emplace_back(0, 1);
  KernelCall call;
  const auto operands = [&] {
    if (!kind.result) call.define("RESULT", 0);
    for (std::size_t i = 0; i < op.in.size(); ++i) call.arg(in(static_cast<int>(i)));
    for (std::size_t i = 0; i < op.out.size(); ++i) call.arg(out(static_cast<int>(i)));
    call.arg(to_int(e.batch)).arg(to_int(e.channels));
  };
  if (family == Family::simt) {
    call = KernelCall(prefix + "simt.cl");
    operands();
    const std::int64_t most = work_group(target);
    // Vectors: neighbouring work-items on neighbouring channels.
    const std::int64_t lx =
        e.size == 1 ? power_of_two(e.channels, std::min<std::int64_t>(16, most)) : 1;
    const std::int64_t ly = power_of_two(e.count(), most / lx);
    call.define("LX", lx).define("LY", ly).arg(to_int(e.size)).arg(epsilon).arg(mean);
    call.range(
        {static_cast<std::size_t>(ceil_div(e.channels, lx) * lx), static_cast<std::size_t>(ly), 1},
        {static_cast<std::size_t>(lx), static_cast<std::size_t>(ly), 1});
    call.loops(3 * ceil_div(e.count(), ly) + 32);
  } else if (e.size == 1) {
    call = KernelCall(prefix + "wide_columns.cl");
    operands();
    std::int64_t vw = target.vector_width;
    while (e.channels % vw != 0) vw /= 2;
    const std::int64_t strips = e.channels / vw;
    const std::int64_t loops = 1 + 3 * e.batch;
    const std::int64_t each = units_each(strips, 3 * e.batch * vw, loops, target);
    call.define("VW", vw).arg(to_int(each)).arg(epsilon).arg(mean);
    call.range({static_cast<std::size_t>(ceil_div(strips, each)), 1, 1}, {1, 1, 1});
    call.loops(each * loops);
  } else {
    call = KernelCall(prefix + "wide_planes.cl");
    operands();
    const std::int64_t vw = target.vector_width;
    const std::int64_t loops = 1 + 3 * e.batch * (1 + e.size / vw + std::min(vw, e.size));
    const std::int64_t each = units_each(e.channels, 3 * e.count(), loops, target);
    call.define("VW", vw).arg(to_int(e.size)).arg(to_int(each)).arg(epsilon).arg(mean);
    call.range({static_cast<std::size_t>(ceil_div(e.channels, each)), 1, 1}, {1, 1, 1});
    call.loops(each * loops);
  }
  lowering.calls.emplace_back(std::move(call));
  return lowering;
}

// Channels in blocks: partial sums of parts of the pixels, then every group joins all parts and does
// its own. Where blocks alone are enough groups, one call does both.
Lowering lower_blocked(const OpView& op, const Target& target) {
  const Kind kind(op);
  const bool backward = kind.backward;
  const Extents& e = kind.extents;
  // A whole part is a few calls of a near cache; every group reads the sums of all parts.
  const std::int64_t groups = std::clamp<std::int64_t>(e.count() * e.blocks() * e.block / 8192, 1,
                                                       16 * std::max(target.compute_units, 1));
  const std::int64_t parts = std::min(ceil_div(groups, e.blocks()), e.count());
  std::int64_t each = ceil_div(e.count(), parts);
  const auto loops = [&] { return 5 * each + 2 * e.block + ceil_div(e.count(), each) + 8; };
  while (each > 1 && fits_loop_limit(target, loops())) each = ceil_div(each, 2);
  const auto global = static_cast<std::size_t>(ceil_div(e.count(), each));
  const auto blocks = static_cast<std::size_t>(e.blocks());
  Lowering lowering;
  const bool whole = global == 1;
  BufferRef sums;
  if (!whole) {
    sums = lowering.add_scratch(2 * global * blocks * static_cast<std::size_t>(e.block) *
                                sizeof(float));
    KernelCall& first = lowering.call(backward ? "batch_norm/backward_sums_blocked.cl"
                                               : "batch_norm/statistics_blocked.cl");
    first.define("VW", e.block);
    if (backward) first.arg(in(0)).arg(in(1)).arg(in(kind.result ? 3 : 2)).arg(sums);
    if (!backward) first.arg(in(0)).arg(sums);
    first.arg(to_int(e.batch)).arg(to_int(backward ? e.channels : e.blocks()));
    first.arg(to_int(e.size)).arg(to_int(each));
    first.range({global, blocks, 1}, {1, 1, 1});
    first.loops(loops());
  }
  KernelCall& second =
      lowering.call(backward ? "batch_norm/backward_blocked.cl" : "batch_norm/blocked.cl");
  second.define("VW", e.block).define("WHOLE", whole ? 1 : 0);
  if (!kind.result) second.define("RESULT", 0);
  for (std::size_t i = 0; i < op.in.size(); ++i) second.arg(in(static_cast<int>(i)));
  for (std::size_t i = 0; i < op.out.size(); ++i) second.arg(out(static_cast<int>(i)));
  if (!whole) second.arg(sums);
  second.arg(to_int(e.batch)).arg(to_int(e.channels)).arg(to_int(e.size));
  second.arg(to_int(each)).arg(kind.epsilon);
  second.arg(static_cast<float>(1.0 / static_cast<double>(e.count())));
  second.range({kind.result ? global : 1, blocks, 1}, {1, 1, 1});
  second.loops(loops());
  if (kind.result) lowering.may_share = {{0, 0}};
  if (kind.result && backward) lowering.may_share.emplace_back(0, 1);
  return lowering;
}

Decline only_rows(const OpView& op, const Target&, Family) {
  if (is_blocked(op.shape(0))) return "made for rows; here channels are in blocks";
  return std::nullopt;
}

std::vector<Variant> training_variants() {
  std::vector<Variant> variants = both_families(lower, only_rows);
  Variant blocked{.name = "blocked",
                  .accepts = [](const OpView& op, const Target& target) -> Decline {
                    if (!is_blocked(op.shape(0)))
                      return "made for channels in blocks; here they are rows";
                    if (target.family != Family::wide) {
                      return "made for devices that run one work-item per group well";
                    }
                    const Shape& x = op.shape(0);
                    if (x[4] != 4 && x[4] != 8 && x[4] != 16) {
                      return fmt::format("blocks of {} channels; there are vectors of 4, 8 and 16",
                                         x[4]);
                    }
                    if (x.elements() > INT32_MAX) return "x has more than 2^31 elements";
                    for (const Call& call : lower_blocked(op, target).calls) {
                      const auto& kernel = std::get<KernelCall>(call);
                      if (Decline reason = fits_loop_limit(target, kernel.loop_iterations))
                        return reason;
                    }
                    return std::nullopt;
                  },
                  .lower = [](const OpView& op, const Target& target,
                              const Params&) { return lower_blocked(op, target); },
                  .space = {}};
  variants.insert(variants.begin(), std::move(blocked));
  return variants;
}

// Planes that are no whole vectors cost about half as much again on rows.
double seconds_of_tails(const OpView& op, std::int64_t block, const Target& target) {
  const Shape& x = op.shape(0);
  return x[2] * x[3] % block == 0 ? 0 : 0.5 * seconds_to_move(op.operand_bytes(), target);
}

// x (and dy) and the first output in blocks; channels' numbers stay as they are.
std::optional<BlockedForm> training_form(const OpView& op, std::int64_t block,
                                         const Target& target) {
  const Kind kind(op);
  const bool backward = kind.backward;
  const Shape& x = op.shape(0);
  if (x.rank() != 4) return std::nullopt;
  OpView blocked = op;
  blocked.in[0]->shape = blocked_shape(x, block);
  if (backward) blocked.in[1]->shape = blocked_shape(x, block);
  if (kind.result) blocked.out[0].shape = blocked_shape(x, block);
  if (op.node->def->variants[0].accepts(blocked, target)) return std::nullopt;
  std::vector<bool> inputs(op.in.size(), false);
  inputs[0] = true;
  inputs[1] = backward;
  std::vector<bool> outputs(op.out.size(), false);
  outputs[0] = kind.result;
  BlockedForm form = same_op(op, std::move(inputs), std::move(outputs));
  if (op.in.size() == 1) {  // statistics: blocks do not say how many channels there are
    form.build = [def = op.node->def, channels = x[1]](Builder& b, std::span<const ValueId> in,
                                                       const std::string& node) {
      return b.apply_all(*def, {in.begin(), in.end()}, {{"channels", channels}}, node);
    };
  }
  form.seconds_saved = seconds_to_move(op.operand_bytes() - blocked.operand_bytes(), target) +
                       seconds_of_tails(op, block, target);
  return form;
}

// ---- batch_norm(x, gamma, beta, mean, variance), inference ---------------------------------------

std::vector<TensorType> infer_inference(const OpView& op) {
  check_inputs(op, 5, 5);
  check_x(op, 0, "x");
  constexpr const char* kNames[] = {"x", "gamma", "beta", "mean", "variance"};
  if (op.shape(0).rank() == 5)
    shape_error(op, "x is {}; expected [N, C] or [N, C, H, W]", op.shape(0));
  for (std::size_t i = 1; i < 5; ++i) check_channels(op, i, kNames[i], op.shape(0));
  epsilon_of(op);
  return {*op.in[0]};
}

std::vector<Array> reference_inference(const OpView& op, std::span<const Array> in) {
  const Extents e = extents_of(in[0].shape, in[1].shape[0]);
  Array y(in[0].shape);
  for (std::int64_t channel = 0; channel < e.channels; ++channel) {
    const auto c = static_cast<std::size_t>(channel);
    const double deviation = std::sqrt(in[4].data[c] + epsilon_of(op));
    for_channel(e, channel, [&](std::size_t i) {
      y.data[i] = (in[0].data[i] - in[3].data[c]) / deviation * in[1].data[c] + in[2].data[c];
    });
  }
  return {std::move(y)};
}

// With r = 1 / sqrt(variance + epsilon), all sums over a channel:
//   dx = dy gamma r, dgamma = sum dy (x - mean) r, dbeta = sum dy, dmean = -gamma r dbeta,
//   dvariance = -1/2 gamma r^2 dgamma.
std::vector<ValueId> gradient_inference(const GradientView& g) {
  Builder& b = g.b;
  const double epsilon = g.node.attributes.number("epsilon");
  const ValueId gamma = g.x[1];
  const ValueId variance = g.x[4];
  const std::string sum = fmt::format("add(x1, {})", epsilon);
  const auto of_channels = [&](std::vector<ValueId> operands, std::string expression) {
    return b.apply("pointwise", std::move(operands), {{"expression", std::move(expression)}});
  };
  std::vector<ValueId> dx(5, kNoValue);
  if (g.wanted[0]) {
    const ValueId factor = of_channels({gamma, variance}, fmt::format("div(x0, sqrt({}))", sum));
    const Shape channels = beside(b.shape(g.x[0]));
    dx[0] = b.apply("mul", {g.dy[0], b.apply("reshape", {factor}, {{"shape", channels.dims()}})});
  }
  if (std::any_of(g.wanted.begin() + 1, g.wanted.end(), [](bool wanted) { return wanted; })) {
    const std::vector<ValueId> sums = b.apply_all(
        find_op("batch_norm_sums"), {g.dy[0], g.x[0], g.x[3], variance}, {{"epsilon", epsilon}});
    dx[1] = sums[0];
    dx[2] = sums[1];
  }
  if (g.wanted[3])
    dx[3] =
        of_channels({gamma, variance, dx[2]}, fmt::format("neg(div(mul(x0, x2), sqrt({})))", sum));
  if (g.wanted[4])
    dx[4] =
        of_channels({gamma, variance, dx[1]}, fmt::format("div(mul(mul(x0, x2), -0.5), {})", sum));
  return dx;
}

// One pointwise kernel with broadcasting.
Lowering lower_inference(const OpView& op, const Target& target, Family family) {
  const Shape& x = op.shape(0);
  const Shape channels = beside(x);
  const std::string expression =
      fmt::format("add(mul(sub(x0, x3), div(x1, sqrt(add(x4, {})))), x2)", epsilon_of(op));
  std::vector<PointwiseOperand> operands{{in(0), x}};
  for (int i = 1; i < 5; ++i) operands.push_back({in(i), channels});
  Lowering lowering;
  lowering.may_share = {{0, 0}};
  lowering.calls.emplace_back(pointwise_call(expression, operands, out(), x, family, target));
  return lowering;
}

// As x * factor + offset, with factor and offset of each channel: where these are fixed, they are made
// once.
std::optional<BlockedForm> inference_form(const OpView& op, std::int64_t block,
                                          const Target& target) {
  const Shape& x = op.shape(0);
  if (x.rank() != 4) return std::nullopt;
  const double epsilon = epsilon_of(op);
  BlockedForm form{
      .inputs = {true, false, false, false, false},
      .outputs = {true},
      .build = [=](Builder& b, std::span<const ValueId> in, const std::string& name) {
        const ValueId factor =
            b.apply("pointwise", {in[1], in[4]},
                    {{"expression", fmt::format("div(x0, sqrt(add(x1, {})))", epsilon)}});
        const ValueId offset = b.apply("pointwise", {in[2], in[3], factor},
                                       {{"expression", std::string("sub(x0, mul(x1, x2))")}});
        return std::vector<ValueId>{b.apply(
            "pointwise", {in[0], block_vector(b, factor, block), block_vector(b, offset, block)},
            {{"expression", std::string("add(mul(x0, x1), x2)")}}, name)};
      }};
  const auto extra = static_cast<double>(blocked_shape(x, block).elements() - x.elements());
  form.seconds_saved = seconds_of_tails(op, block, target) - seconds_to_move(8 * extra, target);
  return form;
}

Cost cost(const OpView& op, double flop) {
  return {.flop = flop * static_cast<double>(op.shape(0).elements()), .bytes = op.operand_bytes()};
}

}  // namespace

std::vector<OpDef> batch_norm_ops() {
  return {{.name = "batch_norm_training",
           .infer = infer_training,
           .reference = reference_training,
           .gradient = gradient_training,
           .cost = [](const OpView& op) { return cost(op, 7); },
           .variants = training_variants(),
           .blocked = training_form},
          {.name = "batch_norm_backward",
           .infer = infer_backward,
           .reference = reference_backward,
           .gradient = no_gradient("second derivatives are not supported"),
           .cost = [](const OpView& op) { return cost(op, 9); },
           .variants = training_variants(),
           .blocked = training_form},
          {.name = "batch_norm_statistics",
           .infer = infer_statistics,
           .reference = reference_statistics,
           .gradient = gradient_statistics,
           .cost = [](const OpView& op) { return cost(op, 4); },
           .variants = training_variants(),
           .blocked = training_form},
          {.name = "batch_norm_sums",
           .infer = infer_sums,
           .reference = reference_sums,
           .gradient = no_gradient("second derivatives are not supported"),
           .cost = [](const OpView& op) { return cost(op, 4); },
           .variants = training_variants(),
           .blocked = training_form},
          {.name = "batch_norm",
           .infer = infer_inference,
           .reference = reference_inference,
           .gradient = gradient_inference,
           .cost = [](const OpView& op) { return cost(op, 4); },
           .variants = both_families(lower_inference),
           .blocked = inference_form}};
}

}  // namespace pinnacle
