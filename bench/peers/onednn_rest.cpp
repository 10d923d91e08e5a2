// oneDNN's pooling, normalisation, softmax, pointwise functions and reductions.
// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "bench/peers/onednn.hpp"

namespace pinnacle::bench {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using dnnl::normalization_flags;
using dnnl::prop_kind;

constexpr auto kInference = prop_kind::forward_inference;

// Images as they are between its convolutions, anything else row-major.
memory::desc layout_of(const Shape& x) {
  return x.rank() == 4 ? image_layout(x.dims()) : plain(x.dims());
}

memory empty(const memory::desc& desc) { return {desc, onednn().engine}; }

memory input(const Tensor& tensor) {
  return filled(layout_of(tensor.shape()), tensor.shape().dims(), tensor);
}

Peer pooling(const ShapeCase& c, std::span<const Tensor> inputs, const Shape& output) {
  const memory x = input(inputs[0]);
  const Attributes::Ints pads = c.attributes.ints("pads");
  const algorithm kind =
      c.op == "max_pool2d" ? algorithm::pooling_max : algorithm::pooling_avg_exclude_padding;
  const dnnl::pooling_forward::primitive_desc pd(
      dnnl::pooling_forward::desc(kInference, kind, x.get_desc(), any(output.dims()),
                                  c.attributes.ints("strides"), c.attributes.ints("kernel_shape"),
                                  {pads[0], pads[1]}, {pads[2], pads[3]}),
      onednn().engine);
  return onednn_primitive(dnnl::pooling_forward(pd),
                          {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, empty(pd.dst_desc())}}, DNNL_ARG_DST,
                          output);
}

Peer softmax(const ShapeCase& c, std::span<const Tensor> inputs, const Shape& output) {
  const memory x = input(inputs[0]);
  const dnnl::softmax_forward::primitive_desc pd(
      dnnl::softmax_forward::desc(kInference, x.get_desc(),
                                  static_cast<int>(c.attributes.integer("axis"))),
      onednn().engine);
  return onednn_primitive(dnnl::softmax_forward(pd),
                          {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, empty(pd.dst_desc())}}, DNNL_ARG_DST,
                          output);
}

Peer batch_norm(const ShapeCase& c, std::span<const Tensor> inputs, const Shape& output) {
  const bool given = c.op == "batch_norm";  // mean and variance
  const memory x = input(inputs[0]);
  normalization_flags flags = normalization_flags::use_scale | normalization_flags::use_shift;
  if (given) flags = flags | normalization_flags::use_global_stats;
  const auto epsilon = static_cast<float>(c.attributes.number("epsilon"));
  const dnnl::batch_normalization_forward::primitive_desc pd(
      dnnl::batch_normalization_forward::desc(given ? kInference : prop_kind::forward_training,
                                              x.get_desc(), epsilon, flags),
      onednn().engine);
  const memory::desc statistic = plain({c.in[0].shape[1]});
  return onednn_primitive(dnnl::batch_normalization_forward(pd),
                          {{DNNL_ARG_SRC, x},
                           {DNNL_ARG_SCALE, input(inputs[1])},
                           {DNNL_ARG_SHIFT, input(inputs[2])},
                           {DNNL_ARG_MEAN, given ? input(inputs[3]) : empty(statistic)},
                           {DNNL_ARG_VARIANCE, given ? input(inputs[4]) : empty(statistic)},
                           {DNNL_ARG_DST, empty(pd.dst_desc())}},
                          DNNL_ARG_DST, output);
}

Peer layer_norm(const ShapeCase& c, std::span<const Tensor> inputs, const Shape& output) {
  const memory x = input(inputs[0]);
  const auto epsilon = static_cast<float>(c.attributes.number("epsilon"));
  const dnnl::layer_normalization_forward::primitive_desc pd(
      dnnl::layer_normalization_forward::desc(
          kInference, x.get_desc(), epsilon,
          normalization_flags::use_scale | normalization_flags::use_shift),
      onednn().engine);
  return onednn_primitive(dnnl::layer_normalization_forward(pd),
                          {{DNNL_ARG_SRC, x},
                           {DNNL_ARG_SCALE, input(inputs[1])},
                           {DNNL_ARG_SHIFT, input(inputs[2])},
                           {DNNL_ARG_DST, empty(pd.dst_desc())}},
                          DNNL_ARG_DST, output);
}

