// Operators that move elements and do not look at them: shapes, slices, padding, constants.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "io/onnx/map/build.hpp"
#include "io/onnx/tensor_proto.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = NodeImport::Ints;
using Values = std::vector<ValueId>;

// Axes from an attribute or, from `since` on, from an input; none: an empty list.
Ints given_axes(NodeImport& node, std::size_t input, int since) {
  return node.opset() < since ? node.ints("axes", {}) : node.has(input) ? node.ints(input) : Ints{};
}

// Each once, in [0, rank).
std::vector<std::size_t> distinct_axes(const NodeImport& node, const Ints& given,
                                       std::size_t rank) {
  std::vector<std::size_t> axes;
  for (const std::int64_t a : given) {
    const std::size_t axis = node.axis(a, rank);
    if (std::find(axes.begin(), axes.end(), axis) != axes.end()) {
      node.invalid(fmt::format("names axis {} twice", axis));
    }
    axes.push_back(axis);
  }
  return axes;
}

// ---- Constants ----------------------------------------------------------------------------------

Values constant(NodeImport& node) {
  if (node.has_attribute("value")) return {node.constant(node.tensor("value"))};
  if (node.has_attribute("value_float")) {
    return {node.constant(Tensor::scalar(static_cast<float>(node.number("value_float", 0))))};
  }
  if (node.has_attribute("value_floats")) {
    const std::vector<double> numbers = node.numbers("value_floats", {});
    const std::vector<float> values(numbers.begin(), numbers.end());
    return {node.constant(Tensor({static_cast<std::int64_t>(values.size())}, values))};
  }
  if (node.has_attribute("value_int")) {
    return {node.constant(i64_tensor({}, {node.integer("value_int", 0)}))};
  }
  if (node.has_attribute("value_ints")) return {node.constant(node.ints("value_ints", {}))};
  node.unsupported("holds no dense tensor of numbers");
}

Values constant_of_shape(NodeImport& node) {
  const Shape shape = checked_shape(node, node.ints(0));
  Tensor element({1}, DType::f32);
  if (node.has_attribute("value")) element = node.tensor("value");
  if (element.elements() != 1) {
    node.invalid(fmt::format("value is {}; expected one element", element.type()));
  }
  Tensor result = new_tensor(node, shape, element.dtype());
  // Copies of what is filled already, twice as much each time: weights may be made like this.
  const std::span<std::byte> to = result.bytes();
  std::size_t filled = std::min(to.size(), element.bytes().size());
  std::copy_n(element.bytes().begin(), filled, to.begin());
  for (; filled > 0 && filled < to.size(); filled *= 2) {
    std::copy_n(to.begin(), std::min(filled, to.size() - filled),
                to.begin() + static_cast<std::ptrdiff_t>(filled));
  }
  return {node.constant(std::move(result))};
}

Values range(NodeImport& node) {
  const double start = node.number(0);
  const double limit = node.number(1);
  const double step = node.number(2);
  if (step == 0 || !std::isfinite(step) || !std::isfinite(start) || !std::isfinite(limit)) {
    node.invalid(fmt::format("goes from {} to {} in steps of {}", start, limit, step));
  }
  constexpr double kExact = 0x1p53;
  for (const double number : {start, limit, step}) {
    if (node.dtype(0) == DType::i64 && std::fabs(number) > kExact) {
      node.unsupported("counts beyond 2^53, which is not exact here");
    }
  }
  const double length = std::max(0.0, std::ceil((limit - start) / step));
  constexpr double kMostSteps = 1 << 26;
  if (length > kMostSteps) {
    node.unsupported(fmt::format("makes a constant of {} elements", length));
  }
  const auto count = static_cast<std::int64_t>(length);
  Array result(Shape{count});
  for (std::int64_t i = 0; i < count; ++i) {
    result.data[static_cast<std::size_t>(i)] = start + static_cast<double>(i) * step;
  }
  return {node.constant(to_tensor(result, node.dtype(0)))};
}

