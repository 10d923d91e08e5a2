// max_pool2d, average_pool2d and their backward ops. Padding is never chosen, and counted only where
// the option counted_pads says so.
// max_pool2d_backward finds the chosen element again by comparing x with y, so that inference
// writes no index.
// SPDX-License-Identifier: Apache-2.0
#include "ops/pool2d/pool2d.hpp"

#include <algorithm>

#include "ops/blocked.hpp"

namespace pinnacle {
namespace {

Attributes::Ints option(const OpView& op, std::string_view name, const Attributes::Ints& absent,
                        std::int64_t least) {
  const Attributes::Ints values = op.attributes().ints(name, absent);
  if (values.size() != absent.size()) {
    shape_error(op, "{} has {} entries; expected {}", name, values.size(), absent.size());
  }
  for (const std::int64_t value : values) {
    if (value < least) shape_error(op, "{} contains {}; expected {} or more", name, value, least);
  }
  return values;
}

void check_types(const OpView& op) {
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (op.in[i]->dtype != DType::f32) {
      shape_error(op, "input {} is {}; expected f32", i, *op.in[i]);
    }
  }
}

Shape output_shape(const OpView& op, const Shape& x) {
  if (x.rank() != 4 && x.rank() != 5) {
    shape_error(op, "x is {}; expected [N, C, H, W], or in blocks [N, C / B, H, W, B]", x);
  }
  if (x.elements() == 0) {
    shape_error(op, "x is {}; expected extents of 1 or more", x);
  }
  if (!op.attributes().has("kernel_shape")) shape_error(op, "option kernel_shape is absent");
  const Attributes::Ints kernel = option(op, "kernel_shape", {1, 1}, 1);
  const Attributes::Ints strides = option(op, "strides", {1, 1}, 1);
  const Attributes::Ints dilations = option(op, "dilations", {1, 1}, 1);
  const Attributes::Ints pads = option(op, "pads", {0, 0, 0, 0}, 0);
  const Attributes::Ints counted = option(op, "counted_pads", {0, 0, 0, 0}, 0);
  for (std::size_t i = 0; i < 4; ++i) {
    if (counted[i] > pads[i]) {
      shape_error(op, "counted_pads contains {}; expected at most the padding, {}", counted[i],
                  pads[i]);
    }
  }
  Shape y = x;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t span = dilations[axis] * (kernel[axis] - 1) + 1;
    const std::int64_t padded = x[axis + 2] + pads[axis] + pads[axis + 2];
    if (padded < span) {
      shape_error(op, "the kernel spans {} {} but the padded input has {}; expected at most that",
                  span, axis == 0 ? "rows" : "columns", padded);
    }
    y[axis + 2] = (padded - span) / strides[axis] + 1;
    for (std::int64_t o = 0; o < y[axis + 2]; ++o) {
      // The first tap behind the padding before the input.
      const std::int64_t from = o * strides[axis] - pads[axis];
      const std::int64_t skipped = from < 0 ? (-from + dilations[axis] - 1) / dilations[axis] : 0;
      if (skipped >= kernel[axis] || from + skipped * dilations[axis] >= x[axis + 2]) {
        shape_error(op, "pads {} and {} are so large that window {} is empty; expected less",
                    pads[axis], pads[axis + 2], o);
      }
    }
  }
  return y;
}

void check_like(const OpView& op, std::string_view name, const Shape& shape,
                const Shape& expected) {
  if (shape != expected) shape_error(op, "{} is {}; expected {}", name, shape, expected);
}

Attributes options(const Node& node) {
  Attributes result;
  for (const char* name : {"kernel_shape", "strides", "pads", "dilations", "counted_pads"}) {
    const auto it = node.attributes.items().find(name);
    if (it != node.attributes.items().end()) result.set(name, it->second);
  }
  return result;
}

// ---- The definitions ---------------------------------------------------------------------------