Peer pointwise(algorithm kind, std::span<const Tensor> inputs, const Shape& output) {
  const memory x = input(inputs[0]);
  const float alpha = kind == algorithm::eltwise_swish ? 1.0f : 0.0f;
  const dnnl::eltwise_forward::primitive_desc pd(
      dnnl::eltwise_forward::desc(kInference, kind, x.get_desc(), alpha), onednn().engine);
  return onednn_primitive(dnnl::eltwise_forward(pd),
                          {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, empty(pd.dst_desc())}}, DNNL_ARG_DST,
                          output);
}

Peer sum_of_two(std::span<const Tensor> inputs, const Shape& output) {
  const memory a = input(inputs[0]);
  const memory b = input(inputs[1]);
  const dnnl::binary::primitive_desc pd(
      dnnl::binary::desc(algorithm::binary_add, a.get_desc(), b.get_desc(), a.get_desc()),
      onednn().engine);
  return onednn_primitive(
      dnnl::binary(pd),
      {{DNNL_ARG_SRC_0, a}, {DNNL_ARG_SRC_1, b}, {DNNL_ARG_DST, empty(pd.dst_desc())}},
      DNNL_ARG_DST, output);
}

Peer reduction(algorithm kind, const ShapeCase& c, std::span<const Tensor> inputs,
               const Shape& output) {
  // Row-major, as ours gets it.
  memory::dims reduced = c.in[0].shape.dims();
  const memory x = filled(plain(reduced), reduced, inputs[0]);
  for (const std::int64_t axis : c.attributes.ints("axes")) {
    reduced[static_cast<std::size_t>(axis)] = 1;
  }
  const dnnl::reduction::primitive_desc pd(
      dnnl::reduction::desc(kind, x.get_desc(), plain(reduced), 0, 0), onednn().engine);
  return onednn_primitive(dnnl::reduction(pd),
                          {{DNNL_ARG_SRC, x}, {DNNL_ARG_DST, empty(pd.dst_desc())}}, DNNL_ARG_DST,
                          output);
}

// A reorder: the same logical axes, those of y, in the order in which they lie in x and in y.
Peer transpose(const ShapeCase& c, std::span<const Tensor> inputs, const Shape& output) {
  const Attributes::Ints perm = c.attributes.ints("perm");
  const memory::dims from = row_strides(c.in[0].shape.dims());
  memory::dims strides;
  for (const std::int64_t axis : perm) strides.push_back(from[static_cast<std::size_t>(axis)]);
  const memory::dims x_dims = c.in[0].shape.dims();
  const memory rows = filled(plain(x_dims), x_dims, inputs[0]);
  const memory::desc as_y(output.dims(), memory::data_type::f32, strides);
  const memory x(as_y, onednn().engine, rows.get_data_handle());
  const memory y = empty(plain(output.dims()));
  // `rows` owns the numbers: it lives in the arguments, too.
  return onednn_primitive(dnnl::reorder(x, y),
                          {{DNNL_ARG_FROM, x}, {DNNL_ARG_TO, y}, {DNNL_ARG_WORKSPACE, rows}},
                          DNNL_ARG_TO, output);
}

// ---- Backward ----------------------------------------------------------------------------------