Values eye_like(NodeImport& node) {
  const Shape& shape = node.shape(0);
  if (shape.rank() != 2) node.invalid(fmt::format("x is {}; expected a matrix", shape));
  const DType dtype = node.has_attribute("dtype")
                          ? require_dtype(static_cast<int>(node.integer("dtype", 0)), node.name())
                          : node.dtype(0);
  Tensor result = new_tensor(node, shape, dtype);
  const Tensor one = to_tensor(Array(Shape{1}, 1), dtype);
  const std::size_t size = size_of(dtype);
  const std::int64_t k = std::clamp(node.integer("k", 0), -shape[0], shape[1]);
  for (std::int64_t row = std::max<std::int64_t>(0, -k); row < shape[0] && row + k < shape[1];
       ++row) {
    const auto at = static_cast<std::size_t>(row * shape[1] + row + k);
    std::memcpy(result.bytes().data() + at * size, one.bytes().data(), size);
  }
  return {node.constant(std::move(result))};
}

Values shape_of(NodeImport& node) {
  const Shape& shape = node.shape(0);
  const auto rank = static_cast<std::int64_t>(shape.rank());
  const auto position = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const std::int64_t start = position(node.integer("start", 0));
  const std::int64_t end = std::max(start, position(node.integer("end", rank)));
  return {node.constant(Ints(shape.begin() + start, shape.begin() + end))};
}

Values size(NodeImport& node) {
  return {node.constant(i64_tensor({}, {node.shape(0).elements()}))};
}

// ---- The same elements under another shape ------------------------------------------------------

Values reshape(NodeImport& node) {
  const Shape& x = node.shape(0);
  Ints dims = node.opset() < 5 ? node.ints("shape", {}) : node.ints(1);
  const bool copies_zeros = node.integer("allowzero", 0) == 0;
  std::int64_t free = -1;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && copies_zeros) {
      if (i >= x.rank())
        node.invalid(fmt::format("shape {} copies an axis that {} lacks", Shape(dims), x));
      dims[i] = x[i];
    } else if (dims[i] == -1) {
      if (free >= 0) node.invalid(fmt::format("shape {} has two -1", Shape(dims)));
      free = static_cast<std::int64_t>(i);
      dims[i] = 1;
    }
  }
  Shape shape = checked_shape(node, std::move(dims));
  if (free >= 0) {
    const std::int64_t known = shape.elements();
    shape[static_cast<std::size_t>(free)] = known == 0 ? 0 : x.elements() / known;
  }
  if (shape.elements() != x.elements()) {
    node.invalid(fmt::format("{} does not hold the {} elements of {}", shape, x.elements(), x));
  }
  return {node.reshape(node.in(0), shape)};
}

Values flatten(NodeImport& node) {
  const Shape& x = node.shape(0);
  const auto rank = static_cast<std::int64_t>(x.rank());
  std::int64_t axis = node.integer("axis", 1);
  if (axis < -rank || axis > rank) node.invalid(fmt::format("axis {} is not one of {}", axis, x));
  if (axis < 0) axis += rank;
  const auto at = static_cast<std::size_t>(axis);
  return {node.reshape(node.in(0), {x.elements(0, at), x.elements(at, x.rank())})};
}

Values squeeze(NodeImport& node) {
  const Shape& x = node.shape(0);
  const bool all = node.opset() < 13 ? !node.has_attribute("axes") : !node.has(1);
  const std::vector<std::size_t> axes = distinct_axes(node, given_axes(node, 1, 13), x.rank());
  Ints dims;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    const bool named = std::find(axes.begin(), axes.end(), i) != axes.end();
    if (named && x[i] != 1) {
      node.invalid(fmt::format("axis {} of {} has not extent 1", i, x));
    }
    if (!named && !(all && x[i] == 1)) dims.push_back(x[i]);
  }
  return {node.reshape(node.in(0), Shape(std::move(dims)))};
}

Values unsqueeze(NodeImport& node) {
  const Shape& x = node.shape(0);
  const Ints given = given_axes(node, 1, 13);
  std::vector<std::size_t> axes = distinct_axes(node, given, x.rank() + given.size());
  std::sort(axes.begin(), axes.end());
  Ints dims = x.dims();
  for (const std::size_t axis : axes) {
    dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), 1);
  }
  return {node.reshape(node.in(0), Shape(std::move(dims)))};
}

// ---- Elements in another order ------------------------------------------------------------------

Values transpose(NodeImport& node) {
  const std::size_t rank = node.shape(0).rank();
  Ints perm(rank);
  std::iota(perm.rbegin(), perm.rend(), 0);
  if (node.has_attribute("perm")) {
    const std::vector<std::size_t> axes = distinct_axes(node, node.ints("perm", {}), rank);
    if (axes.size() != rank) {
      node.invalid(fmt::format("perm names {} of {} axes", axes.size(), rank));
    }
    perm.assign(axes.begin(), axes.end());
  }
  if (std::is_sorted(perm.begin(), perm.end())) return {node.in(0)};
  return {node.apply("transpose", {node.in(0)}, {{"perm", std::move(perm)}})};
}

