// accuracy: the share of rows whose first maximum is at the label. Labels are classes (i32 [N]) or
// rows (f32 [N, C]) whose first maximum is the class.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>

#include "ops/epilogue.hpp"
#include "ops/launch.hpp"
#include "ops/reduce/reduce.hpp"

namespace pinnacle {
namespace {

bool is_dense(const OpView& op) { return op.in[1]->dtype == DType::f32; }

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 2, 2);
  check_f32(op, 0, "scores");
  const Shape& x = op.shape(0);
  if (x.rank() != 2 || x.elements() == 0) shape_error(op, "scores are {}; expected [N, C]", x);
  const TensorType& labels = *op.in[1];
  const bool classes = labels.dtype == DType::i32 && labels.shape == Shape{x[0]};
  const bool rows = labels.dtype == DType::f32 && labels.shape == x;
  if (!classes && !rows) {
    shape_error(op, "labels are {} but scores are {}; expected i32[{}] or f32{}", labels, x, x[0],
                x);
  }
  return {{Shape{}, DType::f32}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const std::int64_t rows = in[0].shape[0];
  const std::int64_t cols = in[0].shape[1];
  const auto first_maximum = [&](const Array& array, std::int64_t r) {
    const auto begin = array.data.begin() + r * cols;
    return static_cast<double>(std::max_element(begin, begin + cols) - begin);
  };
  std::int64_t hits = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    const double label =
        is_dense(op) ? first_maximum(in[1], r) : in[1].data[static_cast<std::size_t>(r)];
    hits += first_maximum(in[0], r) == label ? 1 : 0;
  }
  return {Array(Shape{}, static_cast<double>(hits) / static_cast<double>(rows))};
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const std::int64_t rows = op.shape(0)[0];
  const std::int64_t cols = op.shape(0)[1];
  const std::int64_t dense = is_dense(op) ? 1 : 0;
  const bool wide = family == Family::wide;
  std::int64_t group_rows = work_group(target);
  KernelCall call(wide ? "accuracy/wide.cl" : "accuracy/simt.cl");
  if (wide) {
    const std::int64_t vw = target.vector_width;
    const std::int64_t loops = (1 + dense) * (2 + ceil_div(cols, vw) + 2 * vw);
    constexpr std::int64_t kOneGroup = 16384;  // elements, about as long as one more launch
    group_rows = rows * cols > kOneGroup || fits_loop_limit(target, rows * loops)
                     ? units_each(rows, cols, loops, target)
                     : rows;
    call.define("VW", vw).define("COLS", cols).define("DENSE", dense);
    call.loops(group_rows * loops);
  } else {
    group_rows = power_of_two(rows, group_rows);
    call.define("WG", group_rows).define("DENSE", dense);
    call.loops((1 + dense) * cols + 16);
  }
  const std::int64_t groups = ceil_div(rows, group_rows);
  const auto items = static_cast<std::size_t>(wide ? 1 : group_rows);
  call.range({static_cast<std::size_t>(groups) * items, 1, 1}, {items, 1, 1});
  Lowering lowering;
  const bool whole = groups == 1;
  const BufferRef hits =
      whole ? out() : lowering.add_scratch(static_cast<std::size_t>(groups) * sizeof(float));
  // Counts are added as whole numbers, so that the sum is exact; the last step divides.
  const auto mean = static_cast<float>(1.0 / static_cast<double>(rows));
  call.arg(in(0)).arg(in(1)).arg(hits).arg(to_int(rows)).arg(to_int(wide ? group_rows : cols));
  call.arg(whole ? mean : 1.0f);
  lowering.calls.emplace_back(std::move(call));
  if (!whole) {
    add_reduction(lowering, Reduction::sum, {{.extent = groups, .stride = 1, .reduced = true}},
                  hits, out(), mean, family, target);
  }
  return lowering;
}

}  // namespace

std::vector<OpDef> accuracy_ops() {
  return {{.name = "accuracy",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("it counts; train with a loss such as softmax_cross_entropy"),
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = static_cast<double>(op.shape(0).elements()),
                             .bytes = op.operand_bytes()};
               },
           .variants = both_families(lower)}};
}

}  // namespace pinnacle
