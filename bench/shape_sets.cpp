// SPDX-License-Identifier: Apache-2.0
#include "bench/shape_sets.hpp"

#include <pinnacle/error.hpp>

#include <algorithm>
#include <charconv>
#include <functional>

#include "base/text.hpp"
#include "bench/shape_set_parts.hpp"

namespace pinnacle::bench {
namespace {

using Ints = Attributes::Ints;

TensorType f32(Shape shape) { return {std::move(shape), DType::f32}; }

// ---- Matrix products ---------------------------------------------------------------------------

// C [m, n] = op(A) op(B) over k; several of them side by side if batch > 1.
struct Product {
  std::int64_t m = 0, n = 0, k = 0;
  bool ta = false, tb = false;
  std::int64_t batch = 1;
};

ShapeCase product_case(const std::string& set, const Product& p) {
  ShapeCase c{
      .set = set,
      .shape = fmt::format("{}x{}x{}{}{}", p.m, p.n, p.k, p.ta ? " ta" : "", p.tb ? " tb" : ""),
      .op = "matmul",
      .in = {}};
  Ints a = p.ta ? Ints{p.k, p.m} : Ints{p.m, p.k};
  Ints b = p.tb ? Ints{p.n, p.k} : Ints{p.k, p.n};
  if (p.batch > 1) {
    c.shape = fmt::format("{} of {}", p.batch, c.shape);
    a.insert(a.begin(), p.batch);
    b.insert(b.begin(), p.batch);
  }
  c.in = {f32(Shape(a)), f32(Shape(b))};
  if (p.ta) c.attributes.set("transpose_a", std::int64_t{1});
  if (p.tb) c.attributes.set("transpose_b", std::int64_t{1});
  return c;
}

std::vector<Product> square_products() {
  std::vector<Product> products;
  for (const std::int64_t n : {256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096}) {
    products.push_back({n, n, n});
  }
  return products;
}

std::vector<Product> net_products() {
  return {
      // Fully connected layers at batch 1, 16 and 128.
      {1, 4096, 4096},
      {16, 4096, 4096},
      {128, 4096, 4096},
      {1, 4096, 25088},
      {1, 1000, 2048},
      {16, 1000, 4096},
      {64, 1000, 2048},
      {128, 512, 512},
      {128, 128, 784},
      {128, 10, 128},
      // Convolutions as products.
      {3136, 64, 576},
      {196, 256, 2304},
      {49, 512, 4608},
      // Gradients of fully connected layers: of the weight, then of the input.
      {784, 128, 128, true},
      {2048, 1000, 64, true},
      {4096, 4096, 16, true},
      {128, 784, 128, false, true},
      {64, 2048, 1000, false, true},
      // A transformer's layers: feed forward, one head, all heads of a layer.
      {128, 3072, 768},
      {128, 768, 3072},
      {512, 512, 64, false, true},
      {512, 64, 512},
      {128, 128, 64, false, true, 12},
      {128, 64, 128, false, false, 12},
  };
}

// ---- Convolutions ------------------------------------------------------------------------------

// A layer on square images with a square kernel; the padding keeps the extent unless given.
struct ConvLayer {
  std::int64_t in = 0, out = 0, size = 0, kernel = 1, stride = 1;
  int count = 1;
  std::int64_t groups = 1;
  std::int64_t padding = -1;
  bool first = false;  // reads the images, whose gradient nobody wants
};

// Distinct layers of ResNet-50 with the stride in the 3 x 3 layers (v1.5).
// Source: He, Zhang, Ren, Sun, 2015, arXiv:1512.03385, table 1.
std::vector<ConvLayer> resnet50_layers() {
  return {
      {.in = 3, .out = 64, .size = 224, .kernel = 7, .stride = 2, .first = true},
      {.in = 64, .out = 64, .size = 56},
      {.in = 64, .out = 64, .size = 56, .kernel = 3, .count = 3},
      {.in = 64, .out = 256, .size = 56, .count = 4},
      {.in = 256, .out = 64, .size = 56, .count = 2},
      {.in = 256, .out = 128, .size = 56},
      {.in = 128, .out = 128, .size = 56, .kernel = 3, .stride = 2},
      {.in = 128, .out = 512, .size = 28, .count = 4},
      {.in = 256, .out = 512, .size = 56, .stride = 2},
      {.in = 512, .out = 128, .size = 28, .count = 3},
      {.in = 128, .out = 128, .size = 28, .kernel = 3, .count = 3},
      {.in = 512, .out = 256, .size = 28},
      {.in = 256, .out = 256, .size = 28, .kernel = 3, .stride = 2},
      {.in = 256, .out = 1024, .size = 14, .count = 6},
      {.in = 512, .out = 1024, .size = 28, .stride = 2},
      {.in = 1024, .out = 256, .size = 14, .count = 5},
      {.in = 256, .out = 256, .size = 14, .kernel = 3, .count = 5},
      {.in = 1024, .out = 512, .size = 14},
      {.in = 512, .out = 512, .size = 14, .kernel = 3, .stride = 2},
      {.in = 512, .out = 2048, .size = 7, .count = 3},
      {.in = 1024, .out = 2048, .size = 14, .stride = 2},
      {.in = 2048, .out = 512, .size = 7, .count = 2},
      {.in = 512, .out = 512, .size = 7, .kernel = 3, .count = 2},
  };
}

// Source: Simonyan, Zisserman, 2014, arXiv:1409.1556, configuration D.
std::vector<ConvLayer> vgg16_layers() {
  return {
      {.in = 3, .out = 64, .size = 224, .kernel = 3, .first = true},
      {.in = 64, .out = 64, .size = 224, .kernel = 3},
      {.in = 64, .out = 128, .size = 112, .kernel = 3},
      {.in = 128, .out = 128, .size = 112, .kernel = 3},
      {.in = 128, .out = 256, .size = 56, .kernel = 3},
      {.in = 256, .out = 256, .size = 56, .kernel = 3, .count = 2},
      {.in = 256, .out = 512, .size = 28, .kernel = 3},
      {.in = 512, .out = 512, .size = 28, .kernel = 3, .count = 2},
      {.in = 512, .out = 512, .size = 14, .kernel = 3, .count = 3},
  };
}

// The 3 x 3 layers with stride 1 of ResNet-18, ResNet-50 and VGG-16.
std::vector<ConvLayer> layers_3x3() {
  std::vector<ConvLayer> layers = {
      {.in = 64, .out = 64, .size = 56, .kernel = 3},
      {.in = 128, .out = 128, .size = 28, .kernel = 3},
      {.in = 256, .out = 256, .size = 14, .kernel = 3},
      {.in = 512, .out = 512, .size = 7, .kernel = 3},
  };
  for (ConvLayer layer : vgg16_layers()) {
    layer.count = 1;
    layers.push_back(layer);
  }
  return layers;
}

// Source: Sandler, Howard, Zhu, Zhmoginov, Chen, 2018, arXiv:1801.04381, table 2.
std::vector<ConvLayer> mobilenet_v2_layers() {
  struct Stage {
    std::int64_t expansion, out;
    int repeats;
    std::int64_t stride;
  };
  std::vector<ConvLayer> layers = {
      {.in = 3, .out = 32, .size = 224, .kernel = 3, .stride = 2, .first = true}};
  const auto add = [&layers](const ConvLayer& layer) {
    for (ConvLayer& known : layers) {
      if (known.in == layer.in && known.out == layer.out && known.size == layer.size &&
          known.stride == layer.stride && known.kernel == layer.kernel) {
        ++known.count;
        return;
      }
    }
    layers.push_back(layer);
  };
  std::int64_t in = 32;
  std::int64_t size = 112;
  for (const Stage& stage :
       {Stage{1, 16, 1, 1}, Stage{6, 24, 2, 2}, Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
        Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2}, Stage{6, 320, 1, 1}}) {
    for (int i = 0; i < stage.repeats; ++i) {
      const std::int64_t stride = i == 0 ? stage.stride : 1;
      const std::int64_t wide = in * stage.expansion;
      if (stage.expansion > 1) add({.in = in, .out = wide, .size = size});
      add({.in = wide, .out = wide, .size = size, .kernel = 3, .stride = stride, .groups = wide});
      size /= stride;
      add({.in = wide, .out = stage.out, .size = size});
      in = stage.out;
    }
  }
  add({.in = 320, .out = 1280, .size = 7});
  return layers;
}

std::vector<ConvLayer> lenet_layers() {
  return {{.in = 1, .out = 6, .size = 28, .kernel = 5, .first = true},
          {.in = 6, .out = 16, .size = 14, .kernel = 5, .padding = 0}};
}

ShapeCase conv_case(const std::string& set, const ConvLayer& l, Pass pass, std::int64_t batch) {
  const std::int64_t pad = l.padding < 0 ? l.kernel / 2 : l.padding;
  const std::int64_t out_size = (l.size + 2 * pad - l.kernel) / l.stride + 1;
  const Shape x{batch, l.in, l.size, l.size};
  const Shape w{l.out, l.in / l.groups, l.kernel, l.kernel};
  const Shape y{batch, l.out, out_size, out_size};
  std::string text =
      fmt::format("{}x{}x{} -> {} {}x{}", l.in, l.size, l.size, l.out, l.kernel, l.kernel);
  if (l.stride > 1) text += fmt::format(" s{}", l.stride);
  if (l.groups > 1) text += fmt::format(" g{}", l.groups);
  ShapeCase c{.set = set,
              .shape = text,
              .op = "conv2d",
              .pass = pass,
              .batch = batch,
              .in = {f32(x), f32(w)},
              .attributes = {{"strides", Ints{l.stride, l.stride}},
                             {"pads", Ints{pad, pad, pad, pad}},
                             {"group", l.groups}},
              .free_ports = true,
              .count = l.count};
  // Inference packs weights once; a training step has new ones each time.
  if (pass == Pass::forward) c.constant = {1};
  if (pass == Pass::backward_data) {
    c.op = "conv2d_backward_data";
    c.in = {f32(y), f32(w)};
    c.attributes.set("input_shape", x.dims());
  }
  if (pass == Pass::backward_filter) {
    c.op = "conv2d_backward_filter";
    c.in = {f32(x), f32(y)};
    c.attributes.set("weight_shape", w.dims());
  }
  return c;
}

// ---- The sets ----------------------------------------------------------------------------------

struct ShapeSet {
  const char* name;
  std::function<std::vector<Product>()> products;
  std::function<std::vector<ConvLayer>()> layers;
};

const std::vector<ShapeSet>& sets() {
  static const std::vector<ShapeSet> all = {
      {"gemm_square", square_products, nullptr},
      {"gemm_nets", net_products, nullptr},
      {"conv3x3", nullptr, layers_3x3},
      {"resnet50", nullptr, resnet50_layers},
      {"mobilenet_v2", nullptr, mobilenet_v2_layers},
      {"vgg16", nullptr, vgg16_layers},
      {"lenet", nullptr, lenet_layers},
      {"rest", nullptr, nullptr},
  };
  return all;
}

void append(std::vector<ShapeCase>& cases, const ShapeSet& set, std::span<const Pass> passes,
            std::span<const std::int64_t> batches) {
  for (const Pass pass : passes) {
    if (set.products && pass == Pass::forward) {
      for (const Product& p : set.products()) cases.push_back(product_case(set.name, p));
    }
    for (const std::int64_t batch : batches) {
      if (set.layers) {
        for (const ConvLayer& layer : set.layers()) {
          if (layer.first && pass == Pass::backward_data) continue;
          cases.push_back(conv_case(set.name, layer, pass, batch));
        }
      } else if (!set.products && pass == Pass::forward) {
        for (ShapeCase& c : rest_cases(set.name, batch)) cases.push_back(std::move(c));
      } else if (!set.products && pass == Pass::backward_data) {
        for (ShapeCase& c : rest_backward_cases(set.name, batch)) cases.push_back(std::move(c));
      }
    }
  }
}

}  // namespace