ValueId transposed(NodeImport& node, ValueId x, const Shape& as, Ints perm, const Shape& result) {
  const ValueId y = node.apply("transpose", {node.reshape(x, as)}, {{"perm", std::move(perm)}});
  return node.reshape(y, result);
}

// Images and the side of the blocks that pixels are gathered into or spread from.
std::int64_t block_size(NodeImport& node) {
  if (node.shape(0).rank() != 4) {
    node.invalid(fmt::format("x is {}; expected [N, C, H, W]", node.shape(0)));
  }
  const std::int64_t block = node.integer("blocksize", 0);
  if (block < 1 || block > (1 << 20)) node.invalid(fmt::format("blocksize is {}", block));
  return block;
}

Values depth_to_space(NodeImport& node) {
  const std::int64_t b = block_size(node);
  const Shape& x = node.shape(0);
  if (x[1] % (b * b) != 0) {
    node.invalid(fmt::format("has {} channels, no multiple of {}", x[1], b * b));
  }
  const std::int64_t c = x[1] / (b * b);
  const std::string mode = node.text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") node.invalid(fmt::format("mode is \"{}\"", mode));
  const Shape result{x[0], c, x[2] * b, x[3] * b};
  if (mode == "CRD") {
    return {transposed(node, node.in(0), {x[0], c, b, b, x[2], x[3]}, {0, 1, 4, 2, 5, 3}, result)};
  }
  return {transposed(node, node.in(0), {x[0], b, b, c, x[2], x[3]}, {0, 3, 4, 1, 5, 2}, result)};
}

Values space_to_depth(NodeImport& node) {
  const std::int64_t b = block_size(node);
  const Shape& x = node.shape(0);
  if (x[2] % b != 0 || x[3] % b != 0) {
    node.invalid(fmt::format("x is {}; expected multiples of {} pixels", x, b));
  }
  const std::int64_t h = x[2] / b;
  const std::int64_t w = x[3] / b;
  return {transposed(node, node.in(0), {x[0], x[1], h, b, w, b}, {0, 3, 5, 1, 2, 4},
                     {x[0], x[1] * b * b, h, w})};
}

// Row n of a table says where each step of a sequence of n steps comes from.
Values reverse_sequence(NodeImport& node) {
  const Shape& x = node.shape(0);
  const std::int64_t time = node.integer("time_axis", 0);
  const std::int64_t batch = node.integer("batch_axis", 1);
  if (x.rank() < 2 || time < 0 || time > 1 || batch != 1 - time) {
    node.invalid(
        fmt::format("time_axis is {} and batch_axis {} of {}; expected 0 and 1", time, batch, x));
  }
  const std::int64_t steps = x[static_cast<std::size_t>(time)];
  constexpr std::int64_t kMostSteps = 4096;
  if (steps > kMostSteps) node.unsupported(fmt::format("of more than {} steps", kMostSteps));
  std::vector<std::int32_t> from;
  for (std::int64_t length = 0; length <= steps; ++length) {
    for (std::int64_t t = 0; t < steps; ++t) {
      from.push_back(static_cast<std::int32_t>(t < length ? length - 1 - t : t));
    }
  }
  const ValueId table = node.constant(i32_tensor({steps + 1, steps}, from));
  ValueId indices = gather_axis(node, table, 0, node.in(1));  // [batch, steps]
  if (time == 0) {
    indices = node.apply("transpose", {indices}, {{"perm", Ints{1, 0}}});
  }
  Ints dims(x.rank(), 1);
  dims[0] = x[0];
  dims[1] = x[1];
  indices = expand_to(node, node.reshape(indices, Shape(dims)), x);
  return {node.apply("gather_elements", {node.in(0), indices}, {{"axis", time}})};
}

// ---- Parts --------------------------------------------------------------------------------------

Values concat(NodeImport& node) {
  const std::size_t axis =
      node.axis(node.integer("axis", node.opset() < 4 ? 1 : 0), node.shape(0).rank());
  Values parts;
  for (std::size_t i = 0; i < node.input_count(); ++i) parts.push_back(node.in(i));
  if (parts.size() == 1) return parts;
  return {node.apply("concat", std::move(parts), {{"axis", static_cast<std::int64_t>(axis)}})};
}

