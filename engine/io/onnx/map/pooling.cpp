// Poolings. A window's largest element and its mean are found axis by axis, so that any number of
// spatial axes runs as poolings over two.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "io/onnx/map/windows.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = Windows::Ints;

Windows read_pooling(const NodeImport& node, const Shape& x) {
  const Ints in = spatial_extents(node, x);
  if (!node.has_attribute("kernel_shape")) node.invalid("kernel_shape is missing");
  return read_windows(node, in, list_attribute(node, "kernel_shape", in.size(), 1, 1));
}

// Whether each window has an element of the input.
bool windows_hold_elements(const Windows& w) {
  for (std::size_t i = 0; i < w.axes(); ++i) {
    for (std::int64_t o = 0; o < w.out[i]; ++o) {
      const std::int64_t first = o * w.strides[i] - w.begin[i];
      const std::int64_t d = w.dilations[i];
      const std::int64_t tap = first < 0 ? (-first + d - 1) / d : 0;
      if (tap >= w.kernel[i] || first + tap * d >= w.in[i]) return false;
    }
  }
  return true;
}

// Padding is neither chosen nor counted.
void check_windows(const NodeImport& node, const Windows& w) {
  if (!windows_hold_elements(w)) node.unsupported("a window lies in the padding");
}

// The last two axes of x; `upper` and `lower` are their axes of the windows, absent where an axis is
// left as it is.
ValueId pool_plane(NodeImport& node, const char* op, ValueId x, const Windows& w,
                   std::optional<std::size_t> upper, std::optional<std::size_t> lower,
                   bool count_padding = false) {
  Ints counted(4, 0);
  Ints kernel, strides, dilations, begin, end;
  for (const auto& i : {upper, lower}) {
    kernel.push_back(i ? w.kernel[*i] : 1);
    strides.push_back(i ? w.strides[*i] : 1);
    dilations.push_back(i ? w.dilations[*i] : 1);
    begin.push_back(i ? w.begin[*i] : 0);
    end.push_back(i ? w.reached(*i) : 0);
    if (!i || !count_padding) continue;
    // Behind the padding that was asked for nothing counts.
    counted[begin.size() - 1] = begin.back();
    counted[begin.size() + 1] = std::min(end.back(), w.end[*i]);
  }
  Attributes attributes{
      {"kernel_shape", kernel}, {"strides", strides}, {"pads", joined(begin, end)}};
  if (dilations != Ints{1, 1}) attributes.set("dilations", dilations);
  if (counted != Ints{0, 0, 0, 0}) attributes.set("counted_pads", counted);
  return node.apply(op, {x}, attributes);
}

ValueId pool(NodeImport& node, const char* op, ValueId x, const Windows& w) {
  const Shape shape = node.b().shape(x);
  const std::size_t axes = w.axes();
  Ints dims(shape.begin(), shape.end());
  std::int64_t after = 1;
  if (axes == 1) {
    x = node.reshape(x, {shape[0], shape[1], 1, shape[2]});
    x = pool_plane(node, op, x, w, std::nullopt, 0);
    dims[2] = w.out[0];
    return node.reshape(x, Shape(std::move(dims)));
  }
  x = node.reshape(x, {shape[0], shape.elements(1, axes), shape[axes], shape[axes + 1]});
  x = pool_plane(node, op, x, w, axes - 2, axes - 1);
  after = w.out[axes - 2] * w.out[axes - 1];
  for (std::size_t i = axes - 2; i-- > 0;) {
    x = node.reshape(x, {shape[0], shape.elements(1, i + 2), shape[i + 2], after});
    x = pool_plane(node, op, x, w, i, std::nullopt);
    after *= w.out[i];
  }
  std::copy(w.out.begin(), w.out.end(), dims.begin() + 2);
  return node.reshape(x, Shape(std::move(dims)));
}

// x with its padding as zeros that count, and windows over that.
ValueId with_padding(NodeImport& node, ValueId x, Windows& w) {
  x = pad_last(node, x, w.begin, w.end);
  for (std::size_t i = 0; i < w.axes(); ++i) {
    w.in[i] += w.begin[i] + w.end[i];
    w.begin[i] = 0, w.end[i] = 0;
  }
  return x;
}

std::vector<ValueId> max_pool(NodeImport& node) {
  const Windows w = read_pooling(node, node.shape(0));
  check_windows(node, w);
  if (node.wants(1)) {
    Ints end;
    for (std::size_t i = 0; i < w.axes(); ++i) end.push_back(w.reached(i));
    return node.apply_all("max_pool_indices", {node.in(0)},
                          {{"kernel_shape", w.kernel},
                           {"strides", w.strides},
                           {"dilations", w.dilations},
                           {"pads", joined(w.begin, end)},
                           {"column_major", node.integer("storage_order", 0)}});
  }
  const DType dtype = node.dtype(0);
  const ValueId y = pool(node, "max_pool2d", node.cast(node.in(0), DType::f32), w);
  return {node.cast(y, dtype)};
}

std::vector<ValueId> average_pool(NodeImport& node) {
  Windows w = read_pooling(node, node.shape(0));
  ValueId x = node.in(0);
  if (node.integer("count_include_pad", 0) != 0) {
    if (w.axes() == 2 && !w.has_gaps() && windows_hold_elements(w)) {
      return {pool_plane(node, "average_pool2d", x, w, 0, 1, true)};
    }
    x = with_padding(node, x, w);
  }
  check_windows(node, w);
  return {pool(node, "average_pool2d", x, w)};
}

