// Convolutions. One spatial axis runs as conv2d with a row of height 1; from three axes on, the first
// is a sum over its taps of convolutions over the others, so that all of them run on devices.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "io/onnx/map/build.hpp"
#include "io/onnx/map/integers.hpp"
#include "io/onnx/map/windows.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = Windows::Ints;

// Nodes that a convolution over three or more axes may become.
constexpr std::int64_t kMostTaps = 512;

// ---- What Conv and its kin share ----------------------------------------------------------------

struct Convolution {
  std::int64_t groups = 1;
  Windows windows;
};

Ints kernel_of(const NodeImport& node, const Shape& x, const Shape& w) {
  if (w.rank() != x.rank()) {
    node.invalid(fmt::format("the weight is {} but x is {}; expected the same rank", w, x));
  }
  const Ints kernel(w.begin() + 2, w.end());
  if (node.has_attribute("kernel_shape") && node.ints("kernel_shape", {}) != kernel) {
    node.invalid(fmt::format("kernel_shape is {} but the weight is {}",
                             Shape(node.ints("kernel_shape", {})), w));
  }
  return kernel;
}

std::int64_t groups_of(const NodeImport& node) {
  const std::int64_t groups = node.integer("group", 1);
  if (groups < 1) node.invalid(fmt::format("group is {}; expected 1 or more", groups));
  return groups;
}

// All axes but the last two are done by sums: they need one convolution for each tap.
void check_taps(const NodeImport& node, const Windows& w) {
  std::int64_t taps = 1;
  for (std::size_t i = 0; i + 2 < w.axes(); ++i) taps = std::min(taps, kMostTaps) * w.kernel[i];
  if (taps > kMostTaps) node.unsupported("the kernel is too large on its leading spatial axes");
}

// The same windows for all axes but the first.
Windows without_first(Windows w) {
  for (Ints* list : {&w.in, &w.kernel, &w.strides, &w.dilations, &w.begin, &w.end, &w.out}) {
    list->erase(list->begin());
  }
  return w;
}

// One axis: a row of height 1 above it.
Windows as_rows(Windows w) {
  for (Ints* list : {&w.in, &w.kernel, &w.strides, &w.dilations, &w.out}) {
    list->insert(list->begin(), 1);
  }
  w.begin.insert(w.begin.begin(), 0);
  w.end.insert(w.end.begin(), 0);
  return w;
}

Shape as_rows(const Shape& x) { return {x[0], x[1], 1, x[2]}; }

// [N, C, D, ...] <-> [N, D, C, ...]
ValueId swap_axes_1_2(NodeImport& node, ValueId x) {
  Ints perm;
  for (std::size_t i = 0; i < node.b().shape(x).rank(); ++i) {
    perm.push_back(static_cast<std::int64_t>(i));
  }
  std::swap(perm[1], perm[2]);
  return node.apply("transpose", {x}, {{"perm", perm}});
}

// The weight's tap t on the first spatial axis: [F, C, k, ...] -> [F, C, ...].
ValueId tap_of(NodeImport& node, ValueId w, std::int64_t t) {
  const Shape shape = node.b().shape(w);
  const ValueId tap = slice_axis(node, w, 2, t, t + 1);
  Ints dims(shape.begin(), shape.end());
  dims.erase(dims.begin() + 2);
  return node.reshape(tap, Shape(std::move(dims)));
}

Attributes options(const Windows& w, std::int64_t groups, const Ints& end) {
  return {{"strides", w.strides},
          {"pads", joined(w.begin, end)},
          {"dilations", w.dilations},
          {"group", groups}};
}

// ---- Conv ---------------------------------------------------------------------------------------

ValueId convolve(NodeImport& node, ValueId x, ValueId w, ValueId bias, const Windows& windows,
                 std::int64_t groups);