Values split(NodeImport& node) {
  const Shape& x = node.shape(0);
  const std::size_t axis = node.axis(node.integer("axis", 0), x.rank());
  Ints sizes = node.opset() < 13 ? node.ints("split", {}) : node.has(1) ? node.ints(1) : Ints{};
  if (sizes.empty()) {
    const auto outputs = static_cast<std::int64_t>(node.output_count());
    const std::int64_t parts = node.integer("num_outputs", outputs);
    if (parts != outputs || parts < 1) {
      node.invalid(fmt::format("num_outputs is {} but it has {} outputs", parts, outputs));
    }
    const std::int64_t each = (x[axis] + parts - 1) / parts;
    std::int64_t left = x[axis];
    for (std::int64_t i = 0; i < parts; ++i) {
      sizes.push_back(std::min(each, left));
      left -= sizes.back();
    }
  }
  Values parts;
  std::int64_t start = 0;
  for (const std::int64_t length : sizes) {
    if (length < 0 || length > x[axis] - start) {
      node.invalid(
          fmt::format("parts of {} do not add up to axis {} of {}", Shape(sizes), axis, x));
    }
    parts.push_back(slice_axis(node, node.in(0), axis, start, start + length));
    start += length;
  }
  if (start != x[axis]) {
    node.invalid(fmt::format("parts of {} do not add up to axis {} of {}", Shape(sizes), axis, x));
  }
  return parts;
}

// numpy's meaning of start : end : step, as positions that exist.
struct Steps {
  std::int64_t start, end, step;
};

Steps steps_of(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t extent) {
  if (start < 0) start += extent;
  if (end < 0) end += extent;
  if (step > 0) {
    start = std::clamp<std::int64_t>(start, 0, extent);
    end = std::clamp<std::int64_t>(end, start, extent);
  } else {
    start = std::clamp<std::int64_t>(start, -1, extent - 1);
    end = std::clamp<std::int64_t>(end, -1, start);
  }
  if (start == end) return {0, 0, 1};
  const bool one = step > 0 ? step >= end - start : step <= end - start;
  return one ? Steps{start, start + 1, 1} : Steps{start, end, step};
}

Values slice(NodeImport& node) {
  const Shape& x = node.shape(0);
  const bool by_input = node.opset() >= 10;
  const Ints starts = by_input ? node.ints(1) : node.ints("starts", {});
  const Ints ends = by_input ? node.ints(2) : node.ints("ends", {});
  Ints given(starts.size());
  std::iota(given.begin(), given.end(), 0);
  if (by_input ? node.has(3) : node.has_attribute("axes")) given = given_axes(node, 3, 10);
  const Ints steps = by_input && node.has(4) ? node.ints(4) : Ints(starts.size(), 1);
  const std::vector<std::size_t> axes = distinct_axes(node, given, x.rank());
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size()) {
    node.invalid(fmt::format("has {} starts, {} ends, {} axes and {} steps", starts.size(),
                             ends.size(), axes.size(), steps.size()));
  }
  Attributes::Ints first, last, which, step;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (steps[i] == 0) node.invalid("has a step of 0");
    const Steps s = steps_of(starts[i], ends[i], steps[i], x[axes[i]]);
    if (s.step == 1 && s.start == 0 && s.end == x[axes[i]]) continue;
    first.push_back(s.start);
    last.push_back(s.end);
    which.push_back(static_cast<std::int64_t>(axes[i]));
    step.push_back(s.step);
  }
  if (which.empty()) return {node.in(0)};
  Attributes attributes{{"starts", first}, {"ends", last}, {"axes", which}};
  if (std::any_of(step.begin(), step.end(), [](std::int64_t s) { return s != 1; })) {
    attributes.set("steps", step);
  }
  return {node.apply("slice", {node.in(0)}, std::move(attributes))};
}

// ---- More elements ------------------------------------------------------------------------------

// Where elements [-before, extent + after) come from.
std::vector<std::int32_t> padded_indices(const std::string& mode, std::int64_t extent,
                                         std::int64_t before, std::int64_t after) {
  std::vector<std::int32_t> from;
  const std::int64_t period =
      mode == "reflect" ? std::max<std::int64_t>(1, 2 * (extent - 1)) : extent;
  for (std::int64_t i = -before; i < extent + after; ++i) {
    std::int64_t at = std::clamp<std::int64_t>(i, 0, extent - 1);
    if (mode != "edge") {
      at = ((i % period) + period) % period;
      if (at >= extent) at = period - at;
    }
    from.push_back(static_cast<std::int32_t>(at));
  }
  return from;
}

