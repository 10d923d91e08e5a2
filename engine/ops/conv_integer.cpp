// conv_integer(x, w, x_zero?, w_zero?): a convolution of 8-bit integers over any number of spatial
// axes, exact in 32 bits, as in ONNX (ConvInteger): y = conv(x - x_zero, w - w_zero), where padding
// counts as 0.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>

#include "ops/epilogue.hpp"
#include "ops/integers.hpp"
#include "ops/launch.hpp"
#include "ops/windows.hpp"

namespace pinnacle {
namespace {

struct Sizes {
  std::int64_t batch, channels, filters, groups, group_channels;
  WindowsND windows;
};

Sizes sizes_of(const OpView& op) {
  const Shape& x = op.shape(0);
  const Shape& w = op.shape(1);
  if (x.rank() < 3 || w.rank() != x.rank()) {
    shape_error(op, "x is {} and weight {}; expected [N, C, ...] and [F, C / group, ...]", x, w);
  }
  const std::int64_t groups = op.attributes().integer("group", 1);
  if (groups < 1 || x[1] % groups != 0 || w[0] % groups != 0 || w[1] != x[1] / groups) {
    shape_error(op, "x is {} and weight {}; they do not fit {} groups", x, w, groups);
  }
  return {.batch = x[0],
          .channels = x[1],
          .filters = w[0],
          .groups = groups,
          .group_channels = w[1],
          .windows = read_windows(op, {x.begin() + 2, x.end()}, {w.begin() + 2, w.end()})};
}

Shape result_shape(const Sizes& s) {
  std::vector<std::int64_t> dims = {s.batch, s.filters};
  dims.insert(dims.end(), s.windows.out.begin(), s.windows.out.end());
  return Shape(std::move(dims));
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 2, 4);
  const Sizes s = sizes_of(op);
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (!op.has_input(i)) continue;
    const DType dtype = op.in[i]->dtype;
    if (dtype != DType::i8 && dtype != DType::u8) {
      shape_error(op, "input {} is {}; expected i8 or u8", i, *op.in[i]);
    }
    if (i >= 2 && dtype != op.in[i - 2]->dtype) {
      shape_error(op, "input {} is {} but input {} is {}", i, *op.in[i], i - 2, *op.in[i - 2]);
    }
  }
  if (op.has_input(2) && op.shape(2).elements() != 1) {
    shape_error(op, "the zero point of x is {}; expected one number", op.shape(2));
  }
  if (op.has_input(3) && op.shape(3).elements() != 1 && op.shape(3) != Shape{s.filters}) {
    shape_error(op, "the zero point of the weight is {}; expected one number or [{}]", op.shape(3),
                s.filters);
  }
  return {{result_shape(s), DType::i32}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  const Sizes s = sizes_of(op);
  const WindowsND& windows = s.windows;
  Array y(result_shape(s));
  const double x_zero = op.has_input(2) ? in[2].data[0] : 0;
  const std::int64_t per_group = s.filters / s.groups;
  std::size_t to = 0;
  for (std::int64_t n = 0; n < s.batch; ++n) {
    for (std::int64_t f = 0; f < s.filters; ++f) {
      const double w_zero =
          !op.has_input(3) ? 0
                           : in[3].data[in[3].data.size() == 1 ? 0 : static_cast<std::size_t>(f)];
      std::vector<std::int64_t> o(windows.axes(), 0);
      do {
        double sum = 0;
        std::int64_t t = 0;
        std::vector<std::int64_t> tap(windows.axes(), 0);
        do {
          const auto element = windows.element(o, tap);
          for (std::int64_t c = 0; element && c < s.group_channels; ++c) {
            const std::int64_t plane = n * s.channels + f / per_group * s.group_channels + c;
            const std::int64_t weight = (f * s.group_channels + c) * windows.taps() + t;
            sum += (in[0].data[static_cast<std::size_t>(plane * windows.inputs() + *element)] -
                    x_zero) *
                   (in[1].data[static_cast<std::size_t>(weight)] - w_zero);
          }
          ++t;
        } while (next_position(tap, windows.kernel));
        y.data[to++] = wrap_integer(sum, DType::i32);
      } while (next_position(o, windows.out));
    }
  }
  return {std::move(y)};
}

// Rows and columns; one spatial axis is a row.
Decline accepts(const OpView& op, const Target& target) {
  if (op.shape(0).rank() > 4) return "made for one or two spatial axes";
  for (const std::size_t i : {0, 1}) {
    if (op.shape(i).elements() > INT32_MAX - (1 << 16)) return "a tensor has about 2^31 elements";
  }
  if (op.out_shape().elements() > INT32_MAX - (1 << 16)) return "a tensor has about 2^31 elements";
  const Sizes s = sizes_of(op);
  return fits_loop_limit(target, 2 * s.group_channels * s.windows.taps());
}

const char* byte_type(DType dtype) { return dtype == DType::i8 ? "char" : "uchar"; }

Lowering lower(const OpView& op, const Target& target, const Params&) {
  const Sizes s = sizes_of(op);
  const WindowsND& w = s.windows;
  const auto arg = [&](KernelCall& call, const std::vector<std::int64_t>& axes, std::int64_t row) {
    call.arg(to_int(axes.size() == 2 ? axes[0] : row)).arg(to_int(axes.back()));
  };
  Lowering lowering;
  KernelCall& call = lowering.call("conv_integer.cl");
  call.define("X_TYPE", byte_type(op.in[0]->dtype)).define("W_TYPE", byte_type(op.in[1]->dtype));
  call.define("HAS_X_ZERO", op.has_input(2) ? 1 : 0);
  call.define("HAS_W_ZERO", !op.has_input(3) ? 0 : op.shape(3).elements() == 1 ? 1 : 2);
  call.arg(in(0)).arg(in(1));
  if (op.has_input(2)) call.arg(in(2));
  if (op.has_input(3)) call.arg(in(3));
  const std::int64_t outputs = op.out_shape().elements();
  call.arg(out()).arg(to_int(outputs)).arg(to_int(s.filters)).arg(to_int(s.filters / s.groups));
  call.arg(to_int(s.channels)).arg(to_int(s.group_channels));
  arg(call, w.in, 1);
  arg(call, w.out, 1);
  arg(call, w.kernel, 1);
  arg(call, w.strides, 1);
  arg(call, w.dilations, 1);
  arg(call, w.pads, 0);
  const auto local = static_cast<std::size_t>(work_group(target, 64));
  const auto items = static_cast<std::size_t>(outputs);
  call.range({(items + local - 1) / local * local, 1, 1}, {local, 1, 1});
  call.loops(2 * s.group_channels * w.taps());
  return lowering;
}

}  // namespace

std::vector<OpDef> conv_integer_ops() {
  return {{.name = "conv_integer",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("integers have none"),
           .cost =
               [](const OpView& op) {
                 const Sizes s = sizes_of(op);
                 return Cost{.flop = 2 * static_cast<double>(op.out_shape().elements()) *
                                     static_cast<double>(s.group_channels * s.windows.taps()),
                             .bytes = op.operand_bytes()};
               },
           .variants = std::vector<Variant>{
               {.name = "direct", .accepts = accepts, .lower = lower, .space = {}}}}};
}

}  // namespace pinnacle
