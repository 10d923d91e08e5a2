// Reductions: sums, means, extremes and norms over axes, positions of extremes, running sums.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "io/onnx/map/build.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = NodeImport::Ints;

// Axes as an attribute, since operator set 13 (ReduceSum) or 18 (all others) as an input. Nothing: x
// stays as it is.
std::optional<Ints> reduced_axes(NodeImport& node) {
  const std::size_t rank = node.shape(0).rank();
  Ints given = node.has(1) ? node.ints(1) : node.ints("axes", {});
  if (given.empty()) {
    if (node.integer("noop_with_empty_axes", 0) != 0) return std::nullopt;
    for (std::size_t i = 0; i < rank; ++i) given.push_back(static_cast<std::int64_t>(i));
  }
  Ints axes;
  for (const std::int64_t axis : given) {
    axes.push_back(static_cast<std::int64_t>(node.axis(axis, rank)));
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) {
    node.invalid("an axis is named twice");
  }
  return axes;
}

ValueId reduce(NodeImport& node, const char* op, ValueId x, const Ints& axes, bool keep) {
  if (axes.empty()) return x;  // a scalar
  return node.apply(op, {x}, {{"axes", axes}, {"keepdims", std::int64_t{keep}}});
}

// before, over axes, after: the norms are an op on each element around a sum.
std::vector<ValueId> reduce_between(NodeImport& node, const char* before, const char* op,
                                    const char* after) {
  const std::optional<Ints> axes = reduced_axes(node);
  ValueId x = node.in(0);
  if (before != nullptr) x = node.apply(before, {x});
  if (axes) x = reduce(node, op, x, *axes, node.integer("keepdims", 1) != 0);
  if (after == nullptr) return {x};
  const DType dtype = node.b().type(x).dtype;
  if (dtype == DType::f32) return {node.apply(after, {x})};
  return {node.cast(node.apply(after, {node.cast(x, DType::f32)}), dtype)};
}

template <const char* const& Op>
std::vector<ValueId> plain(NodeImport& node) {
  return reduce_between(node, nullptr, Op, nullptr);
}

constexpr const char* kSum = "reduce_sum";
constexpr const char* kMean = "reduce_mean";
constexpr const char* kMax = "reduce_max";
constexpr const char* kMin = "reduce_min";
constexpr const char* kProd = "reduce_prod";

std::vector<ValueId> l1(NodeImport& node) { return reduce_between(node, "abs", kSum, nullptr); }
std::vector<ValueId> l2(NodeImport& node) { return reduce_between(node, "square", kSum, "sqrt"); }
std::vector<ValueId> sum_square(NodeImport& node) {
  return reduce_between(node, "square", kSum, nullptr);
}
std::vector<ValueId> log_sum(NodeImport& node) {
  return reduce_between(node, nullptr, kSum, "log");
}

// log sum exp (x - m) + m, with m the largest x where that is finite: no sum overflows.
std::vector<ValueId> log_sum_exp(NodeImport& node) {
  const std::optional<Ints> axes = reduced_axes(node);
  if (!axes) return {node.in(0)};
  const bool keep = node.integer("keepdims", 1) != 0;
  const DType dtype = node.dtype(0);
  const ValueId x = node.cast(node.in(0), DType::f32);
  if (axes->empty() || node.shape(0).elements() == 0) {
    return {node.cast(node.apply("log", {reduce(node, kSum, node.apply("exp", {x}), *axes, keep)}),
                      dtype)};
  }
  const float finite = std::numeric_limits<float>::max();
  const ValueId largest = node.apply(
      "min", {node.apply("max", {reduce(node, kMax, x, *axes, true), node.b().constant(-finite)}),
              node.b().constant(finite)});
  const ValueId sum =
      reduce(node, kSum, node.apply("exp", {node.apply("sub", {x, largest})}), *axes, true);
  const ValueId result = node.apply("add", {node.apply("log", {sum}), largest});
  if (keep) return {node.cast(result, dtype)};
  Ints dims;
  for (std::size_t i = 0; i < node.shape(0).rank(); ++i) {
    if (!std::binary_search(axes->begin(), axes->end(), static_cast<std::int64_t>(i))) {
      dims.push_back(node.shape(0)[i]);
    }
  }
  return {node.cast(node.reshape(result, Shape(dims)), dtype)};
}

std::vector<ValueId> arg(NodeImport& node, const char* op) {
  const std::size_t rank = node.shape(0).rank();
  if (rank == 0) node.invalid("input 0 is a scalar");
  const auto axis = static_cast<std::int64_t>(node.axis(node.integer("axis", 0), rank));
  if (node.shape(0)[static_cast<std::size_t>(axis)] == 0)
    node.invalid("there is nothing along the axis");
  return {node.apply(op, {node.in(0)},
                     {{"axis", axis},
                      {"keepdims", node.integer("keepdims", 1)},
                      {"select_last_index", node.integer("select_last_index", 0)}})};
}
std::vector<ValueId> arg_max(NodeImport& node) { return arg(node, "arg_max"); }
std::vector<ValueId> arg_min(NodeImport& node) { return arg(node, "arg_min"); }

std::vector<ValueId> cumulative(NodeImport& node, const char* op) {
  if (node.shape(0).rank() == 0) node.invalid("input 0 is a scalar");
  const std::size_t axis = node.axis(node.integer(std::size_t{1}), node.shape(0).rank());
  return {node.apply(op, {node.in(0)},
                     {{"axis", static_cast<std::int64_t>(axis)},
                      {"exclusive", node.integer("exclusive", 0)},
                      {"reverse", node.integer("reverse", 0)}})};
}
std::vector<ValueId> cum_sum(NodeImport& node) { return cumulative(node, "cum_sum"); }
std::vector<ValueId> cum_prod(NodeImport& node) { return cumulative(node, "cum_prod"); }

}  // namespace

std::vector<ImportRow> reduction_imports() {
  return {{"ArgMax", arg_max, Half::computed_in_f32, 1},
          {"ArgMin", arg_min, Half::computed_in_f32, 1},
          {"CumProd", cum_prod},
          {"CumSum", cum_sum},
          {"ReduceL1", l1, Half::computed_in_f32, 1},
          {"ReduceL2", l2, Half::computed_in_f32, 1},
          {"ReduceLogSum", log_sum, Half::computed_in_f32, 1},
          {"ReduceLogSumExp", log_sum_exp, Half::computed_in_f32, 1},
          {"ReduceMax", plain<kMax>, Half::computed_in_f32, 1},
          {"ReduceMean", plain<kMean>, Half::computed_in_f32, 1},
          {"ReduceMin", plain<kMin>, Half::computed_in_f32, 1},
          {"ReduceProd", plain<kProd>, Half::computed_in_f32, 1},
          {"ReduceSum", plain<kSum>, Half::computed_in_f32, 1},
          {"ReduceSumSquare", sum_square, Half::computed_in_f32, 1}};
}

}  // namespace pinnacle::onnx
