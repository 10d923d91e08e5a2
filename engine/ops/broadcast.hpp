// Operands that broadcast to a result, after NumPy: how kernels and references walk over them.
// Axes are collapsed until the innermost runs are as long as possible; within a run each operand is
// either contiguous or one element.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include <pinnacle/op.hpp>

namespace pinnacle {

/// One axis of the result, with the distance of neighbours in each operand: 0 where it repeats.
struct BroadcastAxis {
  std::int64_t extent = 1;
  std::vector<std::int64_t> strides;
};

/// At least one axis. REQUIRES: the shapes broadcast to `shape`
std::vector<BroadcastAxis> broadcast_axes(const std::vector<Shape>& operands, const Shape& shape);

/// Runs of one vector, as beside channels in blocks: the axis above joins them where each operand
/// goes on, or repeats its vector (or element). Returns which operands repeat a vector.
std::vector<bool> join_vectors(std::vector<BroadcastAxis>& axes, std::int64_t vw);

/// The offset of operand k at the start of run `row`, as OpenCL C. Where two axes are left, their
/// stride is the argument s<k>, so that shapes share a program; extents are numbers, for quick
/// divisions.
std::string run_offset(const std::vector<BroadcastAxis>& axes, std::size_t k);
/// Which operands have an argument s<k>, with its value.
std::vector<std::pair<std::size_t, std::int32_t>> run_strides(
    const std::vector<BroadcastAxis>& axes);

/// The shape that all operands of a node broadcast to. throws ShapeError
Shape broadcast_shape(const OpView& op);
/// f of the operands' elements, for each element of the result.
Array map_broadcast(const Shape& shape, std::span<const Array> in,
                    const std::function<double(std::span<const double>)>& f);

}  // namespace pinnacle