ValueId padded_by_own(NodeImport& node, ValueId x, const Ints& pads, const std::string& mode) {
  const std::size_t rank = node.b().shape(x).rank();
  constexpr std::int64_t kMost = 1 << 24;
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t extent = node.b().shape(x)[i];
    const std::int64_t before = pads[i];
    const std::int64_t after = pads[i + rank];
    if (before == 0 && after == 0) continue;
    if (extent == 0) node.invalid(fmt::format("axis {} has nothing to pad with", i));
    if (before > kMost || after > kMost || extent > kMost) {
      node.unsupported(fmt::format("pads {} elements by {} and {}", extent, before, after));
    }
    Ints dims = node.b().shape(x).dims();
    dims[i] += before + after;
    checked_shape(node, std::move(dims));
    const std::vector<std::int32_t> from = padded_indices(mode, extent, before, after);
    const ValueId table = node.constant(i32_tensor({static_cast<std::int64_t>(from.size())}, from));
    x = gather_axis(node, x, i, table);
  }
  return x;
}

Values pad(NodeImport& node) {
  const std::size_t rank = node.shape(0).rank();
  const bool by_input = node.opset() >= 11;
  const Ints given =
      by_input ? node.ints(1) : node.ints(node.opset() < 2 ? "paddings" : "pads", {});
  std::vector<std::size_t> axes(rank);
  std::iota(axes.begin(), axes.end(), std::size_t{0});
  if (node.has(3)) axes = distinct_axes(node, node.ints(3), rank);
  if (given.size() != 2 * axes.size()) {
    node.invalid(fmt::format("has {} pads for {} axes", given.size(), axes.size()));
  }
  Ints pads(2 * rank, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    pads[axes[i]] = given[i];
    pads[axes[i] + rank] = given[i + axes.size()];
  }
  ValueId x = node.in(0);
  for (std::size_t i = 0; i < rank; ++i) {  // negative pads cut
    const std::int64_t extent = node.b().shape(x)[i];
    const std::int64_t before = std::max<std::int64_t>(0, -pads[i]);
    const std::int64_t after = std::max<std::int64_t>(0, -pads[i + rank]);
    if (before > extent || after > extent - before) {
      node.invalid(fmt::format("cuts {} and {} elements off {}", before, after, extent));
    }
    x = slice_axis(node, x, i, before, extent - after);
    pads[i] = std::max<std::int64_t>(0, pads[i]);
    pads[i + rank] = std::max<std::int64_t>(0, pads[i + rank]);
  }
  const std::string mode = node.text("mode", "constant");
  if (mode == "constant") {
    const double value = !by_input ? node.number("value", 0) : node.has(2) ? node.number(2) : 0;
    return {pad_with(node, x, std::move(pads), value)};
  }
  if (mode != "reflect" && mode != "edge" && mode != "wrap") {
    node.invalid(fmt::format("mode is \"{}\"", mode));
  }
  return {padded_by_own(node, x, pads, mode)};
}

Values center_crop_pad(NodeImport& node) {
  const std::size_t rank = node.shape(0).rank();
  const Ints extents = node.ints(1);
  std::vector<std::size_t> axes(rank);
  std::iota(axes.begin(), axes.end(), std::size_t{0});
  if (node.has_attribute("axes")) axes = distinct_axes(node, node.ints("axes", {}), rank);
  if (extents.size() != axes.size()) {
    node.invalid(fmt::format("has {} extents for {} axes", extents.size(), axes.size()));
  }
  ValueId x = node.in(0);
  Ints pads(2 * rank, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t extent = node.b().shape(x)[axes[i]];
    if (extents[i] < 0) node.invalid(fmt::format("makes axis {} {} long", axes[i], extents[i]));
    if (extents[i] < extent) {
      const std::int64_t start = (extent - extents[i]) / 2;
      x = slice_axis(node, x, axes[i], start, start + extents[i]);
    } else {
      pads[axes[i]] = (extents[i] - extent) / 2;
      pads[axes[i] + rank] = extents[i] - extent - pads[axes[i]];
    }
  }
  return {pad_with(node, x, std::move(pads), 0)};
}