// Every stride-th row of x [N, D, rest], from `first` on, `count` of them.
ValueId strided_rows(NodeImport& node, ValueId x, std::int64_t first, std::int64_t count,
                     std::int64_t stride) {
  const Shape shape = node.b().shape(x);
  ValueId rows = slice_axis(node, x, 1, first, first + count * stride);
  if (stride == 1) return rows;
  rows = node.reshape(rows, {shape[0], count, stride, shape[2]});
  return slice_axis(node, rows, 2, 0, 1);
}

// The first spatial axis: y = the sum over taps of convolutions of the others.
ValueId sum_of_taps(NodeImport& node, ValueId x, ValueId w, ValueId bias, const Windows& windows,
                    std::int64_t groups) {
  const Shape shape = node.b().shape(x);
  const std::int64_t out = windows.out[0];
  const std::int64_t stride = windows.strides[0];
  const Shape image = with_last({shape[0] * out, shape[1]}, 2, without_first(windows).in);
  const std::int64_t rest = image.elements(1, image.rank());
  // Long enough for whole strides behind the last tap.
  const std::int64_t length = windows.span(0) - 1 + out * stride;
  const std::int64_t end = std::max<std::int64_t>(length - windows.in[0] - windows.begin[0], 0);
  ValueId rows = node.reshape(swap_axes_1_2(node, x), {shape[0], shape[2], rest});
  rows = pad_last(node, rows, {windows.begin[0], 0}, {end, 0});
  ValueId sum = kNoValue;
  for (std::int64_t t = 0; t < windows.kernel[0]; ++t) {
    const ValueId at = strided_rows(node, rows, t * windows.dilations[0], out, stride);
    const ValueId part = convolve(node, node.reshape(at, image), tap_of(node, w, t),
                                  t == 0 ? bias : kNoValue, without_first(windows), groups);
    sum = sum == kNoValue ? part : node.apply("add", {sum, part});
  }
  const Shape filters = node.b().shape(sum);
  Ints dims(filters.begin(), filters.end());
  dims[0] = shape[0];
  dims.insert(dims.begin() + 1, out);
  return swap_axes_1_2(node, node.reshape(sum, Shape(std::move(dims))));
}

ValueId convolve(NodeImport& node, ValueId x, ValueId w, ValueId bias, const Windows& windows,
                 std::int64_t groups) {
  if (windows.axes() == 1) {
    const ValueId y =
        convolve(node, node.reshape(x, as_rows(node.b().shape(x))),
                 node.reshape(w, as_rows(node.b().shape(w))), bias, as_rows(windows), groups);
    const Shape rows = node.b().shape(y);
    return node.reshape(y, {rows[0], rows[1], rows[3]});
  }
  if (windows.axes() > 2) return sum_of_taps(node, x, w, bias, windows, groups);
  std::vector<ValueId> inputs = {x, w};
  if (bias != kNoValue) inputs.push_back(bias);
  return node.apply("conv2d", std::move(inputs), options(windows, groups, windows.end));
}

std::vector<ValueId> conv(NodeImport& node) {
  const Ints in = spatial_extents(node, node.shape(0));
  const Windows windows = read_windows(node, in, kernel_of(node, node.shape(0), node.shape(1)));
  check_taps(node, windows);
  return {convolve(node, node.in(0), node.in(1), node.in_or_none(2), windows, groups_of(node))};
}

// ---- ConvTranspose ------------------------------------------------------------------------------

