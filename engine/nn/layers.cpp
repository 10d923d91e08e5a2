// Layers: each names itself, makes its parameters and adds its nodes under its own name.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/layers.hpp>

#include <algorithm>
#include <limits>

#include "base/text.hpp"

namespace pinnacle {
namespace {

std::string label(const char* layer, const std::string& name) {
  return fmt::format("{} \"{}\"", layer, name);
}

void check_least(const char* layer, const char* option, int value, int least) {
  if (value < least) {
    throw ArgumentError(fmt::format("{} is {}; it must be at least {}", option, value, least),
                        layer);
  }
}
void check_least(const char* layer, const char* option, Extent2 value, int least) {
  check_least(layer, option, value.height, least);
  check_least(layer, option, value.width, least);
}

void check_groups(const std::string& where, std::int64_t channels, int filters, int groups) {
  if (channels % groups != 0 || filters % groups != 0) {
    throw ShapeError(fmt::format("{} channels and {} filters do not divide into {} groups",
                                 channels, filters, groups),
                     where);
  }
}

void check_image(const char* layer, const std::string& name, const Shape& shape) {
  if (shape.rank() != 4) {
    throw ShapeError(fmt::format("x is {}; expected [N, C, H, W]", shape), label(layer, name),
                     "put reshape in front, or give the model samples of shape [C, H, W]");
  }
}

Attributes::Ints ints(Extent2 extent) { return {extent.height, extent.width}; }
Attributes::Ints pads(Extent2 p) { return {p.height, p.width, p.height, p.width}; }

Layer pool2d(const char* op, Pool2dOptions options) {
  check_least(op, "kernel", options.kernel, 1);
  check_least(op, "stride", options.stride, 0);
  check_least(op, "padding", options.padding, 0);
  if (options.stride.height == 0) options.stride.height = options.kernel.height;
  if (options.stride.width == 0) options.stride.width = options.kernel.width;
  return [=](Value x) {
    Network& network = x.network();
    const std::string name = network.layer_name(op);
    check_image(op, name, x.shape());
    return Value(network, network.builder().apply(op, {x.id()},
                                                  {{"kernel_shape", ints(options.kernel)},
                                                   {"strides", ints(options.stride)},
                                                   {"pads", pads(options.padding)}},
                                                  name));
  };
}

// running = momentum running + (1 - momentum) batch
void follow(Network& network, Value running, ValueId batch, double momentum,
            const std::string& name) {
  Builder b = network.builder();
  const ValueId keep = b.constant(static_cast<float>(momentum));
  const ValueId take = b.constant(static_cast<float>(1 - momentum));
  const ValueId kept = b.apply("mul", {running.id(), keep}, {}, name + ".kept");
  const ValueId taken = b.apply("mul", {batch, take}, {}, name + ".taken");
  update(running, Value(network, b.apply("add", {kept, taken}, {}, name + ".next")));
}

}  // namespace

Layer conv2d(Conv2dOptions options) {
  check_least("conv2d", "filters", options.filters, 1);
  check_least("conv2d", "kernel", options.kernel, 1);
  check_least("conv2d", "stride", options.stride, 1);
  check_least("conv2d", "padding", options.padding, 0);
  check_least("conv2d", "dilation", options.dilation, 1);
  check_least("conv2d", "groups", options.groups, 1);
  return [options](Value x) {
    Network& network = x.network();
    const std::string name = network.layer_name("conv2d");
    check_image("conv2d", name, x.shape());
    const std::int64_t channels = x.shape()[1];
    check_groups(label("conv2d", name), channels, options.filters, options.groups);
    const Shape shape{options.filters, channels / options.groups, options.kernel.height,
                      options.kernel.width};
    std::vector<ValueId> inputs{
        x.id(), parameter(network, name, "weight", shape, options.initializer).id()};
    if (options.bias) {
      inputs.push_back(parameter(network, name, "bias", {options.filters.value},
                                 {.kind = Initializer::Kind::zeros})
                           .id());
    }
    return Value(network, network.builder().apply("conv2d", std::move(inputs),
                                                  {{"strides", ints(options.stride)},
                                                   {"pads", pads(options.padding)},
                                                   {"dilations", ints(options.dilation)},
                                                   {"group", std::int64_t{options.groups}}},
                                                  name));
  };
}

Layer conv_transpose2d(ConvTranspose2dOptions options) {
  const char* const kind = "conv_transpose2d";
  check_least(kind, "filters", options.filters, 1);
  check_least(kind, "kernel", options.kernel, 1);
  check_least(kind, "stride", options.stride, 1);
  check_least(kind, "padding", options.padding, 0);
  check_least(kind, "output_padding", options.output_padding, 0);
  check_least(kind, "dilation", options.dilation, 1);
  check_least(kind, "groups", options.groups, 1);
  const auto check_output_padding = [kind](int extra, int stride, int dilation) {
    if (extra >= std::max(stride, dilation)) {
      throw ArgumentError(
          fmt::format("output_padding is {}; it must be less than stride or dilation", extra),
          kind);
    }
  };
  check_output_padding(options.output_padding.height, options.stride.height,
                       options.dilation.height);
  check_output_padding(options.output_padding.width, options.stride.width, options.dilation.width);
  return [options, kind](Value x) {
    Network& network = x.network();
    const std::string name = network.layer_name(kind);
    check_image(kind, name, x.shape());
    const Shape& in = x.shape();
    check_groups(label(kind, name), in[1], options.filters, options.groups);
    const auto extent = [&](std::int64_t size, int stride, int padding, int dilation, int kernel,
                            int extra) {
      const std::int64_t result =
          (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1;
      if (result < 1) {
        throw ShapeError(fmt::format("x is {}: nothing is left after a padding of {}", in, padding),
                         label(kind, name));
      }
      return result;
    };
    const Shape out{
        in[0], options.filters.value,
        extent(in[2], options.stride.height, options.padding.height, options.dilation.height,
               options.kernel.height, options.output_padding.height),
        extent(in[3], options.stride.width, options.padding.width, options.dilation.width,
               options.kernel.width, options.output_padding.width)};
    const Shape shape{in[1], options.filters / options.groups, options.kernel.height,
                      options.kernel.width};
    Builder b = network.builder();
    const ValueId weight = parameter(network, name, "weight", shape, options.initializer).id();
    const ValueId y = b.apply("conv2d_backward_data", {x.id(), weight},
                              {{"strides", ints(options.stride)},
                               {"pads", pads(options.padding)},
                               {"dilations", ints(options.dilation)},
                               {"group", std::int64_t{options.groups}},
                               {"input_shape", out.dims()}},
                              name);
    if (!options.bias) return Value(network, y);
    const Value bias = parameter(network, name, "bias", {options.filters.value, 1, 1},
                                 {.kind = Initializer::Kind::zeros});
    return Value(network, b.apply("add", {y, bias.id()}, {}, name + ".add"));
  };
}

Layer dense(int units, DenseOptions options) {
  check_least("dense", "units", units, 1);
  return [=](Value x) {
    Network& network = x.network();
    const std::string name = network.layer_name("dense");
    if (x.shape().rank() != 2) {
      throw ShapeError(fmt::format("x is {}; expected [N, K]", x.shape()), label("dense", name),
                       x.shape().rank() > 2
                           ? fmt::format("put flatten in front: ... | flatten | dense({})", units)
                           : "give each sample at least one axis");
    }
    Builder b = network.builder();
    const Value weight =
        parameter(network, name, "weight", {x.shape()[1], units}, options.initializer);
    const ValueId product = b.apply("matmul", {x.id(), weight.id()}, {}, name);
    if (!options.bias) return Value(network, product);
    const Value bias =
        parameter(network, name, "bias", {units}, {.kind = Initializer::Kind::zeros});
    return Value(network, b.apply("add", {product, bias.id()}, {}, name + ".add"));
  };
}

Layer max_pool2d(Pool2dOptions options) { return pool2d("max_pool2d", options); }
Layer average_pool2d(Pool2dOptions options) { return pool2d("average_pool2d", options); }

Value global_average_pool(Value x) {
  Network& network = x.network();
  const std::string name = network.layer_name("global_average_pool");
  check_image("global_average_pool", name, x.shape());
  return {network, network.builder().apply(
                       "reduce_mean", {x.id()},
                       {{"axes", Attributes::Ints{2, 3}}, {"keepdims", std::int64_t{0}}}, name)};
}

Layer batch_norm(BatchNormOptions options) {
  if (!(options.momentum >= 0 && options.momentum <= 1)) {
    throw ArgumentError(fmt::format("momentum is {}; it must be in [0, 1]", options.momentum),
                        "batch_norm");
  }
  if (!(options.epsilon > 0)) {
    throw ArgumentError(fmt::format("epsilon is {}; it must be positive", options.epsilon),
                        "batch_norm");
  }
  return [=](Value x) {
    Network& network = x.network();
    const std::string name = network.layer_name("batch_norm");
    if (x.shape().rank() != 2 && x.shape().rank() != 4) {
      throw ShapeError(fmt::format("x is {}; expected [N, C] or [N, C, H, W]", x.shape()),
                       label("batch_norm", name));
    }
    const Shape channels{x.shape()[1]};
    Tensor ones(channels);
    for (float& one : ones.f32()) one = 1;
    const Value gamma =
        parameter(network, name, "gamma", channels, {.kind = Initializer::Kind::ones});
    const Value beta =
        parameter(network, name, "beta", channels, {.kind = Initializer::Kind::zeros});
    const Value mean = state(network, name, "running_mean", Tensor(channels));
    const Value variance = state(network, name, "running_variance", std::move(ones));
    Builder b = network.builder();
    const Attributes attributes{{"epsilon", options.epsilon}};
    if (!network.training()) {
      return Value(network,
                   b.apply("batch_norm", {x.id(), gamma.id(), beta.id(), mean.id(), variance.id()},
                           attributes, name));
    }
    const std::vector<ValueId> y = b.apply_all(find_op("batch_norm_training"),
                                               {x.id(), gamma.id(), beta.id()}, attributes, name);
    follow(network, mean, y[1], options.momentum, name + ".running_mean");
    follow(network, variance, y[2], options.momentum, name + ".running_variance");
    return Value(network, y[0]);
  };
}

Layer layer_norm(LayerNormOptions options) {
  if (!(options.epsilon > 0)) {
    throw ArgumentError(fmt::format("epsilon is {}; it must be positive", options.epsilon),
                        "layer_norm");
  }
  return [=](Value x) {
    Network& network = x.network();
    const std::string name = network.layer_name("layer_norm");
    const auto rank = static_cast<int>(x.shape().rank());
    if (options.axis < -rank || options.axis >= rank) {
      throw ShapeError(fmt::format("axis {} is out of range for {}", options.axis, x.shape()),
                       label("layer_norm", name));
    }
    const int axis = options.axis < 0 ? options.axis + rank : options.axis;
    std::vector<std::int64_t> dims;
    for (int i = axis; i < rank; ++i) dims.push_back(x.shape()[static_cast<std::size_t>(i)]);
    const Shape shape(std::move(dims));
    const Value gamma = parameter(network, name, "gamma", shape, {.kind = Initializer::Kind::ones});
    const Value beta = parameter(network, name, "beta", shape, {.kind = Initializer::Kind::zeros});
    return Value(network, network.builder().apply(
                              "layer_norm", {x.id(), gamma.id(), beta.id()},
                              {{"axis", std::int64_t{axis}}, {"epsilon", options.epsilon}}, name));
  };
}

Layer dropout(double rate) {
  if (!(rate >= 0 && rate < 1)) {
    throw ArgumentError(fmt::format("rate is {}; it must be in [0, 1)", rate), "dropout");
  }
  return [rate](Value x) {
    Network& network = x.network();
    const std::string name = network.layer_name("dropout");
    if (!network.training() || rate == 0) return x;
    const std::uint64_t seed = hash64(name) ^ network.seed();
    const auto positive =
        static_cast<std::int64_t>(seed & std::numeric_limits<std::int64_t>::max());
    return Value(network, network.builder().apply("dropout", {x.id(), steps(network).id()},
                                                  {{"rate", rate}, {"seed", positive}}, name));
  };
}

}  // namespace pinnacle