Values tile(NodeImport& node) {
  const Shape& x = node.shape(0);
  Ints repeats(x.rank(), 1);
  if (node.opset() < 6) {
    repeats.at(node.axis(node.integer(2), x.rank())) = node.integer(1);
  } else {
    repeats = node.ints(1);
  }
  if (repeats.size() != x.rank()) {
    node.invalid(fmt::format("has {} repeats for {}", repeats.size(), x));
  }
  Ints split, repeated, dims;
  for (std::size_t i = 0; i < x.rank(); ++i) {
    if (repeats[i] < 0 || repeats[i] > kMostElements) {
      node.invalid(fmt::format("repeats axis {} {} times", i, repeats[i]));
    }
    if (repeats[i] != 1) {
      split.push_back(1);
      repeated.push_back(repeats[i]);
    }
    split.push_back(x[i]);
    repeated.push_back(x[i]);
    if (x[i] > 0 && repeats[i] > kMostElements / x[i]) {
      node.unsupported(fmt::format("repeats axis {} {} times", i, repeats[i]));
    }
    dims.push_back(repeats[i] * x[i]);
  }
  const Shape result = checked_shape(node, std::move(dims));
  const ValueId y = expand_to(node, node.reshape(node.in(0), Shape(split)), Shape(repeated));
  return {node.reshape(y, result)};
}

Values expand(NodeImport& node) {
  const Shape& x = node.shape(0);
  Ints dims = node.ints(1);
  if (dims.size() < x.rank()) dims.insert(dims.begin(), x.rank() - dims.size(), 1);
  for (std::size_t i = 0; i < x.rank(); ++i) {
    std::int64_t& extent = dims[dims.size() - 1 - i];
    const std::int64_t own = x[x.rank() - 1 - i];
    if (extent == 1) extent = own;
    if (own != 1 && own != extent) {
      node.invalid(fmt::format("{} does not broadcast to {}", x, Shape(dims)));
    }
  }
  return {expand_to(node, node.in(0), checked_shape(node, std::move(dims)))};
}

Values trilu(NodeImport& node) {
  return {
      node.apply("trilu", {node.in(0)},
                 {{"k", node.has(1) ? node.integer(1) : 0}, {"upper", node.integer("upper", 1)}})};
}

// As in inference, where it changes nothing. Noise from a generator of ONNX's choice is not made.
Values dropout(NodeImport& node) {
  bool training = node.opset() < 7 && node.integer("is_test", 0) == 0;
  if (node.opset() >= 12 && node.has(2)) training = node.number(2) != 0;
  const double ratio = node.opset() < 12         ? node.number("ratio", 0.5)
                       : node.has(1) && training ? node.number(1)
                                                 : 0.5;
  if (training && ratio != 0) node.unsupported("in training mode");
  Values results = {node.in(0)};
  if (node.wants(1)) {
    const DType dtype = node.opset() < 10 ? node.dtype(0) : DType::boolean;
    const ValueId kept = node.constant(to_tensor(Array(Shape{}, 1), dtype));
    results.push_back(expand_to(node, kept, node.shape(0)));
  }
  return results;
}

}  // namespace

std::vector<ImportRow> movement_imports() {
  return {{"CenterCropPad", center_crop_pad, Half::kept},
          {"Concat", concat, Half::kept, 1},
          {"Constant", constant, Half::kept, 1},
          {"ConstantOfShape", constant_of_shape, Half::kept},
          {"DepthToSpace", depth_to_space, Half::kept, 1},
          {"Dropout", dropout, Half::kept, 1},
          {"Expand", expand, Half::kept},
          {"EyeLike", eye_like, Half::kept},
          {"Flatten", flatten, Half::kept, 1},
          {"Pad", pad, Half::kept, 1},
          {"Range", range, Half::kept},
          {"Reshape", reshape, Half::kept, 1},
          {"ReverseSequence", reverse_sequence, Half::kept},
          {"Shape", shape_of, Half::kept, 1},
          {"Size", size, Half::kept, 1},
          {"Slice", slice, Half::kept, 1},
          {"SpaceToDepth", space_to_depth, Half::kept, 1},
          {"Split", split, Half::kept, 2},
          {"Squeeze", squeeze, Half::kept, 1},
          {"Tile", tile, Half::kept, 1},
          {"Transpose", transpose, Half::kept, 1},
          {"Trilu", trilu, Half::kept},
          {"Unsqueeze", unsqueeze, Half::kept, 1}};
}

}  // namespace pinnacle::onnx
