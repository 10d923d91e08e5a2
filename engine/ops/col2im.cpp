// col2im(x [N, C * taps, blocks]): the blocks that windows over an image of extents `image_shape` would
// read, added up where they overlap, as in ONNX (Col2Im): the transpose of taking windows apart.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include "ops/windows.hpp"

namespace pinnacle {
namespace {

WindowsND windows_of(const OpView& op) {
  const Attributes::Ints& image = op.attributes().ints("image_shape");
  const Attributes::Ints& block = op.attributes().ints("block_shape");
  if (image.empty() || image.size() != block.size()) {
    shape_error(op, "image_shape is {} and block_shape {}; expected the same number of axes",
                Shape(image), Shape(block));
  }
  double image_size = 1;
  double taps = 1;
  for (std::size_t i = 0; i < image.size(); ++i) {
    image_size *= static_cast<double>(image[i]);
    taps *= static_cast<double>(block[i]);
  }
  if (image_size > 1e15 || taps > 1e15) {
    shape_error(op, "image_shape is {} and block_shape {}: too large", Shape(image), Shape(block));
  }
  return read_windows(op, image, block);
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 1, 1);
  const WindowsND w = windows_of(op);
  const Shape& x = op.shape(0);
  if (x.rank() != 3 || x[1] % w.taps() != 0 || x[2] != w.outputs()) {
    shape_error(op, "x is {}; expected [N, C * {}, {}]", x, w.taps(), w.outputs());
  }
  if (op.in[0]->dtype == DType::boolean) shape_error(op, "x is {}; expected numbers", *op.in[0]);
  std::vector<std::int64_t> dims = {x[0], x[1] / w.taps()};
  dims.insert(dims.end(), w.in.begin(), w.in.end());
  return {{Shape(std::move(dims)), op.in[0]->dtype}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const WindowsND w = windows_of(op);
  Array y(infer(op)[0].shape);
  const std::int64_t planes = y.shape[0] * y.shape[1];
  for (std::int64_t plane = 0; plane < planes; ++plane) {
    std::vector<std::int64_t> tap(w.axes(), 0);
    const double* from = in[0].data.data() + plane * w.taps() * w.outputs();
    do {
      std::vector<std::int64_t> o(w.axes(), 0);
      do {
        if (const auto element = w.element(o, tap)) {
          y.data[static_cast<std::size_t>(plane * w.inputs() + *element)] += *from;
        }
        ++from;
      } while (next_position(o, w.out));
    } while (next_position(tap, w.kernel));
  }
  return {std::move(y)};
}

}  // namespace

std::vector<OpDef> col2im_ops() {
  return {{.name = "col2im",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("taking windows apart is no op here"),
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = static_cast<double>(op.shape(0).elements()),
                             .bytes = op.operand_bytes()};
               },
           .variants = std::vector<Variant>{}}};
}

}  // namespace pinnacle
