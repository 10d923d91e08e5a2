// The three passes of a convolution on the host, in double: plain loops, the row innermost.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/conv2d/conv2d.hpp"

namespace pinnacle {
namespace {

// The outputs [first, end) of an axis whose tap at `offset` = k * dilation - pad is in the input.
struct Range {
  std::int64_t first, end;
};
Range inside(std::int64_t offset, std::int64_t stride, std::int64_t inputs, std::int64_t outputs) {
  const std::int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const std::int64_t end = inputs <= offset ? 0 : (inputs - offset - 1) / stride + 1;
  return {std::min(first, outputs), std::clamp(end, std::min(first, outputs), outputs)};
}

// Calls row(x position, y position, weight position, count) for each
// run of products: x[position + i * stride_w] belongs to y[position + i] and that weight.
template <class Row>
void for_each_row(const ConvGeometry& g, Row row) {
  for (std::int64_t n = 0; n < g.n; ++n) {
    for (std::int64_t f = 0; f < g.groups * g.co; ++f) {
      const std::int64_t y = (n * g.groups * g.co + f) * g.ho * g.wo;
      for (std::int64_t c = 0; c < g.ci; ++c) {
        const std::int64_t x = ((n * g.groups + f / g.co) * g.ci + c) * g.hi * g.wi;
        for (std::int64_t t = 0; t < g.taps(); ++t) {
          const std::int64_t top = t / g.kw * g.dilation_h - g.pad_top;
          const std::int64_t left = t % g.kw * g.dilation_w - g.pad_left;
          const Range rows = inside(top, g.stride_h, g.hi, g.ho);
          const Range columns = inside(left, g.stride_w, g.wi, g.wo);
          for (std::int64_t r = rows.first; r < rows.end; ++r) {
            row(x + (r * g.stride_h + top) * g.wi + columns.first * g.stride_w + left,
                y + r * g.wo + columns.first, (f * g.ci + c) * g.taps() + t,
                columns.end - columns.first);
          }
        }
      }
    }
  }
}

}  // namespace

Array conv_reference(const ConvGeometry& g, const Array& x, const Array& w, const Shape& y) {
  Array result(y);
  for_each_row(g, [&](std::int64_t from, std::int64_t to, std::int64_t k, std::int64_t count) {
    const double weight = w.data[static_cast<std::size_t>(k)];
    const double* source = x.data.data() + from;
    double* sum = result.data.data() + to;
    for (std::int64_t i = 0; i < count; ++i) sum[i] += weight * source[i * g.stride_w];
  });
  return result;
}

Array conv_data_reference(const ConvGeometry& g, const Array& dy, const Array& w, const Shape& dx) {
  Array result(dx);
  for_each_row(g, [&](std::int64_t to, std::int64_t from, std::int64_t k, std::int64_t count) {
    const double weight = w.data[static_cast<std::size_t>(k)];
    const double* source = dy.data.data() + from;
    double* sum = result.data.data() + to;
    for (std::int64_t i = 0; i < count; ++i) sum[i * g.stride_w] += weight * source[i];
  });
  return result;
}

Array conv_filter_reference(const ConvGeometry& g, const Array& x, const Array& dy,
                            const Shape& dw) {
  Array result(dw);
  for_each_row(g, [&](std::int64_t from, std::int64_t at, std::int64_t k, std::int64_t count) {
    const double* a = x.data.data() + from;
    const double* b = dy.data.data() + at;
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += a[i * g.stride_w] * b[i];
    result.data[static_cast<std::size_t>(k)] += sum;
  });
  return result;
}

}  // namespace pinnacle
