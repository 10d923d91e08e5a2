// Operators that pick and place elements by index. Where the extent of a result depends on contents,
// the contents are asked for while importing, and what is left is a gather with known indices.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>

#include "io/onnx/map/build.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = NodeImport::Ints;
using Values = std::vector<ValueId>;

std::int64_t axis_of(NodeImport& node, std::int64_t absent) {
  return static_cast<std::int64_t>(node.axis(node.integer("axis", absent), node.shape(0).rank()));
}

// ---- Gather -------------------------------------------------------------------------------------

Values gather(NodeImport& node) {
  return {node.apply("gather", {node.in(0), node.in(1)}, {{"axis", axis_of(node, 0)}})};
}

Values gather_elements(NodeImport& node) {
  return {node.apply("gather_elements", {node.in(0), node.in(1)}, {{"axis", axis_of(node, 0)}})};
}

Values gather_nd(NodeImport& node) {
  return {node.apply("gather_nd", {node.in(0), node.in(1)},
                     {{"batch_dims", node.integer("batch_dims", 0)}})};
}

// ---- Scatter ------------------------------------------------------------------------------------

Values scatter_elements(NodeImport& node) {
  return {node.apply("scatter_elements", {node.in(0), node.in(1), node.in(2)},
                     {{"axis", axis_of(node, 0)}, {"reduction", node.text("reduction", "none")}})};
}

Values scatter_nd(NodeImport& node) {
  return {node.apply("scatter_nd", {node.in(0), node.in(1), node.in(2)},
                     {{"reduction", node.text("reduction", "none")}})};
}

// Row w of a table says where each step of an update goes that is written from w on.
Values tensor_scatter(NodeImport& node) {
  const Shape& past = node.shape(0);
  const Shape& update = node.shape(1);
  const std::int64_t axis = axis_of(node, -2);
  const auto at = static_cast<std::size_t>(axis);
  Shape expected = past;
  if (update.rank() == past.rank()) expected[at] = update[at];
  if (at == 0 || update != expected || update[at] > past[at]) {
    node.invalid(fmt::format("writes {} into {} along axis {}", update, past, axis));
  }
  const std::int64_t steps = update[at];
  if (!node.has(2)) {
    if (steps == past[at]) return {node.in(1)};
    const ValueId rest = slice_axis(node, node.in(0), at, steps, past[at]);
    return {node.apply("concat", {node.in(1), rest}, {{"axis", axis}})};
  }
  const std::string mode = node.text("mode", "linear");
  if (mode != "linear" && mode != "circular") node.invalid(fmt::format("mode is \"{}\"", mode));
  if (node.shape(2) != Shape{past[0]}) {
    node.invalid(fmt::format("write_indices are {}; expected [{}]", node.shape(2), past[0]));
  }
  constexpr std::int64_t kMostEntries = 1 << 24;
  if (steps > 0 && past[at] > kMostEntries / steps) {
    node.unsupported(fmt::format("writes {} of {} steps", steps, past[at]));
  }
  std::vector<std::int32_t> to;
  for (std::int64_t first = 0; first < past[at]; ++first) {
    for (std::int64_t s = first; s < first + steps; ++s) {
      to.push_back(
          static_cast<std::int32_t>(mode == "circular" ? s % past[at] : std::min(s, past[at] - 1)));
    }
  }
  if (to.empty()) return {node.in(0)};
  const ValueId table = node.constant(i32_tensor({past[at], steps}, to));
  Ints dims(past.rank(), 1);
  dims[0] = past[0];
  dims[at] = steps;
  const ValueId rows = node.reshape(gather_axis(node, table, 0, node.in(2)), Shape(dims));
  return {node.apply("scatter_elements", {node.in(0), expand_to(node, rows, update), node.in(1)},
                     {{"axis", axis}})};
}

// ---- Order --------------------------------------------------------------------------------------

Values top_k(NodeImport& node) {
  const std::int64_t axis = axis_of(node, -1);
  const std::int64_t k = node.opset() < 10 ? node.integer("k", -1) : node.integer(1);
  const std::int64_t extent = node.shape(0)[static_cast<std::size_t>(axis)];
  if (k < 0 || k > extent) node.invalid(fmt::format("takes {} of {} elements", k, extent));
  return node.apply_all("top_k", {node.in(0)},
                        {{"axis", axis}, {"k", k}, {"largest", node.integer("largest", 1)}});
}

Values one_hot(NodeImport& node) {
  const std::size_t axis = node.axis(node.integer("axis", -1), node.shape(0).rank() + 1);
  const std::int64_t depth = node.integer(1);
  Ints dims = node.shape(0).dims();
  dims.push_back(depth);
  checked_shape(node, std::move(dims));
  return {node.apply("one_hot", {node.in(0), node.in(2)},
                     {{"axis", static_cast<std::int64_t>(axis)}, {"depth", depth}})};
}

