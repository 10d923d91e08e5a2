// SPDX-License-Identifier: Apache-2.0
#include "ops/broadcast.hpp"

#include "ops/gradients.hpp"

namespace pinnacle {

std::vector<BroadcastAxis> broadcast_axes(const std::vector<Shape>& operands, const Shape& shape) {
  std::vector<BroadcastAxis> axes;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    BroadcastAxis axis{.extent = shape[i], .strides = {}};
    for (const Shape& operand : operands) {
      const std::size_t missing = shape.rank() - operand.rank();
      const bool varies = i >= missing && operand[i - missing] != 1;
      axis.strides.push_back(varies ? operand.elements(i - missing + 1, operand.rank()) : 0);
    }
    if (!axes.empty()) {
      BroadcastAxis& outer = axes.back();
      bool joins = true;
      for (std::size_t k = 0; k < operands.size(); ++k) {
        joins = joins && outer.strides[k] == axis.strides[k] * axis.extent;
      }
      if (joins) {
        outer.extent *= axis.extent;
        outer.strides = axis.strides;
        continue;
      }
    }
    axes.push_back(std::move(axis));
  }
  if (axes.empty())
    axes.push_back({.extent = 1, .strides = std::vector<std::int64_t>(operands.size(), 0)});
  return axes;
}

std::vector<bool> join_vectors(std::vector<BroadcastAxis>& axes, std::int64_t vw) {
  const std::size_t last = axes.size() - 1;
  std::vector<bool> repeats(axes[last].strides.size(), false);
  if (vw == 1 || axes.size() < 2 || axes[last].extent != vw) return repeats;
  for (std::size_t k = 0; k < repeats.size(); ++k) {
    const std::int64_t outer = axes[last - 1].strides[k];
    if (outer != 0 && outer != vw * axes[last].strides[k]) return std::vector<bool>(repeats.size());
  }
  for (std::size_t k = 0; k < repeats.size(); ++k) {
    repeats[k] = axes[last - 1].strides[k] == 0 && axes[last].strides[k] != 0;
  }
  axes[last].extent *= axes[last - 1].extent;
  axes.erase(axes.end() - 2);
  return repeats;
}

std::string run_offset(const std::vector<BroadcastAxis>& axes, std::size_t k) {
  if (axes.size() == 2) return axes[0].strides[k] == 0 ? "0" : fmt::format("(row) * s{}", k);
  // "row / 5 % 3 * 7 + row % 5 * 2"
  std::string text;
  std::int64_t below = 1;
  for (std::size_t i = axes.size() - 1; i-- > 0;) {
    if (axes[i].strides[k] != 0) {
      text += fmt::format("{}(row) / {} % {} * {}", text.empty() ? "" : " + ", below,
                          axes[i].extent, axes[i].strides[k]);
    }
    below *= axes[i].extent;
  }
  return text.empty() ? "0" : text;
}

std::vector<std::pair<std::size_t, std::int32_t>> run_strides(
    const std::vector<BroadcastAxis>& axes) {
  std::vector<std::pair<std::size_t, std::int32_t>> strides;
  if (axes.size() != 2) return strides;
  for (std::size_t k = 0; k < axes[0].strides.size(); ++k) {
    if (axes[0].strides[k] == 0) continue;
    strides.emplace_back(k, static_cast<std::int32_t>(axes[0].strides[k]));
  }
  return strides;
}

Shape broadcast_shape(const OpView& op) {
  Shape shape = op.shape(0);
  for (std::size_t i = 1; i < op.in.size(); ++i) shape = broadcast_shape(op, shape, op.shape(i));
  return shape;
}

Array map_broadcast(const Shape& shape, std::span<const Array> in,
                    const std::function<double(std::span<const double>)>& f) {
  Array out(shape);
  // The index of each operand advances by its stride along every axis, 0 where it is broadcast.
  const std::size_t rank = shape.rank();
  std::vector<std::vector<std::int64_t>> strides(in.size(), std::vector<std::int64_t>(rank, 0));
  for (std::size_t k = 0; k < in.size(); ++k) {
    std::int64_t stride = 1;
    for (std::size_t i = in[k].shape.rank(); i-- > 0;) {
      if (in[k].shape[i] != 1) strides[k][i + rank - in[k].shape.rank()] = stride;
      stride *= in[k].shape[i];
    }
  }
  std::vector<std::int64_t> position(rank, 0);
  std::vector<std::int64_t> at(in.size(), 0);
  std::vector<double> x(in.size());
  for (double& y : out.data) {
    for (std::size_t k = 0; k < in.size(); ++k) x[k] = in[k].data[static_cast<std::size_t>(at[k])];
    y = f(x);
    for (std::size_t i = rank; i-- > 0;) {
      const bool wraps = ++position[i] == shape[i];
      for (std::size_t k = 0; k < in.size(); ++k) {
        at[k] += wraps ? -strides[k][i] * (shape[i] - 1) : strides[k][i];
      }
      if (!wraps) break;
      position[i] = 0;
    }
  }
  return out;
}

}  // namespace pinnacle