// Channels in blocks are rearranged to planes, and back.
template <std::vector<Array> (*on_planes)(const OpView&, std::span<const Array>)>
std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  if (!is_blocked(in[0].shape)) return on_planes(op, in);
  const std::int64_t block = in[0].shape[4];
  Node node = *op.node;
  const auto plain = [](const Shape& x) { return plain_shape(x, x[1] * x[4]); };
  if (node.attributes.has("input_shape")) {
    const Shape x = plain(Shape(node.attributes.ints("input_shape")));
    node.attributes.set("input_shape", x.dims());
  }
  OpView planes = op;
  planes.node = &node;
  std::vector<Array> inputs;
  for (std::size_t i = 0; i < in.size(); ++i) {
    inputs.push_back(to_plain(in[i], plain(in[i].shape)[1]));
    planes.in[i]->shape = inputs[i].shape;
  }
  std::vector<Array> result = on_planes(planes, inputs);
  result[0] = to_blocked(result[0], block);
  return result;
}

// The taps of a window along one axis that are in [least, extent).
struct Taps {
  std::int64_t first, end, count;
};
Taps inside(std::int64_t from, std::int64_t kernel, std::int64_t dilation, std::int64_t least,
            std::int64_t extent) {
  const std::int64_t skipped = from < least ? (least - from + dilation - 1) / dilation : 0;
  const std::int64_t first = from + skipped * dilation;
  const std::int64_t end = std::min(from + (kernel - 1) * dilation + 1, extent);
  return {first, end, first < end ? (end - first - 1) / dilation + 1 : 0};
}

// For each window, cut to the input: element(input position) for each of its elements, then
// done(output position, number of elements that a mean counts).
template <class Element, class Done>
void for_each_window(const PoolGeometry& g, Element element, Done done) {
  std::int64_t o = 0;
  for (std::int64_t p = 0; p < g.planes; ++p) {
    for (std::int64_t r = 0; r < g.ho; ++r) {
      for (std::int64_t c = 0; c < g.wo; ++c, ++o) {
        const std::int64_t top = r * g.stride_h - g.pad_top;
        const std::int64_t left = c * g.stride_w - g.pad_left;
        const Taps rows = inside(top, g.kh, g.dilation_h, 0, g.hi);
        const Taps columns = inside(left, g.kw, g.dilation_w, 0, g.wi);
        for (std::int64_t h = rows.first; h < rows.end; h += g.dilation_h) {
          for (std::int64_t w = columns.first; w < columns.end; w += g.dilation_w) {
            element(static_cast<std::size_t>((p * g.hi + h) * g.wi + w));
          }
        }
        const Taps high = inside(top, g.kh, g.dilation_h, -g.counted[0], g.hi + g.counted[2]);
        const Taps wide = inside(left, g.kw, g.dilation_w, -g.counted[1], g.wi + g.counted[3]);
        done(static_cast<std::size_t>(o), high.count * wide.count);
      }
    }
  }
}

// The position of each window's largest element, the first of equal ones.
std::vector<std::size_t> chosen(const PoolGeometry& g, const Array& x) {
  std::vector<std::size_t> result(static_cast<std::size_t>(g.outputs()));
  bool found = false;
  std::size_t best = 0;
  for_each_window(
      g,
      [&](std::size_t i) {
        if (!found || x.data[i] > x.data[best]) best = i;
        found = true;
      },
      [&](std::size_t o, std::int64_t) {
        result[o] = best;
        found = false;
      });
  return result;
}

std::vector<TensorType> infer_forward(const OpView& op) {
  check_inputs(op, 1, 1);
  check_types(op);
  return {{output_shape(op, op.shape(0)), DType::f32}};
}

std::vector<TensorType> infer_max_backward(const OpView& op) {
  check_inputs(op, 3, 3);
  check_types(op);
  const Shape y = output_shape(op, op.shape(0));
  check_like(op, "y", op.shape(1), y);
  check_like(op, "dy", op.shape(2), y);
  return {*op.in[0]};
}