// ---- Lp norms -----------------------------------------------------------------------------------

std::int64_t order_of(const NodeImport& node) {
  // Version 1 had a fraction here.
  const std::int64_t p = node.opset() < 2 ? 2 : node.integer("p", 2);
  if (node.opset() < 2 && node.has_attribute("p") && node.number("p", 2) != 2) {
    node.unsupported("p other than 2 in operator set 1");
  }
  if (p < 1) node.invalid(fmt::format("p is {}; expected 1 or more", p));
  return p;
}

ValueId powers(NodeImport& node, ValueId x, std::int64_t p) {
  if (p == 1) return node.apply("abs", {x});
  if (p == 2) return node.apply("square", {x});
  return node.apply("pow", {node.apply("abs", {x}), scalar(node, static_cast<double>(p))});
}

ValueId root(NodeImport& node, ValueId x, std::int64_t p) {
  if (p == 1) return x;
  if (p == 2) return node.apply("sqrt", {x});
  return node.apply("pow", {x, scalar(node, 1 / static_cast<double>(p))});
}

// The mean over windows without padding, times their elements, is the sum.
std::vector<ValueId> lp_pool(NodeImport& node) {
  Windows w = read_pooling(node, node.shape(0));
  const std::int64_t p = order_of(node);
  for (std::size_t i = 0; i < w.axes(); ++i) w.end[i] = w.reached(i);
  const ValueId x = with_padding(node, powers(node, node.in(0), p), w);
  const ValueId mean = pool(node, "average_pool2d", x, w);
  double taps = 1;
  for (const std::int64_t extent : w.kernel) taps *= static_cast<double>(extent);
  return {root(node, node.apply("mul", {mean, scalar(node, taps)}), p)};
}

// ---- Over everything ----------------------------------------------------------------------------

ValueId reduce_planes(NodeImport& node, const char* op, ValueId x) {
  const Shape shape = node.b().shape(x);
  if (shape.rank() < 2) node.invalid(fmt::format("x is {}; expected [N, C, ...]", shape));
  if (shape.rank() == 2) return x;
  Ints axes;
  for (std::size_t i = 2; i < shape.rank(); ++i) axes.push_back(static_cast<std::int64_t>(i));
  return node.apply(op, {x}, {{"axes", axes}, {"keepdims", std::int64_t{1}}});
}

std::vector<ValueId> global_average_pool(NodeImport& node) {
  return {reduce_planes(node, "reduce_mean", node.in(0))};
}

std::vector<ValueId> global_max_pool(NodeImport& node) {
  return {reduce_planes(node, "reduce_max", node.in(0))};
}

std::vector<ValueId> global_lp_pool(NodeImport& node) {
  const std::int64_t p = order_of(node);
  return {root(node, reduce_planes(node, "reduce_sum", powers(node, node.in(0), p)), p)};
}

// ---- MaxUnpool ----------------------------------------------------------------------------------

std::vector<ValueId> max_unpool(NodeImport& node) {
  const Shape y = node.shape(0);
  const Ints in = spatial_extents(node, y);
  const std::size_t axes = in.size();
  if (!node.has_attribute("kernel_shape")) node.invalid("kernel_shape is missing");
  const Ints kernel = list_attribute(node, "kernel_shape", axes, 1, 1);
  const Ints strides = list_attribute(node, "strides", axes, 1, 1);
  const Ints pads = list_attribute(node, "pads", 2 * axes, 0, 0);
  // Indices are of the extents that the windows say.
  Ints natural(y.begin(), y.begin() + 2);
  for (std::size_t i = 0; i < axes; ++i) {
    natural.push_back((in[i] - 1) * strides[i] - pads[i] - pads[i + axes] + kernel[i]);
  }
  check_size(node, Shape(natural));
  const ValueId x = node.apply("max_unpool", {node.in(0), node.in(1)}, {{"shape", natural}});
  if (!node.has(2)) return {x};
  const Ints wanted = node.ints(2);
  Ints more;
  for (std::size_t i = 0; i < natural.size() && wanted.size() == natural.size(); ++i) {
    more.push_back(wanted[i] - natural[i]);
  }
  if (more.empty() || std::any_of(more.begin(), more.end(), [](std::int64_t v) { return v < 0; })) {
    node.unsupported(
        fmt::format("output_shape is {} but the windows cover {}", Shape(wanted), Shape(natural)));
  }
  return {pad_last(node, x, Ints(more.size(), 0), more)};
}

}  // namespace

std::vector<ImportRow> pooling_imports() {
  return {{.op = "AveragePool", .import = average_pool, .first_opset = 1},
          {.op = "GlobalAveragePool", .import = global_average_pool, .first_opset = 1},
          {.op = "GlobalLpPool", .import = global_lp_pool, .first_opset = 1},
          {.op = "GlobalMaxPool", .import = global_max_pool, .first_opset = 1},
          {.op = "LpPool", .import = lp_pool, .first_opset = 1},
          {.op = "MaxPool", .import = max_pool, .first_opset = 1},
          {.op = "MaxUnpool", .import = max_unpool}};
}

}  // namespace pinnacle::onnx