// ---- Results whose extent depends on contents ---------------------------------------------------

Values non_zero(NodeImport& node) {
  const Array x = to_array(node.contents(0));
  const Shape& shape = x.shape;
  std::vector<std::int64_t> found;
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    if (x.data[i] != 0) found.push_back(static_cast<std::int64_t>(i));
  }
  const std::size_t count = found.size();
  std::vector<std::int64_t> rows(shape.rank() * count);
  std::int64_t below = 1;
  for (std::size_t axis = shape.rank(); axis-- > 0;) {
    for (std::size_t i = 0; i < count; ++i) {
      rows[axis * count + i] = found[i] / below % shape[axis];
    }
    below *= shape[axis];
  }
  const auto rank = static_cast<std::int64_t>(shape.rank());
  return {node.constant(i64_tensor({rank, static_cast<std::int64_t>(count)}, rows))};
}

// x itself, or flattened if no axis is given; and the axis.
std::pair<ValueId, std::size_t> along(NodeImport& node) {
  const Shape& x = node.shape(0);
  if (node.has_attribute("axis")) {
    return {node.in(0), node.axis(node.integer("axis", 0), x.rank())};
  }
  return {node.reshape(node.in(0), {x.elements()}), 0};
}

Values compress(NodeImport& node) {
  const auto [x, axis] = along(node);
  const Array condition = to_array(node.contents(1));
  const std::int64_t extent = node.b().shape(x)[axis];
  std::vector<std::int64_t> taken;
  for (std::size_t i = 0; i < condition.data.size(); ++i) {
    if (condition.data[i] == 0) continue;
    if (static_cast<std::int64_t>(i) >= extent) {
      node.invalid(fmt::format("takes element {} of {}", i, extent));
    }
    taken.push_back(static_cast<std::int64_t>(i));
  }
  return {gather_axis(node, x, axis, node.constant(taken))};
}

// Slices of x along an axis, compared element by element.
class SliceOrder {
 public:
  SliceOrder(const Array& x, std::size_t axis)
      : x_(x),
        extent_(x.shape[axis]),
        inner_(x.shape.elements(axis + 1, x.shape.rank())),
        outer_(x.shape.elements(0, axis)) {}

  std::int64_t extent() const { return extent_; }

  /// -1, 0 or 1 as slice a comes before, equals or comes after slice b. NaN comes last.
  int compare(std::int64_t a, std::int64_t b) const {
    for (std::int64_t o = 0; o < outer_; ++o) {
      for (std::int64_t i = 0; i < inner_; ++i) {
        const double u = at(o, a, i);
        const double v = at(o, b, i);
        if (u == v || (std::isnan(u) && std::isnan(v))) continue;
        return std::isnan(v) || u < v ? -1 : 1;
      }
    }
    return 0;
  }

 private:
  double at(std::int64_t o, std::int64_t slice, std::int64_t i) const {
    return x_.data[static_cast<std::size_t>((o * extent_ + slice) * inner_ + i)];
  }

  const Array& x_;
  std::int64_t extent_, inner_, outer_;
};

Values unique(NodeImport& node) {
  const auto [x, axis] = along(node);
  const Array contents = to_array(node.contents_of(x));
  const SliceOrder slices(contents, axis);
  std::vector<std::int64_t> order(static_cast<std::size_t>(slices.extent()));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return slices.compare(a, b) < 0; });
  // Of each group of equal slices the first is the lowest: the sort is stable.
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> group(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || slices.compare(order[i - 1], order[i]) != 0) first.push_back(order[i]);
    group[static_cast<std::size_t>(order[i])] = static_cast<std::int64_t>(first.size()) - 1;
  }
  std::vector<std::int64_t> rank(first.size());  // of each group in the result
  std::iota(rank.begin(), rank.end(), std::int64_t{0});
  if (node.integer("sorted", 1) == 0) {
    std::vector<std::int64_t> appearance = rank;
    std::sort(appearance.begin(), appearance.end(), [&](std::int64_t a, std::int64_t b) {
      return first[static_cast<std::size_t>(a)] < first[static_cast<std::size_t>(b)];
    });
    for (std::size_t i = 0; i < appearance.size(); ++i) {
      rank[static_cast<std::size_t>(appearance[i])] = static_cast<std::int64_t>(i);
    }
  }
  Ints indices(first.size()), inverse(order.size()), counts(first.size(), 0);
  for (std::size_t g = 0; g < first.size(); ++g) {
    indices[static_cast<std::size_t>(rank[g])] = first[g];
  }
  for (std::size_t i = 0; i < group.size(); ++i) {
    inverse[i] = rank[static_cast<std::size_t>(group[i])];
    ++counts[static_cast<std::size_t>(inverse[i])];
  }
  const ValueId found = node.constant(indices);
  return {gather_axis(node, x, axis, found), found, node.constant(inverse), node.constant(counts)};
}