// Windows over the result: `in` are the extents of x, which has one element for each window.
Windows read_transposed_windows(const NodeImport& node, const Ints& in, const Ints& kernel) {
  const std::size_t axes = in.size();
  Windows w;
  w.in = in, w.kernel = kernel;
  w.strides = list_attribute(node, "strides", axes, 1, 1);
  w.dilations = list_attribute(node, "dilations", axes, 1, 1);
  const Ints pads = list_attribute(node, "pads", 2 * axes, 0, 0);
  const Ints more = list_attribute(node, "output_padding", axes, 0, 0);
  const std::string automatic = node.text("auto_pad", "NOTSET");
  const bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  Ints given;
  if (node.has_attribute("output_shape")) {
    given = node.ints("output_shape", {});
    // Some writers count batch and channels, too.
    if (given.size() == axes + 2) given.erase(given.begin(), given.begin() + 2);
    if (given.size() != axes) {
      node.invalid(fmt::format("output_shape has {} entries; expected {}", given.size(), axes));
    }
  }
  for (std::size_t i = 0; i < axes; ++i) {
    if (kernel[i] < 1 || w.dilations[i] * kernel[i] >= (std::int64_t{1} << 31)) {
      node.invalid(fmt::format("the kernel has {} taps {} apart", kernel[i], w.dilations[i]));
    }
    const std::int64_t natural = w.strides[i] * (in[i] - 1) + more[i] + w.span(i);
    std::int64_t begin = automatic == "VALID" ? 0 : pads[i];
    std::int64_t end = automatic == "VALID" ? 0 : pads[i + axes];
    std::int64_t out = natural - begin - end;
    if (!given.empty() || same) {
      out = given.empty() ? in[i] * w.strides[i] : given[i];
      // More than the windows give is appended.
      const std::int64_t total = std::max<std::int64_t>(natural - out, 0);
      begin = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      end = total - begin;
    }
    if (out < 1 || out >= (std::int64_t{1} << 31)) {
      node.invalid(fmt::format("the result has {} elements on spatial axis {}", out, i));
    }
    w.begin.push_back(begin), w.end.push_back(end), w.out.push_back(out);
  }
  check_size(node, Shape(w.out));
  return w;
}

ValueId transposed(NodeImport& node, ValueId x, ValueId w, const Windows& windows,
                   std::int64_t groups);

// The first spatial axis: each tap's results lie `stride` apart, from t * dilation on.
ValueId transposed_taps(NodeImport& node, ValueId x, ValueId w, const Windows& windows,
                        std::int64_t groups) {
  const Shape shape = node.b().shape(x);
  const std::int64_t stride = windows.strides[0];
  const Shape image = with_last({shape[0] * shape[2], shape[1]}, 2, without_first(windows).in);
  const ValueId images = node.reshape(swap_axes_1_2(node, x), image);
  const std::int64_t spread = shape[2] * stride;
  const std::int64_t length =
      std::max(windows.span(0) - 1 + spread, windows.begin[0] + windows.out[0]);
  ValueId sum = kNoValue;
  Shape filters;
  for (std::int64_t t = 0; t < windows.kernel[0]; ++t) {
    ValueId part = transposed(node, images, tap_of(node, w, t), without_first(windows), groups);
    filters = node.b().shape(part);
    const std::int64_t rest = filters.elements(1, filters.rank());
    part = node.reshape(part, {shape[0], shape[2], 1, rest});
    part = pad_last(node, part, {0, 0}, {stride - 1, 0});
    part = node.reshape(part, {shape[0], spread, rest});
    const std::int64_t before = t * windows.dilations[0];
    part = pad_last(node, part, {before, 0}, {length - before - spread, 0});
    sum = sum == kNoValue ? part : node.apply("add", {sum, part});
  }
  sum = slice_axis(node, sum, 1, windows.begin[0], windows.begin[0] + windows.out[0]);
  Ints dims(filters.begin(), filters.end());
  dims[0] = shape[0];
  dims.insert(dims.begin() + 1, windows.out[0]);
  return swap_axes_1_2(node, node.reshape(sum, Shape(std::move(dims))));
}

