// grid_sample: y[n, c, p] = x[n, c, grid[n, p]], interpolated, for any number of spatial axes.
// Source: Jaderberg et al., "Spatial Transformer Networks", 2015, arXiv:1506.02025.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/launch.hpp"

namespace pinnacle {
namespace {

constexpr std::size_t kMostAxes = 6;
constexpr double kCubicA = -0.75;
constexpr double kFar = 1e9;  // further out nothing changes

enum class Mode : std::uint8_t { nearest, linear, cubic };
enum class Padding : std::uint8_t { zeros, border, reflection };

struct Sampling {
  Mode mode = Mode::linear;
  Padding padding = Padding::zeros;
  bool align_corners = false;
};

Sampling sampling_of(const OpView& op) {
  Sampling s;
  const std::string mode = op.attributes().text("mode", "linear");
  const std::string padding = op.attributes().text("padding_mode", "zeros");
  if (mode != "nearest" && mode != "linear" && mode != "cubic") {
    shape_error(op, "mode is \"{}\"; expected nearest, linear or cubic", mode);
  }
  if (padding != "zeros" && padding != "border" && padding != "reflection") {
    shape_error(op, "padding_mode is \"{}\"; expected zeros, border or reflection", padding);
  }
  s.mode = mode == "nearest" ? Mode::nearest : mode == "linear" ? Mode::linear : Mode::cubic;
  s.padding = padding == "zeros"    ? Padding::zeros
              : padding == "border" ? Padding::border
                                    : Padding::reflection;
  s.align_corners = op.attributes().integer("align_corners", 0) != 0;
  return s;
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 2, 2);
  check_f32(op, 0, "x");
  check_f32(op, 1, "grid");
  sampling_of(op);
  const Shape& x = op.shape(0);
  const Shape& grid = op.shape(1);
  if (x.rank() < 3 || x.rank() > kMostAxes + 2) {
    shape_error(op, "x is {}; expected images and channels of 1 to {} axes", x, kMostAxes);
  }
  if (grid.rank() != x.rank() || grid[0] != x[0] ||
      grid.back() != static_cast<std::int64_t>(x.rank()) - 2) {
    shape_error(op, "grid is {}; expected a position of {} numbers for each point of {} images",
                grid, x.rank() - 2, x[0]);
  }
  std::vector<std::int64_t> dims = {x[0], x[1]};
  dims.insert(dims.end(), grid.begin() + 1, grid.end() - 1);
  const Shape y(std::move(dims));
  if (y.elements() > 0 && x.elements() == 0) shape_error(op, "x is {}, which has nothing", x);
  return {{y, DType::f32}};
}

// Reflected at the borders until it lies between them.
double reflect(double x, double low, double high) {
  const double range = high - low;
  if (range <= 0) return low;
  if (x >= low && x <= high) return x;
  const double beyond = x < low ? low - x : x - high;
  const double times = std::floor(beyond / range);
  const double rest = beyond - times * range;
  const bool even = std::fmod(times, 2) == 0;
  return (x < low) == even ? low + rest : high - rest;
}

// Along one axis: the places that count, -1 for a zero, and their weights.
struct Taps {
  int count = 1;
  std::array<std::int64_t, 4> at = {};
  std::array<double, 4> weight = {1, 0, 0, 0};
};

Taps taps_at(double position, std::int64_t extent, const Sampling& s) {
  const auto n = static_cast<double>(extent);
  const double low = s.align_corners ? 0 : -0.5;
  const double high = s.align_corners ? n - 1 : n - 0.5;
  double x = s.align_corners ? (position + 1) / 2 * (n - 1) : ((position + 1) * n - 1) / 2;
  if (!(x > -kFar)) x = -kFar;  // or not a number
  x = std::min(x, kFar);
  if (s.mode == Mode::nearest) x = std::nearbyint(x);
  if (x < low || x > high) {
    // A cubic's taps outside count as the border, which is not what the border's taps give.
    if (s.padding == Padding::border && s.mode != Mode::cubic) x = std::clamp(x, 0.0, n - 1);
    if (s.padding == Padding::reflection) x = reflect(x, low, high);
  }
  Taps taps;
  const double floor = std::floor(x);
  const double r = x - floor;
  double first = s.mode == Mode::nearest ? std::trunc(x) : floor;
  if (s.mode == Mode::linear) {
    taps.count = 2;
    taps.weight = {1 - r, r, 0, 0};
  } else if (s.mode == Mode::cubic) {
    taps.count = 4;
    first -= 1;
    const auto near = [](double d) { return ((kCubicA + 2) * d - (kCubicA + 3)) * d * d + 1; };
    const auto far = [](double d) { return ((d - 5) * d + 8) * d * kCubicA - 4 * kCubicA; };
    taps.weight = {far(1 + r), near(r), near(1 - r), far(2 - r)};
  }
  for (int t = 0; t < taps.count; ++t) {
    double at = first + t;
    if (at < 0 || at > n - 1) {
      if (s.padding == Padding::border) at = std::clamp(at, 0.0, n - 1);
      if (s.padding == Padding::reflection) {
        at = std::clamp(std::trunc(reflect(at, low, high)), 0.0, n - 1);
      }
      if (s.padding == Padding::zeros) at = -1;
    }
    taps.at[static_cast<std::size_t>(t)] = static_cast<std::int64_t>(at);
  }
  return taps;
}

// The sum over all combinations of taps, from axis `axis` on.
double sample(const double* plane, const Shape& x, const std::array<Taps, kMostAxes>& taps,
              std::size_t axis, std::int64_t offset) {
  const std::size_t spatial = x.rank() - 2;
  if (axis == spatial) return plane[offset];
  double sum = 0;
  for (std::size_t t = 0; t < static_cast<std::size_t>(taps[axis].count); ++t) {
    if (taps[axis].at[t] < 0) continue;
    sum += taps[axis].weight[t] *
           sample(plane, x, taps, axis + 1, offset * x[axis + 2] + taps[axis].at[t]);
  }
  return sum;
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Sampling s = sampling_of(op);
  const Shape& x = op.shape(0);
  Array y(infer(op)[0].shape);
  const std::size_t spatial = x.rank() - 2;
  const std::int64_t points = y.shape.elements(2, y.shape.rank());
  const std::int64_t plane = x.elements(2, x.rank());
  for (std::int64_t n = 0; n < x[0]; ++n) {
    for (std::int64_t p = 0; p < points; ++p) {
      std::array<Taps, kMostAxes> taps;
      for (std::size_t i = 0; i < spatial; ++i) {  // positions name the last axis first
        const auto at = static_cast<std::size_t>((n * points + p + 1)) * spatial - 1 - i;
        taps[i] = taps_at(in[1].data[at], x[i + 2], s);
      }
      for (std::int64_t c = 0; c < x[1]; ++c) {
        const double* from = in[0].data.data() + (n * x[1] + c) * plane;
        y.data[static_cast<std::size_t>((n * x[1] + c) * points + p)] = sample(from, x, taps, 0, 0);
      }
    }
  }
  return {std::move(y)};
}

Cost cost(const OpView& op) {
  const auto axes = static_cast<double>(op.shape(0).rank() - 2);
  const double taps = std::pow(sampling_of(op).mode == Mode::cubic ? 4 : 2, axes);
  return {.flop = 2 * taps * static_cast<double>(op.out_shape().elements()),
          .bytes = op.operand_bytes()};
}

}  // namespace

std::vector<OpDef> grid_sample_ops() {
  return {{.name = "grid_sample",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("sampling by a grid is not trained through"),
           .cost = cost,
           .variants = std::vector<Variant>{}}};
}

}  // namespace pinnacle
