// roi_align and max_roi_pool: regions of feature maps, each pooled to one size.
// Source: He et al., "Mask R-CNN", 2017, arXiv:1703.06870; Girshick, "Fast R-CNN", 2015,
// arXiv:1504.08083.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cmath>

#include "ops/indexing.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// Samples of a bin along one axis: a region may be given larger than any feature map.
constexpr double kMostSamples = 1024;
constexpr double kFar = 1e9;

struct Pooling {
  std::int64_t regions, channels, height, width, out_height, out_width;
  double scale;
};

Pooling pooling_of(const OpView& op) {
  const Shape& x = op.shape(0);
  if (x.rank() != 4) shape_error(op, "x is {}; expected [N, C, H, W]", x);
  const std::int64_t columns = op.node->op == "roi_align" ? 4 : 5;
  if (op.shape(1).rank() != 2 || op.shape(1)[1] != columns) {
    shape_error(op, "regions are {}; expected rows of {} numbers", op.shape(1), columns);
  }
  Pooling p{op.shape(1)[0],
            x[1],
            x[2],
            x[3],
            op.attributes().integer("output_height"),
            op.attributes().integer("output_width"),
            op.attributes().number("spatial_scale", 1)};
  if (p.out_height < 1 || p.out_width < 1) {
    shape_error(op, "pools to {} x {}; expected at least 1 x 1", p.out_height, p.out_width);
  }
  if (p.regions > 0 && x.elements() == 0) shape_error(op, "x is {}, which has nothing", x);
  return p;
}

std::vector<TensorType> infer(const OpView& op) {
  const std::size_t inputs = op.node->op == "roi_align" ? 3 : 2;
  check_inputs(op, inputs, inputs);
  check_f32(op, 0, "x");
  check_f32(op, 1, "regions");
  const Pooling p = pooling_of(op);
  if (inputs == 3) {
    if (op.in[2]->dtype != DType::i64 && op.in[2]->dtype != DType::i32) {
      shape_error(op, "batch indices are {}; expected i32 or i64", *op.in[2]);
    }
    if (op.shape(2) != Shape{p.regions}) {
      shape_error(op, "batch indices are {}; expected one for each of {} regions", op.shape(2),
                  p.regions);
    }
  }
  return {{Shape{p.regions, p.channels, p.out_height, p.out_width}, DType::f32}};
}

double bounded(double x) { return x > -kFar ? std::min(x, kFar) : -kFar; }

// ---- roi_align ----------------------------------------------------------------------------------

// One axis of a region: where its bins begin, and how often each is sampled.
struct Extent {
  double start, bin;
  std::int64_t samples;
};

Extent extent_of(double from, double to, std::int64_t bins, bool half_pixel,
                 std::int64_t sampling_ratio) {
  double length = to - from;
  if (!half_pixel) length = std::max(length, 1.0);
  Extent e{from, length / static_cast<double>(bins), sampling_ratio};
  if (sampling_ratio <= 0) {
    e.samples = static_cast<std::int64_t>(std::clamp(std::ceil(e.bin), 0.0, kMostSamples));
  }
  return e;
}

// Two neighbours and the weight of the second; none outside of the map.
struct Between {
  bool inside = false;
  std::int64_t low = 0, high = 0;
  double weight = 0;
};

Between between(double x, std::int64_t extent) {
  Between b;
  b.inside = x >= -1 && x <= static_cast<double>(extent);
  if (!b.inside) return b;
  x = std::max(x, 0.0);
  b.low = std::min(static_cast<std::int64_t>(x), extent - 1);
  b.high = std::min(b.low + 1, extent - 1);
  b.weight = b.high == b.low ? 0 : x - static_cast<double>(b.low);
  return b;
}