ValueId transposed(NodeImport& node, ValueId x, ValueId w, const Windows& windows,
                   std::int64_t groups) {
  const Shape shape = node.b().shape(x);
  if (windows.axes() == 1) {
    const ValueId y =
        transposed(node, node.reshape(x, as_rows(shape)),
                   node.reshape(w, as_rows(node.b().shape(w))), as_rows(windows), groups);
    const Shape rows = node.b().shape(y);
    return node.reshape(y, {rows[0], rows[1], rows[3]});
  }
  if (windows.axes() > 2) return transposed_taps(node, x, w, windows, groups);
  // The result is what a convolution with these windows would read. Behind a whole stride there is
  // nothing that a window covers.
  Ints end = windows.end;
  Ints covered = windows.out;
  Ints beyond(2, 0);
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t most =
        (windows.in[i] - 1) * windows.strides[i] + windows.span(i) + windows.strides[i] - 1;
    beyond[i] = std::max<std::int64_t>(covered[i] + windows.begin[i] + end[i] - most, 0);
    covered[i] -= beyond[i];
    if (covered[i] < 1) node.unsupported("no window covers the result");
  }
  Attributes attributes = options(windows, groups, end);
  attributes.set("input_shape",
                 Ints{shape[0], node.b().shape(w)[1] * groups, covered[0], covered[1]});
  const ValueId y = node.apply("conv2d_backward_data", {x, w}, attributes);
  return pad_last(node, y, {0, 0}, beyond);
}

std::vector<ValueId> conv_transpose(NodeImport& node) {
  const Ints in = spatial_extents(node, node.shape(0));
  const Windows windows =
      read_transposed_windows(node, in, kernel_of(node, node.shape(0), node.shape(1)));
  check_taps(node, windows);
  const ValueId y = transposed(node, node.in(0), node.in(1), windows, groups_of(node));
  if (!node.has(2)) return {y};
  const Shape filters = node.b().shape(y);
  if (node.shape(2) != Shape{filters[1]}) {
    node.invalid(fmt::format("the bias is {}; expected [{}]", node.shape(2), filters[1]));
  }
  Ints beside(in.size() + 1, 1);
  beside[0] = filters[1];
  return {node.apply("add", {y, node.reshape(node.in(2), Shape(std::move(beside)))})};
}

// ---- CausalConvWithState ------------------------------------------------------------------------

std::vector<ValueId> causal_conv_with_state(NodeImport& node) {
  const Shape x = node.shape(0);
  const Shape w = node.shape(1);
  if (x.rank() != 3 || w.rank() != 3 || w[0] != x[1] || w[1] != 1 || w[2] < 1) {
    node.invalid(fmt::format("x is {} and the weight {}; expected [N, C, L] and [C, 1, k]", x, w));
  }
  const std::int64_t carried = w[2] - 1;
  ValueId whole = node.in(0);
  ValueId past = node.in_or_none(3);
  if (past != kNoValue && node.shape(3) != Shape{x[0], x[1], carried}) {
    node.invalid(
        fmt::format("past_state is {}; expected {}", node.shape(3), Shape{x[0], x[1], carried}));
  }
  if (carried > 0) {
    whole = past == kNoValue ? pad_last(node, whole, {carried}, {0})
                             : node.apply("concat", {past, whole}, {{"axis", std::int64_t{2}}});
  }
  Windows windows;
  windows.in = {x[2] + carried}, windows.kernel = {w[2]}, windows.out = {x[2]};
  windows.strides = {1}, windows.dilations = {1}, windows.begin = {0}, windows.end = {0};
  ValueId y = convolve(node, whole, node.in(1), node.in_or_none(2), windows, x[1]);
  const std::string activation = node.text("activation", "none");
  if (activation == "silu" || activation == "swish") {
    y = node.apply("silu", {y});
  } else if (activation != "none") {
    node.invalid(fmt::format("activation is \"{}\"; expected silu, swish or none", activation));
  }
  if (!node.wants(1)) return {y};
  if (carried == 0) {
    return {y, node.b().constant(Tensor(Shape{x[0], x[1], 0}, node.dtype(0)))};
  }
  return {y, slice_axis(node, whole, 2, x[2], x[2] + carried)};
}

// ---- Quantized convolutions ---------------------------------------------------------------------