std::string_view to_string(Pass pass) {
  switch (pass) {
    case Pass::forward:
      return "forward";
    case Pass::backward_data:
      return "backward_data";
    case Pass::backward_filter:
      return "backward_filter";
  }
  return "";
}

std::vector<Pass> parse_passes(const std::string& text) {
  const std::vector<Pass> all = {Pass::forward, Pass::backward_data, Pass::backward_filter};
  if (text == "all") return all;
  std::vector<std::string> names = {"all"};
  for (const Pass pass : all) {
    names.emplace_back(to_string(pass));
    if (text == names.back()) return {pass};
  }
  const std::string near = suggestion(text, names);
  throw ArgumentError(fmt::format("there is no pass \"{}\"", text), "--pass",
                      near.empty() ? fmt::format("there are: {}", fmt::join(names, ", ")) : near);
}

std::vector<std::int64_t> parse_batches(const std::string& text, const std::string& option) {
  constexpr std::int64_t kMost = 4096;
  std::vector<std::int64_t> batches;
  for (const std::string& word : split(text, ',')) {
    const std::string number = trim(word);
    std::int64_t batch = 0;
    const auto end = number.data() + number.size();
    const auto [stop, error] = std::from_chars(number.data(), end, batch);
    if (error != std::errc() || stop != end || batch < 1 || batch > kMost) {
      throw ArgumentError(fmt::format("\"{}\" is no batch size", number), option,
                          fmt::format("give numbers from 1 to {}, joined by commas", kMost));
    }
    if (std::find(batches.begin(), batches.end(), batch) == batches.end()) {
      batches.push_back(batch);
    }
  }
  return batches;
}