std::vector<TensorType> infer_average_backward(const OpView& op) {
  check_inputs(op, 1, 1);
  check_types(op);
  if (!op.attributes().has("input_shape")) shape_error(op, "option input_shape is absent");
  const Shape x(op.attributes().ints("input_shape"));
  check_like(op, "dy", op.shape(0), output_shape(op, x));
  return {{x, DType::f32}};
}

std::vector<Array> reference_max(const OpView& op, std::span<const Array> in) {
  Array y(output_shape(op, in[0].shape));
  const auto at = chosen(pool_geometry(op, in[0].shape, y.shape), in[0]);
  for (std::size_t o = 0; o < at.size(); ++o) y.data[o] = in[0].data[at[o]];
  return {std::move(y)};
}

std::vector<Array> reference_max_backward(const OpView& op, std::span<const Array> in) {
  Array dx(in[0].shape);
  const auto at = chosen(pool_geometry(op, in[0].shape, in[2].shape), in[0]);
  for (std::size_t o = 0; o < at.size(); ++o) dx.data[at[o]] += in[2].data[o];
  return {std::move(dx)};
}

std::vector<Array> reference_average(const OpView& op, std::span<const Array> in) {
  Array y(output_shape(op, in[0].shape));
  double sum = 0;
  for_each_window(
      pool_geometry(op, in[0].shape, y.shape), [&](std::size_t i) { sum += in[0].data[i]; },
      [&](std::size_t o, std::int64_t count) {
        y.data[o] = sum / static_cast<double>(count);
        sum = 0;
      });
  return {std::move(y)};
}

std::vector<Array> reference_average_backward(const OpView& op, std::span<const Array> in) {
  Array dx(infer_average_backward(op)[0].shape);
  std::vector<std::size_t> positions;
  for_each_window(
      pool_geometry(op, dx.shape, in[0].shape), [&](std::size_t i) { positions.push_back(i); },
      [&](std::size_t o, std::int64_t count) {
        for (const std::size_t i : positions) {
          dx.data[i] += in[0].data[o] / static_cast<double>(count);
        }
        positions.clear();
      });
  return {std::move(dx)};
}

std::vector<ValueId> gradient_max(const GradientView& g) {
  if (!g.wanted[0]) return {kNoValue};
  return {g.b.apply("max_pool2d_backward", {g.x[0], g.y[0], g.dy[0]}, options(g.node))};
}

std::vector<ValueId> gradient_average(const GradientView& g) {
  if (!g.wanted[0]) return {kNoValue};
  Attributes attributes = options(g.node);
  attributes.set("input_shape", g.b.shape(g.x[0]).dims());
  return {g.b.apply("average_pool2d_backward", {g.dy[0]}, attributes)};
}

// dx = backward(dy) is linear, and its transpose is the forward op.
std::vector<ValueId> gradient_average_backward(const GradientView& g) {
  if (!g.wanted[0]) return {kNoValue};
  return {g.b.apply("average_pool2d", {g.dy[0]}, options(g.node))};
}

PoolGeometry forward_pass(const OpView& op) {
  return pool_geometry(op, op.shape(0), op.out_shape());
}
PoolGeometry max_backward_pass(const OpView& op) {
  return pool_geometry(op, op.out_shape(), op.shape(2));
}
PoolGeometry average_backward_pass(const OpView& op) {
  return pool_geometry(op, op.out_shape(), op.shape(0));
}

template <PoolPass pass>
Cost cost(const OpView& op) {
  const PoolGeometry g = pass(op);
  return {static_cast<double>(g.outputs() * g.block * g.taps()), op.operand_bytes()};
}

}  // namespace

