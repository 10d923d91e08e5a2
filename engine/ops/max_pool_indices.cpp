// max_pool_indices(x): the largest element of each window and where it lies in x as a list of all
// elements, over any number of spatial axes, as in ONNX (MaxPool with its second output); with the
// option column_major a plane is counted first axis first. max_unpool(y, indices) puts elements back
// where they were, into zeros (MaxUnpool).
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <cmath>
#include <limits>

#include "ops/windows.hpp"

namespace pinnacle {
namespace {

WindowsND windows_of(const OpView& op) {
  const Shape& x = op.shape(0);
  if (x.rank() < 3) shape_error(op, "x is {}; expected [N, C, ...]", x);
  if (!op.attributes().has("kernel_shape")) shape_error(op, "option kernel_shape is absent");
  const Attributes::Ints& kernel = op.attributes().ints("kernel_shape");
  if (kernel.size() != x.rank() - 2) {
    shape_error(op, "kernel_shape is {} but x is {}", Shape(kernel), x);
  }
  return read_windows(op, {x.begin() + 2, x.end()}, kernel);
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  const WindowsND w = windows_of(op);
  std::vector<std::int64_t> dims = {op.shape(0)[0], op.shape(0)[1]};
  dims.insert(dims.end(), w.out.begin(), w.out.end());
  return {{Shape(dims), op.in[0]->dtype}, {Shape(dims), DType::i64}};
}

// The position in the plane, counted with the first axis innermost.
std::int64_t column_major(std::int64_t position, const std::vector<std::int64_t>& extents) {
  std::int64_t result = 0;
  std::int64_t stride = Shape(extents).elements();
  for (std::size_t i = extents.size(); i-- > 0;) {
    stride /= extents[i];
    result += position % extents[i] * stride;
    position /= extents[i];
  }
  return result;
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const WindowsND w = windows_of(op);
  const std::vector<TensorType> types = infer(op);
  Array y(types[0].shape);
  Array indices(types[1].shape);
  const bool by_column = op.attributes().integer("column_major", 0) != 0;
  const std::int64_t planes = y.shape[0] * y.shape[1];
  std::size_t to = 0;
  for (std::int64_t plane = 0; plane < planes; ++plane) {
    const double* x = in[0].data.data() + plane * w.inputs();
    std::vector<std::int64_t> o(w.axes(), 0);
    do {
      std::optional<std::int64_t> best;
      std::vector<std::int64_t> tap(w.axes(), 0);
      do {
        const auto element = w.element(o, tap);
        if (element && (!best || x[*element] > x[*best])) best = element;
      } while (next_position(tap, w.kernel));
      // Nothing but padding: less than anything.
      y.data[to] = best ? x[*best] : -std::numeric_limits<float>::max();
      const std::int64_t at = !best ? 0 : by_column ? column_major(*best, w.in) : *best;
      indices.data[to++] = static_cast<double>(plane * w.inputs() + at);
    } while (next_position(o, w.out));
  }
  return {std::move(y), std::move(indices)};
}

// ---- max_unpool ---------------------------------------------------------------------------------

Shape unpooled_shape(const OpView& op) {
  const Shape shape(op.attributes().ints("shape"));
  const Shape& y = op.shape(0);
  double elements = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 1) shape_error(op, "shape is {}; expected extents of 1 or more", shape);
    elements *= static_cast<double>(extent);
  }
  if (shape.rank() != y.rank() || y.rank() < 3 || elements > 1e15) {
    shape_error(op, "shape is {} but y is {}", shape, y);
  }
  return shape;
}

std::vector<TensorType> infer_unpool(const OpView& op) {
  check_inputs(op, 2, 2);
  if (op.in[1]->dtype != DType::i64 || op.shape(1) != op.shape(0)) {
    shape_error(op, "indices are {} but y is {}; expected i64 of y's shape", *op.in[1], *op.in[0]);
  }
  return {{unpooled_shape(op), op.in[0]->dtype}};
}

std::vector<Array> reference_unpool(const OpView& op, std::span<const Array> in) {
  Array x(unpooled_shape(op));
  for (std::size_t i = 0; i < in[0].data.size(); ++i) {
    const double at = in[1].data[i];
    // An index out of range is nobody's.
    if (at >= 0 && at < static_cast<double>(x.data.size())) {
      x.data[static_cast<std::size_t>(at)] = in[0].data[i];
    }
  }
  return {std::move(x)};
}

}  // namespace

std::vector<OpDef> max_pool_indices_ops() {
  return {{.name = "max_pool_indices",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("use max_pool2d, which is differentiable"),
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = static_cast<double>(op.out_shape().elements()) *
                                     static_cast<double>(windows_of(op).taps()),
                             .bytes = op.operand_bytes()};
               },
           .variants = std::vector<Variant>{}},
          {.name = "max_unpool",
           .infer = infer_unpool,
           .reference = reference_unpool,
           .gradient = no_gradient("elements are put back where indices say"),
           .cost = [](const OpView& op) { return Cost{.flop = 0, .bytes = op.operand_bytes()}; },
           .variants = std::vector<Variant>{}}};
}

}  // namespace pinnacle
