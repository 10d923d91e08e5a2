// Axes are collapsed until the innermost runs are as long as possible; within a run each operand
// is either contiguous or one number. The generated prelude holds the formula, the operands'
// offsets per run and how each is loaded; the kernels are clkernels/pointwise/.
// SPDX-License-Identifier: Apache-2.0
#include "ops/pointwise/lowering.hpp"

#include <algorithm>

#include "ops/epilogue.hpp"

namespace pinnacle {
namespace {

struct Axis {
  std::int64_t extent;
  std::vector<std::int64_t> strides;  // one per operand
};

std::vector<Axis> collapse(const std::vector<PointwiseOperand>& operands, const Shape& shape) {
  std::vector<Axis> axes;
  for (std::size_t i = 0; i < shape.rank(); ++i) {
    if (shape[i] == 1) continue;
    Axis axis{.extent = shape[i], .strides = {}};
    for (const PointwiseOperand& operand : operands) {
      const std::size_t missing = shape.rank() - operand.shape.rank();
      const bool varies = i >= missing && operand.shape[i - missing] != 1;
      axis.strides.push_back(varies ? operand.shape.elements(i - missing + 1, operand.shape.rank())
                                    : 0);
    }
    if (!axes.empty()) {
      Axis& outer = axes.back();
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

// Runs of one vector, as beside channels in blocks: the axis above joins them where each operand goes
// on, or repeats its vector (or number). Returns which operands repeat a vector.
std::vector<bool> join_vectors(std::vector<Axis>& axes, std::int64_t vw) {
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

// "o1 = row / 5 % 3 * 7 + row % 5 * 2": the offset of operand k at the start of a run. Strides of one
// axis are arguments, so that shapes share a program; extents are numbers, for quick divisions.
std::string offset(const std::vector<Axis>& axes, std::size_t k) {
  if (axes.size() == 2) return axes[0].strides[k] == 0 ? "0" : fmt::format("(row) * s{}", k);
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

}  // namespace

KernelCall pointwise_call(std::string_view expression,
                          const std::vector<PointwiseOperand>& operands, BufferRef result,
                          const Shape& shape, Family family, const Target& target) {
  std::vector<Axis> axes = collapse(operands, shape);
  const std::vector<bool> repeats =
      join_vectors(axes, family == Family::wide ? target.vector_width : 1);
  const std::int64_t cols = axes.back().extent;
  const std::int64_t rows = shape.elements() / std::max<std::int64_t>(cols, 1);
  const int vw = family == Family::wide ? target.vector_width : 4;

  std::string prelude = "#define HAS_FORMULA 1\n";
  prelude +=
      expression_functions(expression, "formula", static_cast<int>(operands.size()), {1, vw});
  std::string params;
  std::string offsets;
  std::string one;
  std::string vec;
  std::vector<std::int32_t> strides;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const char* comma = k == 0 ? "" : ", ";
    params += fmt::format("__global const float *x{}, ", k);
    offsets += fmt::format("const int o{} = {}; ", k, offset(axes, k));
    if (axes.back().strides[k] == 0) {
      one += fmt::format("{}x{}[o{}]", comma, k, k);
      vec += fmt::format("{}(vec_t)(x{}[o{}])", comma, k, k);
    } else if (repeats[k]) {
      one += fmt::format("{}x{}[o{} + (i) % VW]", comma, k, k);
      vec += fmt::format("{}vec_load(0, x{} + o{})", comma, k, k);
    } else {
      one += fmt::format("{}x{}[o{} + (i)]", comma, k, k);
      vec += fmt::format("{}vec_load(0, x{} + o{} + (i))", comma, k, k);
    }
  }
  for (std::size_t k = 0; k < operands.size() && axes.size() == 2; ++k) {
    if (axes[0].strides[k] == 0) continue;
    params += fmt::format("int s{}, ", k);
    strides.push_back(static_cast<std::int32_t>(axes[0].strides[k]));
  }
  prelude += fmt::format("#define PARAMS {}\n#define OFFSETS(row) {}\n", params, offsets);
  prelude += fmt::format("#define FORMULA_ONE(i) formula1({})\n", one);
  prelude += fmt::format("#define FORMULA_VEC(i) formula{}({})\n", vw, vec);

  KernelCall call(family == Family::wide ? "pointwise/wide.cl" : "pointwise/simt.cl");
  call.prelude = std::move(prelude);
  call.define("VW", vw);
  for (const PointwiseOperand& operand : operands) call.arg(operand.buffer);
  for (const std::int32_t stride : strides) call.arg(stride);
  call.arg(result).arg(static_cast<std::int32_t>(rows)).arg(static_cast<std::int32_t>(cols));
  const auto units = static_cast<std::int64_t>(std::max(target.compute_units, 1));
  if (family == Family::wide) {
    // A group gets at least 4096 elements; at most 8 groups per unit.
    constexpr std::int64_t kLeast = 4096;
    const std::int64_t groups = std::clamp<std::int64_t>(shape.elements() / kLeast, 1, 8 * units);
    const std::int64_t row_groups = std::min(rows, groups);
    const std::int64_t rows_each = (rows + row_groups - 1) / row_groups;
    const std::int64_t col_groups = std::max<std::int64_t>(1, groups / row_groups);
    const std::int64_t cols_each = ((cols + col_groups - 1) / col_groups + vw - 1) / vw * vw;
    call.arg(static_cast<std::int32_t>(rows_each)).arg(static_cast<std::int32_t>(cols_each));
    call.range({static_cast<std::size_t>((cols + cols_each - 1) / cols_each),
                static_cast<std::size_t>((rows + rows_each - 1) / rows_each), 1},
               {1, 1, 1});
    call.loops(rows_each * (cols_each / vw + vw));
  } else {
    const std::size_t items = static_cast<std::size_t>((cols + vw - 1) / vw);
    std::size_t lx = 1;
    while (lx < items && lx < 64) lx *= 2;
    std::size_t ly = 1;
    while (lx * ly < 64 && ly < static_cast<std::size_t>(rows)) ly *= 2;
    while (lx * ly > target.max_work_group) (ly > 1 ? ly : lx) /= 2;
    call.range({(items + lx - 1) / lx * lx, (static_cast<std::size_t>(rows) + ly - 1) / ly * ly, 1},
               {lx, ly, 1});
    call.loops(vw);
  }
  return call;
}

}  // namespace pinnacle
