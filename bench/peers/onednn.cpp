// oneDNN. Images come in the layout that it likes (format `any`, or what its convolutions use), as
// within a net; its weights are rearranged beforehand, which is not counted.
// SPDX-License-Identifier: Apache-2.0
#include "bench/peers/onednn.hpp"

#include <omp.h>
#include <pinnacle/error.hpp>

#include <utility>

namespace pinnacle::bench {
using dnnl::memory;
using dnnl::prop_kind;

namespace {

constexpr auto kF32 = memory::data_type::f32;

Tensor contents(const memory& from, const Shape& shape) {
  OneDnn& d = onednn();
  Tensor tensor(shape);
  memory source = from;
  memory target(plain(source.get_desc().dims()), d.engine, tensor.bytes().data());
  dnnl::reorder(source, target).execute(d.stream, source, target);
  d.stream.wait();
  return tensor;
}

}  // namespace

OneDnn& onednn() {
  static OneDnn all;
  return all;
}

memory::dims row_strides(const memory::dims& dims) {
  memory::dims strides(dims.size(), 1);
  for (std::size_t i = dims.size() - 1; i > 0; --i) strides[i - 1] = strides[i] * dims[i];
  return strides;
}

memory::desc plain(const memory::dims& dims) { return {dims, kF32, row_strides(dims)}; }

memory::desc any(const memory::dims& dims) { return {dims, kF32, memory::format_tag::any}; }

memory::desc image_layout(const memory::dims& dims) {
  const memory::dims w = {dims[1], dims[1], 1, 1};
  const dnnl::convolution_forward::desc convolution(prop_kind::forward_inference,
                                                    dnnl::algorithm::convolution_direct, any(dims),
                                                    any(w), any(dims), {1, 1}, {0, 0}, {0, 0});
  return dnnl::convolution_forward::primitive_desc(convolution, onednn().engine).dst_desc();
}

memory filled(const memory::desc& layout, const memory::dims& dims, const Tensor& tensor) {
  OneDnn& d = onednn();
  memory target(layout, d.engine);
  memory source(plain(dims), d.engine, const_cast<std::byte*>(tensor.bytes().data()));
  dnnl::reorder(source, target).execute(d.stream, source, target);
  d.stream.wait();
  return target;
}

Peer onednn_primitive(const dnnl::primitive& primitive, OneDnnArguments arguments, int result,
                      Shape shape) {
  const memory output = arguments.at(result);
  return {.name = "onednn",
          .run = peer_run([primitive, arguments = std::move(arguments)] {
            primitive.execute(onednn().stream, arguments);
            onednn().stream.wait();
          }),
          .result = [output, shape = std::move(shape)] { return contents(output, shape); }};
}

namespace {

// ---- Convolution -------------------------------------------------------------------------------

struct ConvDescription {
  memory::dims x, w, y;  // w with the axis of the groups, if there are several
  memory::dims strides, before, after;
  Shape x_shape, w_shape, y_shape;
};

ConvDescription describe_convolution(const ShapeCase& c, const Shape& output) {
  ConvDescription d;
  const Shape& first = c.in[0].shape;
  const Shape& second = c.in[1].shape;
  d.x_shape = c.pass == Pass::backward_data ? output : first;
  d.w_shape = c.pass == Pass::backward_filter ? output : second;
  d.y_shape = c.pass == Pass::forward ? output : c.pass == Pass::backward_data ? first : second;
  d.x = d.x_shape.dims();
  d.w = d.w_shape.dims();
  d.y = d.y_shape.dims();
  const std::int64_t groups = c.attributes.integer("group", 1);
  if (groups > 1) {
    d.w[0] /= groups;
    d.w.insert(d.w.begin(), groups);
  }
  d.strides = c.attributes.ints("strides");
  const Attributes::Ints pads = c.attributes.ints("pads");
  d.before = {pads[0], pads[1]};
  d.after = {pads[2], pads[3]};
  return d;
}

dnnl::convolution_forward::primitive_desc forward_description(const ConvDescription& d,
                                                              prop_kind kind) {
  return {dnnl::convolution_forward::desc(kind, dnnl::algorithm::convolution_direct, any(d.x),
                                          any(d.w), any(d.y), d.strides, d.before, d.after),
          onednn().engine};
}

Peer convolution(const ShapeCase& c, std::span<const Tensor> inputs, const Shape& output) {
  const ConvDescription d = describe_convolution(c, output);
  const dnnl::engine& engine = onednn().engine;
  if (c.pass == Pass::forward) {
    const auto pd = forward_description(d, prop_kind::forward_inference);
    return onednn_primitive(dnnl::convolution_forward(pd),
                            {{DNNL_ARG_SRC, filled(pd.src_desc(), d.x, inputs[0])},
                             {DNNL_ARG_WEIGHTS, filled(pd.weights_desc(), d.w, inputs[1])},
                             {DNNL_ARG_DST, memory(pd.dst_desc(), engine)}},
                            DNNL_ARG_DST, output);
  }
  const auto hint = forward_description(d, prop_kind::forward_training);
  if (c.pass == Pass::backward_data) {
    using Backward = dnnl::convolution_backward_data;
    const Backward::primitive_desc pd(
        Backward::desc(dnnl::algorithm::convolution_direct, any(d.x), any(d.w), any(d.y), d.strides,
                       d.before, d.after),
        engine, hint);
    return onednn_primitive(Backward(pd),
                            {{DNNL_ARG_DIFF_DST, filled(pd.diff_dst_desc(), d.y, inputs[0])},
                             {DNNL_ARG_WEIGHTS, filled(pd.weights_desc(), d.w, inputs[1])},
                             {DNNL_ARG_DIFF_SRC, memory(pd.diff_src_desc(), engine)}},
                            DNNL_ARG_DIFF_SRC, output);
  }
  using Backward = dnnl::convolution_backward_weights;
  const Backward::primitive_desc pd(
      Backward::desc(dnnl::algorithm::convolution_direct, any(d.x), any(d.w), any(d.y), d.strides,
                     d.before, d.after),
      engine, hint);
  return onednn_primitive(Backward(pd),
                          {{DNNL_ARG_SRC, filled(pd.src_desc(), d.x, inputs[0])},
                           {DNNL_ARG_DIFF_DST, filled(pd.diff_dst_desc(), d.y, inputs[1])},
                           {DNNL_ARG_DIFF_WEIGHTS, memory(pd.diff_weights_desc(), engine)}},
                          DNNL_ARG_DIFF_WEIGHTS, output);
}

// ---- Matrix product ----------------------------------------------------------------------------

// Row-major, seen with the last two axes swapped if `transposed`.
memory::desc matrix(const Shape& shape, bool transposed) {
  memory::dims dims = shape.dims();
  memory::dims strides = row_strides(dims);
  if (transposed) {
    std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
    std::swap(strides[dims.size() - 1], strides[dims.size() - 2]);
  }
  return {dims, kF32, strides};
}

Peer matrix_product(const ShapeCase& c, std::span<const Tensor> inputs, const Shape& output) {
  const dnnl::engine& engine = onednn().engine;
  const memory::desc a = matrix(c.in[0].shape, c.attributes.integer("transpose_a", 0) != 0);
  const memory::desc b = matrix(c.in[1].shape, c.attributes.integer("transpose_b", 0) != 0);
  const dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(a, b, plain(output.dims())), engine);
  return onednn_primitive(
      dnnl::matmul(pd),
      {{DNNL_ARG_SRC, memory(a, engine, const_cast<std::byte*>(inputs[0].bytes().data()))},
       {DNNL_ARG_WEIGHTS, memory(b, engine, const_cast<std::byte*>(inputs[1].bytes().data()))},
       {DNNL_ARG_DST, memory(pd.dst_desc(), engine)}},
      DNNL_ARG_DST, output);
}

Shape output_shape(const ShapeCase& c) {
  ShapeCase types = c;
  types.constant.clear();
  const Graph graph = shape_graph(types, {});
  return graph.type(graph.outputs.front()).shape;
}

}  // namespace

void start_onednn(int threads) {
  omp_set_num_threads(threads);
  onednn();
}

std::optional<Peer> onednn_peer(const ShapeCase& c, std::span<const Tensor> inputs) {
  const Shape output = output_shape(c);
  try {
    if (c.op == "matmul") return matrix_product(c, inputs, output);
    if (c.op.rfind("conv2d", 0) == 0) return convolution(c, inputs, output);
    return onednn_rest(c, inputs, output);
  } catch (const dnnl::error& error) {
    throw DeviceError(fmt::format("oneDNN: {}", error.what()),
                      fmt::format("{} {}", c.set, c.shape));
  }
}

}  // namespace pinnacle::bench
