// deform_conv(x, w, offset, bias?, mask?): a convolution whose taps are moved by offsets and weighted
// by a mask, both different for each output; between elements x is interpolated linearly, outside it
// is 0. As in ONNX (DeformConv), over any number of spatial axes.
// Source: Dai et al., 2017, arXiv:1703.06211; Zhu et al., 2018, arXiv:1811.11168.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cmath>

#include "ops/launch.hpp"
#include "ops/windows.hpp"

namespace pinnacle {
namespace {

struct Sizes {
  std::int64_t batch, channels, filters, groups, group_channels, offset_groups;
  WindowsND windows;

  std::int64_t axes() const { return static_cast<std::int64_t>(windows.axes()); }
};

void check_channels(const OpView& op, std::size_t i, const char* name, const Sizes& s,
                    std::int64_t channels) {
  check_f32(op, i, name);
  std::vector<std::int64_t> dims = {s.batch, channels};
  dims.insert(dims.end(), s.windows.out.begin(), s.windows.out.end());
  if (op.shape(i) != Shape(dims)) {
    shape_error(op, "{} is {}; expected {}", name, op.shape(i), Shape(dims));
  }
}

Sizes sizes_of(const OpView& op) {
  const Shape& x = op.shape(0);
  const Shape& w = op.shape(1);
  if (x.rank() < 3 || w.rank() != x.rank() || x.rank() > 8) {
    shape_error(op, "x is {} and weight {}; expected [N, C, ...] and [F, C / group, ...]", x, w);
  }
  const std::int64_t groups = op.attributes().integer("group", 1);
  if (groups < 1 || x[1] % groups != 0 || w[0] % groups != 0 || w[1] != x[1] / groups) {
    shape_error(op, "x is {} and weight {}; they do not fit {} groups", x, w, groups);
  }
  const std::int64_t offset_groups = op.attributes().integer("offset_group", 1);
  if (offset_groups < 1 || x[1] % offset_groups != 0) {
    shape_error(op, "x has {} channels; expected a multiple of offset_group = {}", x[1],
                offset_groups);
  }
  return {.batch = x[0],
          .channels = x[1],
          .filters = w[0],
          .groups = groups,
          .group_channels = w[1],
          .offset_groups = offset_groups,
          .windows = read_windows(op, {x.begin() + 2, x.end()}, {w.begin() + 2, w.end()})};
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 3, 5);
  check_f32(op, 0, "x");
  check_f32(op, 1, "weight");
  const Sizes s = sizes_of(op);
  const std::int64_t taps = s.offset_groups * s.windows.taps();
  check_channels(op, 2, "offset", s, taps * s.axes());
  if (op.has_input(3)) {
    check_f32(op, 3, "bias");
    if (op.shape(3) != Shape{s.filters}) {
      shape_error(op, "bias is {}; expected [{}]", op.shape(3), s.filters);
    }
  }
  if (op.has_input(4)) check_channels(op, 4, "mask", s, taps);
  std::vector<std::int64_t> dims = {s.batch, s.filters};
  dims.insert(dims.end(), s.windows.out.begin(), s.windows.out.end());
  return {{Shape(std::move(dims)), DType::f32}};
}

// One plane at a position between its elements.
double sample(const double* plane, const std::vector<std::int64_t>& extents,
              const std::vector<double>& position) {
  for (std::size_t i = 0; i < extents.size(); ++i) {
    // Also false for what is no number.
    if (!(position[i] > -1 && position[i] < static_cast<double>(extents[i]))) return 0;
  }
  double value = 0;
  for (std::size_t corner = 0; corner < std::size_t{1} << extents.size(); ++corner) {
    double share = 1;
    std::int64_t index = 0;
    bool inside = true;
    for (std::size_t i = 0; i < extents.size(); ++i) {
      const double below = std::floor(position[i]);
      const bool upper = (corner >> i & 1) != 0;
      const std::int64_t at = static_cast<std::int64_t>(below) + (upper ? 1 : 0);
      share *= upper ? position[i] - below : 1 - (position[i] - below);
      inside = inside && at >= 0 && at < extents[i];
      index = index * extents[i] + at;
    }
    if (inside && share > 0) value += share * plane[index];
  }
  return value;
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Sizes s = sizes_of(op);
  const WindowsND& w = s.windows;
  Array y(infer(op)[0].shape);
  const std::int64_t outputs = w.outputs();
  const std::int64_t taps = w.taps();
  std::vector<double> position(w.axes());
  std::vector<std::int64_t> o(w.axes(), 0);
  for (std::int64_t at = 0; at < outputs; ++at, next_position(o, w.out)) {
    std::vector<std::int64_t> tap(w.axes(), 0);
    for (std::int64_t t = 0; t < taps; ++t, next_position(tap, w.kernel)) {
      for (std::int64_t n = 0; n < s.batch; ++n) {
        for (std::int64_t c = 0; c < s.channels; ++c) {
          const std::int64_t moved =
              (n * s.offset_groups + c / (s.channels / s.offset_groups)) * taps + t;
          for (std::size_t i = 0; i < w.axes(); ++i) {
            const std::int64_t offset =
                (moved * s.axes() + static_cast<std::int64_t>(i)) * outputs + at;
            position[i] =
                static_cast<double>(o[i] * w.strides[i] - w.pads[i] + tap[i] * w.dilations[i]) +
                in[2].data[static_cast<std::size_t>(offset)];
          }
          double value =
              sample(in[0].data.data() + (n * s.channels + c) * w.inputs(), w.in, position);
          if (op.has_input(4)) {
            value *= in[4].data[static_cast<std::size_t>(moved * outputs + at)];
          }
          const std::int64_t per_group = s.filters / s.groups;
          const std::int64_t first = c / s.group_channels * per_group;
          for (std::int64_t f = first; f < first + per_group; ++f) {
            const std::int64_t weight = (f * s.group_channels + c % s.group_channels) * taps + t;
            y.data[static_cast<std::size_t>((n * s.filters + f) * outputs + at)] +=
                value * in[1].data[static_cast<std::size_t>(weight)];
          }
        }
      }
    }
  }
  if (op.has_input(3)) {
    for (std::size_t i = 0; i < y.data.size(); ++i) {
      y.data[i] +=
          in[3].data[i / static_cast<std::size_t>(outputs) % static_cast<std::size_t>(s.filters)];
    }
  }
  return {std::move(y)};
}

}  // namespace

std::vector<OpDef> deform_conv_ops() {
  return {{.name = "deform_conv",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("deformable convolutions run forward only"),
           .cost =
               [](const OpView& op) {
                 const Sizes s = sizes_of(op);
                 return Cost{.flop = 2 * static_cast<double>(op.out_shape().elements()) *
                                     static_cast<double>(s.group_channels * s.windows.taps()),
                             .bytes = op.operand_bytes()};
               },
           .variants = std::vector<Variant>{}}};
}

}  // namespace pinnacle