// The forward pass runs once before the clock starts and leaves its workspace, if it has one.
Peer pooling_backward(const ShapeCase& c, std::span<const Tensor> inputs, const Shape& output) {
  const bool largest = c.op == "max_pool2d_backward";
  const Tensor& dy = inputs[largest ? 2 : 0];
  const memory::dims x_dims = output.dims();
  const Attributes::Ints pads = c.attributes.ints("pads");
  const algorithm kind = largest ? algorithm::pooling_max : algorithm::pooling_avg_exclude_padding;
  const memory::dims strides = c.attributes.ints("strides");
  const memory::dims kernel = c.attributes.ints("kernel_shape");
  const memory::desc y_any = any(dy.shape().dims());
  const dnnl::pooling_forward::primitive_desc forward(
      dnnl::pooling_forward::desc(prop_kind::forward_training, kind, image_layout(x_dims), y_any,
                                  strides, kernel, {pads[0], pads[1]}, {pads[2], pads[3]}),
      onednn().engine);
  const dnnl::pooling_backward::primitive_desc pd(
      dnnl::pooling_backward::desc(kind, image_layout(x_dims), forward.dst_desc(), strides, kernel,
                                   {pads[0], pads[1]}, {pads[2], pads[3]}),
      onednn().engine, forward);
  OneDnnArguments arguments = {
      {DNNL_ARG_DIFF_DST, filled(pd.diff_dst_desc(), dy.shape().dims(), dy)},
      {DNNL_ARG_DIFF_SRC, empty(pd.diff_src_desc())}};
  if (largest) {
    const memory workspace = empty(forward.workspace_desc());
    dnnl::pooling_forward(forward).execute(
        onednn().stream, {{DNNL_ARG_SRC, filled(forward.src_desc(), x_dims, inputs[0])},
                          {DNNL_ARG_DST, empty(forward.dst_desc())},
                          {DNNL_ARG_WORKSPACE, workspace}});
    onednn().stream.wait();
    arguments.emplace(DNNL_ARG_WORKSPACE, workspace);
  }
  return onednn_primitive(dnnl::pooling_backward(pd), std::move(arguments), DNNL_ARG_DIFF_SRC,
                          output);
}

Peer softmax_backward(const ShapeCase& c, std::span<const Tensor> inputs, const Shape& output) {
  const memory y = input(inputs[0]);
  const auto axis = static_cast<int>(c.attributes.integer("axis"));
  const dnnl::softmax_forward::primitive_desc forward(
      dnnl::softmax_forward::desc(prop_kind::forward_training, y.get_desc(), axis),
      onednn().engine);
  const dnnl::softmax_backward::primitive_desc pd(
      dnnl::softmax_backward::desc(y.get_desc(), y.get_desc(), axis), onednn().engine, forward);
  return onednn_primitive(dnnl::softmax_backward(pd),
                          {{DNNL_ARG_DST, y},
                           {DNNL_ARG_DIFF_DST, input(inputs[1])},
                           {DNNL_ARG_DIFF_SRC, empty(pd.diff_src_desc())}},
                          DNNL_ARG_DIFF_SRC, output);
}

// Inputs as the op's: dy, x, gamma, mean, variance.
Peer batch_norm_backward(const ShapeCase& c, std::span<const Tensor> inputs, const Shape& output) {
  const memory x = input(inputs[1]);
  const auto epsilon = static_cast<float>(c.attributes.number("epsilon"));
  const normalization_flags flags = normalization_flags::use_scale | normalization_flags::use_shift;
  using Forward = dnnl::batch_normalization_forward;
  using Backward = dnnl::batch_normalization_backward;
  const Forward::primitive_desc forward(
      Forward::desc(prop_kind::forward_training, x.get_desc(), epsilon, flags), onednn().engine);
  const Backward::primitive_desc pd(
      Backward::desc(prop_kind::backward, x.get_desc(), x.get_desc(), epsilon, flags),
      onednn().engine, forward);
  const memory::desc channels = plain({c.in[2].shape[0]});
  return onednn_primitive(Backward(pd),
                          {{DNNL_ARG_SRC, x},
                           {DNNL_ARG_DIFF_DST, input(inputs[0])},
                           {DNNL_ARG_SCALE, input(inputs[2])},
                           {DNNL_ARG_SHIFT, input(inputs[2])},  // asked for, not used
                           {DNNL_ARG_MEAN, input(inputs[3])},
                           {DNNL_ARG_VARIANCE, input(inputs[4])},
                           {DNNL_ARG_DIFF_SCALE, empty(channels)},
                           {DNNL_ARG_DIFF_SHIFT, empty(channels)},
                           {DNNL_ARG_DIFF_SRC, empty(pd.diff_src_desc())}},
                          DNNL_ARG_DIFF_SRC, output);
}