PoolGeometry pool_geometry(const OpView& op, const Shape& x, const Shape& y) {
  const Attributes& a = op.attributes();
  const Attributes::Ints& kernel = a.ints("kernel_shape");
  const Attributes::Ints strides = a.ints("strides", {1, 1});
  const Attributes::Ints pads = a.ints("pads", {0, 0, 0, 0});
  PoolGeometry g;
  g.planes = x[0] * x[1];
  g.block = is_blocked(x) ? x[4] : 1;
  g.hi = x[2], g.wi = x[3], g.ho = y[2], g.wo = y[3];
  g.kh = kernel[0], g.kw = kernel[1];
  g.stride_h = strides[0], g.stride_w = strides[1];
  const Attributes::Ints dilations = a.ints("dilations", {1, 1});
  g.dilation_h = dilations[0], g.dilation_w = dilations[1];
  g.pad_top = pads[0], g.pad_left = pads[1];
  const Attributes::Ints counted = a.ints("counted_pads", {0, 0, 0, 0});
  std::copy(counted.begin(), counted.end(), g.counted.begin());
  return g;
}

Decline fits_32_bits(const PoolGeometry& g) {
  if (g.block * std::max(g.inputs(), g.outputs()) > INT32_MAX - (1 << 16)) {
    return "a tensor has about 2^31 elements or more";
  }
  return std::nullopt;
}

Decline whole_windows(const PoolGeometry& g) {
  if (g.has_gaps()) return "made for windows without gaps";
  return fits_32_bits(g);
}

void describe(KernelCall& call, const PoolGeometry& g, PoolKind kind) {
  call.define("IS_MAX", kind == PoolKind::max ? 1 : 0).define("PLANES", g.planes);
  call.define("HI", g.hi).define("WI", g.wi).define("HO", g.ho).define("WO", g.wo);
  call.define("KH", g.kh).define("KW", g.kw).define("SH", g.stride_h).define("SW", g.stride_w);
  call.define("PT", g.pad_top).define("PL", g.pad_left);
  if (!g.counts_padding()) return;
  call.define("CT", g.counted[0]).define("CL", g.counted[1]);
  call.define("CB", g.counted[2]).define("CR", g.counted[3]);
}

void add_operands(KernelCall& call, const OpView& op) {
  for (std::size_t i = 0; i < op.in.size(); ++i) call.arg(in(static_cast<int>(i)));
  call.arg(out());
}

std::vector<OpDef> pool2d_ops() {
  return {
      {.name = "max_pool2d",
       .infer = infer_forward,
       .reference = reference<reference_max>,
       .gradient = gradient_max,
       .cost = cost<forward_pass>,
       .variants = std::vector<Variant>{pool2d_blocked(PoolKind::max, forward_pass),
                                        pool2d_wide(PoolKind::max), pool2d_direct(PoolKind::max),
                                        pool2d_dilated(PoolKind::max)},
       .blocked = pool2d_form},
      {.name = "max_pool2d_backward",
       .infer = infer_max_backward,
       .reference = reference<reference_max_backward>,
       .gradient = no_gradient("max_pool2d can be differentiated once"),
       .cost = cost<max_backward_pass>,
       .variants = std::vector<Variant>{pool2d_backward_blocked(PoolKind::max, max_backward_pass),
                                        pool2d_backward_wide(PoolKind::max, max_backward_pass),
                                        pool2d_backward_direct(PoolKind::max, max_backward_pass)},
       .blocked = pool2d_form},
      {.name = "average_pool2d",
       .infer = infer_forward,
       .reference = reference<reference_average>,
       .gradient = gradient_average,
       .cost = cost<forward_pass>,
       .variants =
           std::vector<Variant>{pool2d_blocked(PoolKind::average, forward_pass),
                                pool2d_wide(PoolKind::average), pool2d_direct(PoolKind::average),
                                pool2d_dilated(PoolKind::average)},
       .blocked = pool2d_form},
      {.name = "average_pool2d_backward",
       .infer = infer_average_backward,
       .reference = reference<reference_average_backward>,
       .gradient = gradient_average_backward,
       .cost = cost<average_backward_pass>,
       .variants =
           std::vector<Variant>{pool2d_backward_blocked(PoolKind::average, average_backward_pass),
                                pool2d_backward_wide(PoolKind::average, average_backward_pass),
                                pool2d_backward_direct(PoolKind::average, average_backward_pass)},
       .blocked = pool2d_form},
  };
}

}  // namespace pinnacle
