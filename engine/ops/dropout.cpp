// dropout: each element is zero with probability rate, else x / (1 - rate). The mask is a function
// of seed, counter (the step) and position, so it repeats and the gradient computes it again.
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011
// (Philox4x32-10).
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// As clkernels/dropout.cl: key = seed, counter = (position / 4, step, 0, 0).
std::array<std::uint32_t, 4> philox(std::uint32_t position, std::uint32_t step,
                                    std::uint64_t seed) {
  std::array<std::uint32_t, 4> c{position, step, 0, 0};
  auto key0 = static_cast<std::uint32_t>(seed);
  auto key1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53} * c[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * c[2];
    c = {static_cast<std::uint32_t>(product1 >> 32) ^ c[1] ^ key0,
         static_cast<std::uint32_t>(product1),
         static_cast<std::uint32_t>(product0 >> 32) ^ c[3] ^ key1,
         static_cast<std::uint32_t>(product0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return c;
}

double rate_of(const OpView& op) {
  const double rate = op.attributes().number("rate");
  if (!(rate >= 0 && rate < 1)) shape_error(op, "rate is {}; expected in [0, 1)", rate);
  return rate;
}

// A random number below this drops its element.
std::uint32_t threshold(double rate) {
  return static_cast<std::uint32_t>(std::min(std::ceil(rate * 0x1p32), 0x1p32 - 1));
}

std::uint64_t seed_of(const OpView& op) {
  return static_cast<std::uint64_t>(op.attributes().integer("seed", 0));
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 2, 2);
  check_f32(op, 0, "x");
  check_f32(op, 1, "counter");
  if (op.shape(1).elements() != 1) shape_error(op, "counter is {}; expected a scalar", op.shape(1));
  rate_of(op);
  return {*op.in[0]};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const double rate = rate_of(op);
  const auto step = static_cast<std::uint32_t>(in[1].data[0]);
  Array y(in[0].shape);
  for (std::size_t i = 0; i < y.data.size(); ++i) {
    const std::uint32_t bits = philox(static_cast<std::uint32_t>(i / 4), step, seed_of(op))[i % 4];
    y.data[i] = bits >= threshold(rate) ? in[0].data[i] / (1 - rate) : 0.0;
  }
  return {std::move(y)};
}

std::vector<ValueId> gradient(const GradientView& g) {
  return {g.b.apply("dropout", {g.dy[0], g.x[1]}, g.node.attributes), kNoValue};
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const double rate = rate_of(op);
  Lowering lowering;
  if (rate == 0) {
    lowering.alias_of = 0;
    return lowering;
  }
  lowering.may_share = {{0, 0}};
  const std::int64_t n = op.shape(0).elements();
  const bool wide = family == Family::wide;
  const std::int64_t lanes = !wide ? 1 : target.vector_width >= 4 ? target.vector_width : 4;
  const std::int64_t blocks = ceil_div(n, 4 * lanes);
  // A block loops at most over its own elements, where it is cut by the end.
  const std::int64_t each = wide ? units_each(blocks, 8 * lanes, 2, target) : 1;
  const std::int64_t wg = wide ? 1 : work_group(target, 64);
  KernelCall& call = lowering.call("dropout.cl");
  call.define("LANES", lanes).define("WG", wg);
  call.arg(in(0)).arg(in(1)).arg(out()).arg(to_int(n)).arg(to_int(each));
  call.arg(static_cast<std::int32_t>(static_cast<std::uint32_t>(seed_of(op))));
  call.arg(static_cast<std::int32_t>(static_cast<std::uint32_t>(seed_of(op) >> 32)));
  call.arg(static_cast<std::int32_t>(threshold(rate))).arg(static_cast<float>(1 / (1 - rate)));
  call.range({static_cast<std::size_t>(ceil_div(ceil_div(blocks, each), wg) * wg), 1, 1},
             {static_cast<std::size_t>(wg), 1, 1});
  // Rounds, stores and lanes are unrolled where the compiler does so; counted in any case.
  call.loops(each * (16 + 9 * lanes));
  return lowering;
}

}  // namespace

std::vector<OpDef> dropout_ops() {
  return {{.name = "dropout",
           .infer = infer,
           .reference = reference,
           .gradient = gradient,
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = static_cast<double>(op.shape(0).elements()),
                             .bytes = op.operand_bytes()};
               },
           .variants = both_families(lower)}};
}

}  // namespace pinnacle
