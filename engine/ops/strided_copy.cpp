// SPDX-License-Identifier: Apache-2.0
#include "ops/strided_copy.hpp"

#include "ops/launch.hpp"

namespace pinnacle {

std::vector<CopyAxis> collapse(const std::vector<CopyAxis>& axes) {
  std::vector<CopyAxis> result;
  for (const CopyAxis& axis : axes) {
    if (axis.extent == 1) continue;
    if (!result.empty() && result.back().from == axis.from * axis.extent &&
        result.back().to == axis.to * axis.extent) {
      result.back() = {
          .extent = result.back().extent * axis.extent, .from = axis.from, .to = axis.to};
    } else {
      result.push_back(axis);
    }
  }
  if (result.empty() || result.back().to != 1) result.push_back({.extent = 1, .from = 1, .to = 1});
  return result;
}

std::vector<std::int64_t> strides_of(const Shape& shape) {
  std::vector<std::int64_t> strides(shape.rank());
  std::int64_t stride = 1;
  for (std::size_t i = shape.rank(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

std::string offset_text(const std::vector<CopyAxis>& axes, std::size_t count, const char* name,
                        std::int64_t CopyAxis::*stride) {
  std::string text;
  std::int64_t below = 1;
  for (std::size_t i = count; i-- > 0;) {
    if (axes[i].*stride != 0) {
      text += text.empty() ? "" : "+";
      text += below == 1 ? fmt::format("({})", name) : fmt::format("({})/{}", name, below);
      if (i != 0) text += fmt::format("%{}", axes[i].extent);
      if (axes[i].*stride != 1) text += fmt::format("*{}", axes[i].*stride);
    }
    below *= axes[i].extent;
  }
  return text.empty() ? "0" : "(" + text + ")";
}

KernelCall strided_copy_call(const std::vector<CopyAxis>& axes, BufferRef source,
                             std::int64_t source_offset, BufferRef target_buffer,
                             std::int64_t target_offset, DType dtype, Family family,
                             const Target& target) {
  const std::size_t outer = axes.size() - 1;
  const std::int64_t cols = axes.back().extent;
  std::int64_t rows = 1;
  for (std::size_t i = 0; i < outer; ++i) rows *= axes[i].extent;
  const Grid grid = make_grid(rows, cols, family, target);
  KernelCall call("strided_copy.cl");
  call.define("ELEMENT", element_type(dtype))
      .define("VW", grid.vw)
      .define("WGX", static_cast<std::int64_t>(grid.local[0]))
      .define("WGY", static_cast<std::int64_t>(grid.local[1]))
      .define("INNER", axes.back().from)
      .define("FROM", offset_text(axes, outer, "row", &CopyAxis::from))
      .define("TO", offset_text(axes, outer, "row", &CopyAxis::to));
  call.arg(source).arg(target_buffer).arg(to_int(source_offset)).arg(to_int(target_offset));
  call.arg(to_int(rows)).arg(to_int(cols));
  call.arg(to_int(grid.rows_each)).arg(to_int(grid.cols_each));
  call.range(grid.global, grid.local);
  const bool vectors = axes.back().from <= 1;
  call.loops(vectors ? grid.loops : grid.rows_each * (1 + grid.cols_each));
  if (rows * cols == 0) call.range({0, 1, 1}, {1, 1, 1});
  return call;
}

void strided_copy(const std::vector<CopyAxis>& axes, const double* source, double* target) {
  std::vector<std::int64_t> position(axes.size(), 0);
  for (const CopyAxis& axis : axes) {
    if (axis.extent == 0) return;
  }
  for (;;) {
    *target = *source;
    std::size_t i = axes.size();
    for (; i-- > 0;) {
      source += axes[i].from;
      target += axes[i].to;
      if (++position[i] < axes[i].extent) break;
      source -= axes[i].from * axes[i].extent;
      target -= axes[i].to * axes[i].extent;
      position[i] = 0;
    }
    if (i == static_cast<std::size_t>(-1)) return;
  }
}

}  // namespace pinnacle