// Inputs as the op's: dy, x, scale. Mean and variance come from a forward pass before the clock
// starts: ours makes them anew.
Peer layer_norm_backward(const ShapeCase& c, std::span<const Tensor> inputs, const Shape& output) {
  const memory x = input(inputs[1]);
  const auto epsilon = static_cast<float>(c.attributes.number("epsilon"));
  const normalization_flags flags = normalization_flags::use_scale | normalization_flags::use_shift;
  using Forward = dnnl::layer_normalization_forward;
  using Backward = dnnl::layer_normalization_backward;
  const Forward::primitive_desc forward(
      Forward::desc(prop_kind::forward_training, x.get_desc(), epsilon, flags), onednn().engine);
  const Backward::primitive_desc pd(
      Backward::desc(prop_kind::backward, x.get_desc(), x.get_desc(), epsilon, flags),
      onednn().engine, forward);
  const memory scale = input(inputs[2]);
  const memory mean = empty(forward.mean_desc());
  const memory variance = empty(forward.variance_desc());
  Forward(forward).execute(onednn().stream, {{DNNL_ARG_SRC, x},
                                             {DNNL_ARG_SCALE, scale},
                                             {DNNL_ARG_SHIFT, scale},
                                             {DNNL_ARG_MEAN, mean},
                                             {DNNL_ARG_VARIANCE, variance},
                                             {DNNL_ARG_DST, empty(forward.dst_desc())}});
  onednn().stream.wait();
  return onednn_primitive(Backward(pd),
                          {{DNNL_ARG_SRC, x},
                           {DNNL_ARG_DIFF_DST, input(inputs[0])},
                           {DNNL_ARG_SCALE, scale},
                           {DNNL_ARG_SHIFT, scale},  // asked for, not used
                           {DNNL_ARG_MEAN, mean},
                           {DNNL_ARG_VARIANCE, variance},
                           {DNNL_ARG_DIFF_SCALE, empty(scale.get_desc())},
                           {DNNL_ARG_DIFF_SHIFT, empty(scale.get_desc())},
                           {DNNL_ARG_DIFF_SRC, empty(pd.diff_src_desc())}},
                          DNNL_ARG_DIFF_SRC, output);
}

}  // namespace

std::optional<Peer> onednn_rest(const ShapeCase& c, std::span<const Tensor> inputs,
                                const Shape& output) {
  static const std::map<std::string, algorithm> functions = {
      {"relu", algorithm::eltwise_relu},    {"sigmoid", algorithm::eltwise_logistic},
      {"tanh", algorithm::eltwise_tanh},    {"exp", algorithm::eltwise_exp},
      {"log", algorithm::eltwise_log},      {"silu", algorithm::eltwise_swish},
      {"gelu", algorithm::eltwise_gelu_erf}};
  static const std::map<std::string, algorithm> reductions = {
      {"reduce_sum", algorithm::reduction_sum},
      {"reduce_mean", algorithm::reduction_mean},
      {"reduce_max", algorithm::reduction_max}};
  const std::string& op = c.op;
  if (op == "max_pool2d" || op == "average_pool2d") return pooling(c, inputs, output);
  if (op == "max_pool2d_backward" || op == "average_pool2d_backward") {
    return pooling_backward(c, inputs, output);
  }
  if (op == "transpose") return transpose(c, inputs, output);
  if (op == "layer_norm_backward") return layer_norm_backward(c, inputs, output);
  if (op == "softmax_backward") return softmax_backward(c, inputs, output);
  if (op == "batch_norm_backward") return batch_norm_backward(c, inputs, output);
  if (op == "softmax") return softmax(c, inputs, output);
  if (op == "batch_norm" || op == "batch_norm_training") return batch_norm(c, inputs, output);
  if (op == "layer_norm") return layer_norm(c, inputs, output);
  if (op == "add") return sum_of_two(inputs, output);
  if (const auto f = functions.find(op); f != functions.end()) {
    return pointwise(f->second, inputs, output);
  }
  if (const auto r = reductions.find(op); r != reductions.end()) {
    return reduction(r->second, c, inputs, output);
  }
  return std::nullopt;
}

}  // namespace pinnacle::bench