// ---- NonMaxSuppression --------------------------------------------------------------------------

struct Box {
  double top, left, bottom, right;
  double area() const { return (bottom - top) * (right - left); }
};

Box box_of(const double* numbers, bool by_center) {
  if (by_center) {
    const double w = numbers[2] / 2;
    const double h = numbers[3] / 2;
    return {numbers[1] - h, numbers[0] - w, numbers[1] + h, numbers[0] + w};
  }
  return {std::min(numbers[0], numbers[2]), std::min(numbers[1], numbers[3]),
          std::max(numbers[0], numbers[2]), std::max(numbers[1], numbers[3])};
}

double intersection_over_union(const Box& a, const Box& b) {
  const Box both{std::max(a.top, b.top), std::max(a.left, b.left), std::min(a.bottom, b.bottom),
                 std::min(a.right, b.right)};
  if (both.bottom <= both.top || both.right <= both.left) return 0;
  const double all = a.area() + b.area() - both.area();
  return a.area() <= 0 || b.area() <= 0 || all <= 0 ? 0 : both.area() / all;
}

Values non_max_suppression(NodeImport& node) {
  const Array boxes = to_array(node.contents(0));
  const Array scores = to_array(node.contents(1));
  if (boxes.shape.rank() != 3 || boxes.shape[2] != 4 || scores.shape.rank() != 3 ||
      scores.shape[0] != boxes.shape[0] || scores.shape[2] != boxes.shape[1]) {
    node.invalid(fmt::format("boxes are {} and scores {}; expected [N, B, 4] and [N, C, B]",
                             boxes.shape, scores.shape));
  }
  const std::int64_t count = boxes.shape[1];
  const std::int64_t most = std::clamp<std::int64_t>(node.has(2) ? node.integer(2) : 0, 0, count);
  const double overlap = node.has(3) ? node.number(3) : 0;
  const double least = node.has(4) ? node.number(4) : 0;
  const bool by_center = node.integer("center_point_box", 0) != 0;
  const std::int64_t lists = scores.shape.elements(0, 2);
  constexpr double kMostComparisons = 2e9;
  if (static_cast<double>(lists) * static_cast<double>(count) * static_cast<double>(most) >
      kMostComparisons) {
    node.unsupported(fmt::format("compares {} lists of {} boxes", lists, count));
  }
  std::vector<std::int64_t> selected;
  for (std::int64_t list = 0; list < lists; ++list) {
    const std::int64_t image = list / scores.shape[1];
    const double* score = scores.data.data() + list * count;
    std::vector<std::int64_t> order;
    for (std::int64_t i = 0; i < count; ++i) {
      if (score[i] > least || !node.has(4)) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return std::isnan(score[b]) ? !std::isnan(score[a]) : score[a] > score[b];
    });
    std::vector<Box> kept;
    for (const std::int64_t i : order) {
      if (static_cast<std::int64_t>(kept.size()) >= most) break;
      const Box box = box_of(boxes.data.data() + (image * count + i) * 4, by_center);
      if (std::any_of(kept.begin(), kept.end(), [&](const Box& other) {
            return intersection_over_union(box, other) > overlap;
          })) {
        continue;
      }
      kept.push_back(box);
      selected.insert(selected.end(), {image, list % scores.shape[1], i});
    }
  }
  const auto rows = static_cast<std::int64_t>(selected.size() / 3);
  return {node.constant(i64_tensor({rows, 3}, selected))};
}

}  // namespace

std::vector<ImportRow> index_imports() {
  return {{"Compress", compress, Half::kept},
          {"Gather", gather, Half::kept, 1},
          {"GatherElements", gather_elements, Half::kept},
          {"GatherND", gather_nd, Half::kept},
          {"NonMaxSuppression", non_max_suppression, Half::kept},
          {"NonZero", non_zero, Half::kept},
          {"OneHot", one_hot, Half::kept},
          {"Scatter", scatter_elements, Half::kept},
          {"ScatterElements", scatter_elements, Half::kept},
          {"ScatterND", scatter_nd, Half::kept},
          {"TensorScatter", tensor_scatter, Half::kept},
          {"TopK", top_k, Half::computed_in_f32, 1},
          {"Unique", unique, Half::kept}};
}

}  // namespace pinnacle::onnx
