// lrn(x [N, C, ...]): x / (bias + alpha / size * s)^beta, where s is the sum of squares over a window
// of `size` neighbouring channels, as in ONNX (LRN).
// Source: Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural
// networks", 2012, section 3.3.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cmath>

#include "ops/launch.hpp"

namespace pinnacle {
namespace {

struct Options {
  std::int64_t size;
  double alpha, beta, bias;

  std::int64_t before() const { return (size - 1) / 2; }
  std::int64_t after() const { return size / 2; }
};

Options options_of(const OpView& op) {
  const Attributes& a = op.attributes();
  const Options o{.size = a.integer("size"),
                  .alpha = a.number("alpha", 1e-4),
                  .beta = a.number("beta", 0.75),
                  .bias = a.number("bias", 1)};
  if (o.size < 1 || o.size > INT32_MAX) shape_error(op, "size is {}; expected 1 or more", o.size);
  return o;
}

struct Extents {
  std::int64_t images, channels, pixels;
};

Extents extents_of(const Shape& x) { return {x[0], x[1], x.elements(2, x.rank())}; }

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  check_f32(op, 0, "x");
  if (op.shape(0).rank() < 2) shape_error(op, "x is {}; expected [N, C, ...]", op.shape(0));
  options_of(op);
  return {*op.in[0]};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Options o = options_of(op);
  const Extents e = extents_of(in[0].shape);
  Array y(in[0].shape);
  const auto at = [&](std::int64_t n, std::int64_t c, std::int64_t i) {
    return static_cast<std::size_t>((n * e.channels + c) * e.pixels + i);
  };
  for (std::int64_t n = 0; n < e.images; ++n) {
    for (std::int64_t c = 0; c < e.channels; ++c) {
      const std::int64_t first = std::max<std::int64_t>(c - o.before(), 0);
      const std::int64_t last = std::min(c + o.after(), e.channels - 1);
      for (std::int64_t i = 0; i < e.pixels; ++i) {
        double sum = 0;
        for (std::int64_t k = first; k <= last; ++k) {
          sum += in[0].data[at(n, k, i)] * in[0].data[at(n, k, i)];
        }
        const double d = o.bias + o.alpha / static_cast<double>(o.size) * sum;
        y.data[at(n, c, i)] = in[0].data[at(n, c, i)] * std::pow(d, -o.beta);
      }
    }
  }
  return {std::move(y)};
}

// With d the sum in brackets, and a window of the same size that looks the other way:
//   dx = dy d^-beta - 2 alpha beta / size * x * (sum over that window of dy x d^(-beta - 1))
std::vector<ValueId> gradient(const GradientView& g) {
  Builder& b = g.b;
  const OpView op = view(b.graph(), g.node);
  const Options o = options_of(op);
  const Shape x = op.shape(0);
  const Extents e = extents_of(x);
  const auto fraction = static_cast<float>(o.alpha / static_cast<double>(o.size));
  // Sums over channels [c - before, c + after], of zeros beyond the ends.
  const auto window_sum = [&](ValueId value, std::int64_t before, std::int64_t after) {
    value = b.apply("reshape", {value},
                    {{"shape", Attributes::Ints{e.images, 1, e.channels, e.pixels}}});
    value = b.apply("pad", {value}, {{"pads", Attributes::Ints{0, 0, before, 0, 0, 0, after, 0}}});
    value = b.apply("average_pool2d", {value}, {{"kernel_shape", Attributes::Ints{o.size, 1}}});
    value = b.apply("mul", {value, b.constant(static_cast<float>(o.size))});
    return b.apply("reshape", {value}, {{"shape", x.dims()}});
  };
  const ValueId squares = window_sum(b.apply("square", {g.x[0]}), o.before(), o.after());
  const ValueId d = b.apply("add", {b.apply("mul", {squares, b.constant(fraction)}),
                                    b.constant(static_cast<float>(o.bias))});
  const ValueId logarithm = b.apply("log", {d});
  const ValueId power =
      b.apply("exp", {b.apply("mul", {logarithm, b.constant(static_cast<float>(-o.beta))})});
  const ValueId direct = b.apply("mul", {g.dy[0], power});
  const ValueId inner = b.apply("div", {b.apply("mul", {direct, g.x[0]}), d});
  const ValueId around = window_sum(inner, o.after(), o.before());
  const ValueId scaled = b.apply("mul", {b.apply("mul", {around, g.x[0]}),
                                         b.constant(2 * fraction * static_cast<float>(o.beta))});
  return {b.apply("sub", {direct, scaled})};
}

// Hundredths of the exponents that need no logarithm; 0: any.
std::int64_t known_exponent(double beta) {
  for (const std::int64_t hundredths : {50, 75, 100}) {
    if (beta == static_cast<double>(hundredths) / 100) return hundredths;
  }
  return 0;
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const Options o = options_of(op);
  const Extents e = extents_of(op.shape(0));
  const std::int64_t window = std::min(o.size, e.channels);
  Grid grid = make_grid(e.images * e.channels, e.pixels, family, target, 2 + window);
  // The window of each vector and each single element.
  grid.loops *= 1 + window;
  Lowering lowering;
  KernelCall& call = lowering.call("lrn.cl");
  call.define("VW", grid.vw)
      .define("WGX", static_cast<std::int64_t>(grid.local[0]))
      .define("WGY", static_cast<std::int64_t>(grid.local[1]))
      .define("BETA", known_exponent(o.beta));
  call.arg(in(0)).arg(out()).arg(to_int(e.images * e.channels)).arg(to_int(e.channels));
  call.arg(to_int(e.pixels)).arg(to_int(o.before())).arg(to_int(o.after()));
  call.arg(static_cast<float>(o.alpha / static_cast<double>(o.size)));
  call.arg(static_cast<float>(o.beta)).arg(static_cast<float>(o.bias));
  call.arg(to_int(grid.rows_each)).arg(to_int(grid.cols_each));
  call.range(grid.global, grid.local).loops(grid.loops);
  return lowering;
}

}  // namespace

std::vector<OpDef> lrn_ops() {
  return {{.name = "lrn",
           .infer = infer,
           .reference = reference,
           .gradient = gradient,
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = (2.0 * static_cast<double>(options_of(op).size) + 12) *
                                     static_cast<double>(op.shape(0).elements()),
                             .bytes = op.operand_bytes()};
               },
           .variants = both_families(lower)}};
}

}  // namespace pinnacle
