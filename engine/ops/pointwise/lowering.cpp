// The generated prelude holds the formula, the operands' offsets per run and how each is loaded; the
// kernels are clkernels/pointwise/.
// SPDX-License-Identifier: Apache-2.0
#include "ops/pointwise/lowering.hpp"

#include <algorithm>

#include "ops/broadcast.hpp"
#include "ops/epilogue.hpp"

namespace pinnacle {

KernelCall pointwise_call(std::string_view expression,
                          const std::vector<PointwiseOperand>& operands, BufferRef result,
                          const Shape& shape, Family family, const Target& target) {
  std::vector<Shape> shapes;
  for (const PointwiseOperand& operand : operands) shapes.push_back(operand.shape);
  std::vector<BroadcastAxis> axes = broadcast_axes(shapes, shape);
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
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const char* comma = k == 0 ? "" : ", ";
    params += fmt::format("__global const float *x{}, ", k);
    offsets += fmt::format("const int o{} = {}; ", k, run_offset(axes, k));
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
  const auto strides = run_strides(axes);
  for (const auto& [k, stride] : strides) params += fmt::format("int s{}, ", k);
  prelude += fmt::format("#define PARAMS {}\n#define OFFSETS(row) {}\n", params, offsets);
  prelude += fmt::format("#define FORMULA_ONE(i) formula1({})\n", one);
  prelude += fmt::format("#define FORMULA_VEC(i) formula{}({})\n", vw, vec);

  KernelCall call(family == Family::wide ? "pointwise/wide.cl" : "pointwise/simt.cl");
  call.prelude = std::move(prelude);
  call.define("VW", vw);
  for (const PointwiseOperand& operand : operands) call.arg(operand.buffer);
  for (const auto& [k, stride] : strides) call.arg(stride);
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