// One number, or one for each channel, beside the last axes of a tensor of that rank.
ValueId beside(NodeImport& node, ValueId id, std::int64_t channels, std::size_t rank) {
  const std::int64_t count = node.b().shape(id).elements();
  if (count != 1 && count != channels) {
    node.invalid(
        fmt::format("there are {} scales, zero points or biases for {} channels", count, channels));
  }
  Ints dims(rank, 1);
  dims[0] = count;
  return node.reshape(id, Shape(std::move(dims)));
}

// x, w, [x_zero], [w_zero]
std::vector<ValueId> conv_integer(NodeImport& node) {
  const Ints in = spatial_extents(node, node.shape(0));
  const Windows windows = read_windows(node, in, kernel_of(node, node.shape(0), node.shape(1)));
  return {node.apply("conv_integer",
                     {node.in(0), node.in(1), node.in_or_none(2), node.in_or_none(3)},
                     options(windows, groups_of(node), windows.end))};
}

// x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, [bias]. Computed in f32, which holds sums of
// products of bytes exactly up to 2^24 and loses beyond that what the result's 8 bits do not show.
std::vector<ValueId> qlinear_conv(NodeImport& node) {
  const Shape& shape = node.shape(0);
  const Windows windows =
      read_windows(node, spatial_extents(node, shape), kernel_of(node, shape, node.shape(3)));
  check_taps(node, windows);
  const std::size_t rank = shape.rank();
  const std::int64_t filters = node.shape(3)[0];
  const ValueId x = from_zero(node, node.in(0), beside(node, node.in(2), 1, 1));
  const ValueId w = from_zero(node, node.in(3), beside(node, node.in(5), filters, rank));
  const ValueId bias = node.has(8) ? node.cast(node.in(8), DType::f32) : kNoValue;
  const ValueId sum = convolve(node, x, w, bias, windows, groups_of(node));
  return {requantized(node, sum, beside(node, node.in(1), 1, 1),
                      beside(node, node.in(4), filters, rank - 1), beside(node, node.in(6), 1, 1),
                      node.in(7))};
}

// ---- On the host --------------------------------------------------------------------------------

std::vector<ValueId> deform_conv(NodeImport& node) {
  const Ints in = spatial_extents(node, node.shape(0));
  const Windows windows = read_windows(node, in, kernel_of(node, node.shape(0), node.shape(1)));
  Attributes attributes = options(windows, groups_of(node), windows.end);
  attributes.set("offset_group", node.integer("offset_group", 1));
  return {node.apply("deform_conv",
                     {node.in(0), node.in(1), node.in(2), node.in_or_none(3), node.in_or_none(4)},
                     attributes)};
}

std::vector<ValueId> col2im(NodeImport& node) {
  const Ints image = node.ints(1);
  const Ints block = node.ints(2);
  if (image.empty() || image.size() != block.size()) {
    node.invalid(
        fmt::format("image_shape has {} entries and block_shape {}", image.size(), block.size()));
  }
  const std::size_t axes = image.size();
  return {node.apply("col2im", {node.in(0)},
                     {{"image_shape", image},
                      {"block_shape", block},
                      {"strides", list_attribute(node, "strides", axes, 1, 1)},
                      {"dilations", list_attribute(node, "dilations", axes, 1, 1)},
                      {"pads", list_attribute(node, "pads", 2 * axes, 0, 0)}})};
}

}  // namespace

std::vector<ImportRow> convolution_imports() {
  return {{.op = "CausalConvWithState", .import = causal_conv_with_state},
          {.op = "Col2Im", .import = col2im, .half = Half::kept},
          {.op = "Conv", .import = conv, .first_opset = 1},
          {.op = "ConvInteger", .import = conv_integer},
          {.op = "ConvTranspose", .import = conv_transpose, .first_opset = 1},
          {.op = "DeformConv", .import = deform_conv},
          {.op = "QLinearConv", .import = qlinear_conv}};
}

}  // namespace pinnacle::onnx