std::vector<std::string> shape_set_names() {
  std::vector<std::string> names;
  for (const ShapeSet& set : sets()) names.emplace_back(set.name);
  return names;
}

std::vector<ShapeCase> shape_cases(const std::string& names, std::span<const Pass> passes,
                                   std::span<const std::int64_t> batches) {
  const std::vector<std::string> known = shape_set_names();
  std::vector<std::string> wanted;
  for (const std::string& word : split(names, ',')) {
    const std::string name = trim(word);
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const std::string near = suggestion(name, known);
      throw ArgumentError(
          fmt::format("there is no set \"{}\"", name), "--set",
          near.empty() ? fmt::format("there are: {}", fmt::join(known, ", ")) : near);
    }
    if (std::find(wanted.begin(), wanted.end(), name) == wanted.end()) wanted.push_back(name);
  }
  std::vector<ShapeCase> cases;
  for (const std::string& name : wanted) {
    const auto set = std::find(known.begin(), known.end(), name) - known.begin();
    append(cases, sets()[static_cast<std::size_t>(set)], passes, batches);
  }
  if (cases.empty()) {
    throw ArgumentError(fmt::format("{} has no such pass", fmt::join(wanted, ", ")), "--pass",
                        "give forward; only convolutions have others");
  }
  return cases;
}