std::vector<Array> align_reference(const OpView& op, std::span<const Array> in) {
  const Pooling p = pooling_of(op);
  const bool average = op.attributes().text("mode", "avg") == "avg";
  const bool half_pixel = op.attributes().integer("half_pixel", 1) != 0;
  const std::int64_t ratio = op.attributes().integer("sampling_ratio", 0);
  Array y(infer(op)[0].shape);
  std::size_t to = 0;
  for (std::int64_t r = 0; r < p.regions; ++r) {
    const auto corner = [&](int i) {
      return bounded(in[1].data[static_cast<std::size_t>(4 * r + i)] * p.scale -
                     (half_pixel ? 0.5 : 0));
    };
    const Extent h = extent_of(corner(1), corner(3), p.out_height, half_pixel, ratio);
    const Extent w = extent_of(corner(0), corner(2), p.out_width, half_pixel, ratio);
    const std::int64_t image = position(in[2].data[static_cast<std::size_t>(r)], op.shape(0)[0]);
    const auto count = static_cast<double>(std::max<std::int64_t>(h.samples * w.samples, 1));
    for (std::int64_t c = 0; c < p.channels; ++c) {
      const double* x = in[0].data.data() + (image * p.channels + c) * p.height * p.width;
      for (std::int64_t bin = 0; bin < p.out_height * p.out_width; ++bin) {
        const auto place = [](const Extent& e, std::int64_t b, std::int64_t sample) {
          return e.start + (static_cast<double>(b) +
                            (static_cast<double>(sample) + 0.5) / static_cast<double>(e.samples)) *
                               e.bin;
        };
        double sum = 0;
        double most = -INFINITY;
        for (std::int64_t i = 0; i < h.samples * w.samples; ++i) {
          const Between a = between(place(h, bin / p.out_width, i / w.samples), p.height);
          const Between b = between(place(w, bin % p.out_width, i % w.samples), p.width);
          const bool inside = a.inside && b.inside;
          const auto part = [&](std::int64_t row, std::int64_t col, double weight) {
            return inside ? weight * x[row * p.width + col] : 0;
          };
          const double parts[4] = {part(a.low, b.low, (1 - a.weight) * (1 - b.weight)),
                                   part(a.low, b.high, (1 - a.weight) * b.weight),
                                   part(a.high, b.low, a.weight * (1 - b.weight)),
                                   part(a.high, b.high, a.weight * b.weight)};
          sum += parts[0] + parts[1] + parts[2] + parts[3];
          most = std::max({most, parts[0], parts[1], parts[2], parts[3]});
        }
        y.data[to++] = average ? sum / count : std::isinf(most) ? 0 : most;
      }
    }
  }
  return {std::move(y)};
}

// ---- max_roi_pool -------------------------------------------------------------------------------

std::vector<Array> max_reference(const OpView& op, std::span<const Array> in) {
  const Pooling p = pooling_of(op);
  Array y(infer(op)[0].shape);
  std::size_t to = 0;
  // Rows [first, last) of bin `bin` of a region of pixels [from, to].
  const auto bin_range = [](double from, double end, std::int64_t bins, std::int64_t bin,
                            std::int64_t extent) {
    const double size = std::max(end - from + 1, 1.0) / static_cast<double>(bins);
    const auto clamped = [&](double v) {
      return static_cast<std::int64_t>(std::clamp(v + from, 0.0, static_cast<double>(extent)));
    };
    return std::pair(clamped(std::floor(static_cast<double>(bin) * size)),
                     clamped(std::ceil(static_cast<double>(bin + 1) * size)));
  };
  for (std::int64_t r = 0; r < p.regions; ++r) {
    const double* region = in[1].data.data() + 5 * r;
    const std::int64_t image = position(region[0], op.shape(0)[0]);
    const auto pixel = [&](int i) { return std::round(bounded(region[i] * p.scale)); };
    for (std::int64_t c = 0; c < p.channels; ++c) {
      const double* x = in[0].data.data() + (image * p.channels + c) * p.height * p.width;
      for (std::int64_t bin = 0; bin < p.out_height * p.out_width; ++bin) {
        const auto [top, bottom] =
            bin_range(pixel(2), pixel(4), p.out_height, bin / p.out_width, p.height);
        const auto [left, right] =
            bin_range(pixel(1), pixel(3), p.out_width, bin % p.out_width, p.width);
        double most = top < bottom && left < right ? -INFINITY : 0;
        for (std::int64_t row = top; row < bottom; ++row) {
          for (std::int64_t col = left; col < right; ++col) {
            most = std::max(most, x[row * p.width + col]);
          }
        }
        y.data[to++] = most;
      }
    }
  }
  return {std::move(y)};
}

OpDef define(const char* name,
             std::vector<Array> (*reference)(const OpView&, std::span<const Array>)) {
  return {.name = name,
          .infer = infer,
          .reference = reference,
          .gradient = no_gradient("regions are not trained through"),
          .cost =
              [](const OpView& op) {
                return Cost{.flop = 32.0 * static_cast<double>(op.out_shape().elements()),
                            .bytes = op.operand_bytes()};
              },
          .variants = std::vector<Variant>{}};
}

}  // namespace

std::vector<OpDef> region_pool_ops() {
  return {define("roi_align", align_reference), define("max_roi_pool", max_reference)};
}

}  // namespace pinnacle