std::string group_name(const ShapeCase& c) {
  return c.batch == 0 ? whole_group_name(c)
                      : fmt::format("{}, batch {}", whole_group_name(c), c.batch);
}

std::string whole_group_name(const ShapeCase& c) {
  return fmt::format("{} {}", c.set, to_string(c.pass));
}

Graph shape_graph(const ShapeCase& c, std::span<const Tensor> inputs) {
  Graph graph;
  Builder builder(graph);
  std::vector<ValueId> ids;
  for (std::size_t i = 0; i < c.in.size(); ++i) {
    const std::string name = fmt::format("x{}", i);
    if (std::find(c.constant.begin(), c.constant.end(), i) != c.constant.end()) {
      ids.push_back(builder.constant(inputs[i], name));
      continue;
    }
    GraphValue value{.name = name, .type = c.in[i], .role = Role::input, .data = {}};
    ids.push_back(graph.add_value(std::move(value)));
    graph.inputs.push_back(ids.back());
  }
  graph.outputs.push_back(builder.apply(c.op, ids, c.attributes));
  return graph;
}

Cost shape_cost(const ShapeCase& c) {
  // Costs depend on types alone: as inputs, large constants need no contents.
  ShapeCase types = c;
  types.constant.clear();
  const Graph graph = shape_graph(types, {});
  return graph.nodes.front().def->cost(view(graph, graph.nodes.front()));
}

}  // namespace pinnacle::bench
