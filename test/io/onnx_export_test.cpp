// Writing ONNX: the document, read back with the official definitions, says what the network is.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <pinnacle/error.hpp>
#include <pinnacle/functions.hpp>
#include <pinnacle/onnx.hpp>
#include <pinnacle/session.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "bench/nets.hpp"
#include "io/onnx/exporter.hpp"
#include "io/onnx/proto.hpp"
#include "io/onnx_nets.hpp"
#include "test_folder.hpp"

namespace pinnacle {
namespace {

::onnx::ModelProto parsed(const std::string& bytes) {
  ::onnx::ModelProto model;
  REQUIRE(model.ParseFromString(bytes));
  return model;
}

::onnx::ModelProto written(const Graph& graph) {
  const test::Folder folder;
  save_onnx(graph, folder / "graph.onnx");
  return parsed(folder.read("graph.onnx"));
}

::onnx::ModelProto written(const Model& model) {
  const test::Folder folder;
  model.save(folder / "model.onnx");
  return parsed(folder.read("model.onnx"));
}

// "x [batch, 1, 28, 28]"
std::string text(const ::onnx::ValueInfoProto& port) {
  std::string dims;
  for (const auto& dim : port.type().tensor_type().shape().dim()) {
    dims += dims.empty() ? "" : ", ";
    dims += dim.has_dim_value()   ? std::to_string(dim.dim_value())
            : dim.has_dim_param() ? dim.dim_param()
                                  : "?";
  }
  return port.name() + " [" + dims + "]";
}

// "Conv Tanh MaxPool ..."
std::string operators(const ::onnx::ModelProto& model) {
  std::string list;
  for (const auto& node : model.graph().node()) {
    list += (list.empty() ? "" : " ") + node.op_type();
  }
  return list;
}

// Every name is made once, before it is used: what ONNX asks of a graph.
void check_names(const ::onnx::GraphProto& graph) {
  std::set<std::string> made;
  const auto make = [&](const std::string& name) {
    CHECK_MESSAGE(made.insert(name).second, name);
    CHECK(!name.empty());
  };
  for (const auto& input : graph.input()) make(input.name());
  for (const auto& weight : graph.initializer()) make(weight.name());
  std::set<std::string> node_names;
  for (const auto& node : graph.node()) {
    CHECK_MESSAGE(node_names.insert(node.name()).second, node.name());
    for (const auto& name : node.input()) CHECK_MESSAGE(made.contains(name), name);
    for (const auto& name : node.output()) make(name);
  }
  for (const auto& output : graph.output())
    CHECK_MESSAGE(made.contains(output.name()), output.name());
}

Graph graph_of(const Layer& layer, const Shape& x) {
  Network network(false, 1);
  Graph& graph = network.graph();
  const ValueId id =
      graph.add_value({.name = "x", .type = {x, DType::f32}, .role = Role::input, .data = nullptr});
  graph.inputs.push_back(id);
  graph.outputs.push_back(layer(Value(network, id)).id());
  return std::move(graph);
}

}  // namespace

TEST_CASE("onnx export: LeNet keeps its names, with a symbolic batch") {
  const Model lenet(bench::find_net("lenet").layer, {{1, 28, 28}, DType::f32});
  const ::onnx::ModelProto model = written(lenet);
  CHECK(model.ir_version() == 8);
  REQUIRE(model.opset_import_size() == 1);
  CHECK(model.opset_import(0).version() == 17);
  const ::onnx::GraphProto& graph = model.graph();
  check_names(graph);
  REQUIRE(graph.input_size() == 1);
  REQUIRE(graph.output_size() == 1);
  CHECK(text(graph.input(0)) == "x [batch, 1, 28, 28]");
  CHECK(text(graph.output(0)) == "y [batch, 10]");
  CHECK(operators(model) ==
        "Conv Tanh MaxPool Conv Tanh MaxPool Flatten MatMul Add Tanh MatMul Add Tanh MatMul Add");
  std::map<std::string, const ::onnx::TensorProto*> weights;
  for (const auto& weight : graph.initializer()) weights[weight.name()] = &weight;
  CHECK(weights.size() == lenet.weights().size());
  for (const auto& [name, weight] : lenet.weights()) {
    REQUIRE_MESSAGE(weights.contains(name), name);
    const ::onnx::TensorProto& proto = *weights[name];
    CHECK(std::vector<std::int64_t>(proto.dims().begin(), proto.dims().end()) ==
          weight.shape().dims());
    CHECK(proto.raw_data() ==
          std::string(reinterpret_cast<const char*>(weight.bytes().data()), weight.bytes().size()));
  }
}

TEST_CASE("onnx export: all nets are written, and written again to the same bytes") {
  const test::Folder folder;
  for (const test::NamedNet& net : test::onnx_nets()) {
    CAPTURE(net.name);
    const Model model = test::make_model(net);
    model.save(folder / "a.onnx");
    model.save(folder / "b.ONNX");
    CHECK(folder.read("a.onnx") == folder.read("b.ONNX"));
    const ::onnx::ModelProto proto = parsed(folder.read("a.onnx"));
    check_names(proto.graph());
    CHECK(proto.graph().input(0).type().tensor_type().shape().dim(0).dim_param() == "batch");
    CHECK(proto.graph().output(0).type().tensor_type().shape().dim(0).dim_param() == "batch");
  }
}

TEST_CASE("onnx export: what is read again computes the same, and is written alike") {
  const test::Folder folder;
  const Device host = Device::host();
  for (const test::NamedNet& net : test::onnx_nets()) {
    CAPTURE(net.name);
    const Model model = test::make_model(net);
    model.save(folder / "a.onnx");
    const Graph graph =
        load(folder / "a.onnx").graph({.symbols = {{"batch", 3}}, .shapes = {}, .contents = {}});
    REQUIRE(graph.inputs.size() == 1);
    const Tensor x = test::some_numbers(graph.type(graph.inputs[0]).shape);
    CHECK(x.shape()[0] == 3);
    const Tensor wanted = compile(model, host, 3)(x);
    const Tensor got = compile(graph, host)(x);
    REQUIRE(got.type() == wanted.type());
    for (std::size_t i = 0; i < got.f32().size(); ++i) {
      CHECK(got.f32()[i] == doctest::Approx(wanted.f32()[i]).epsilon(1e-4));
    }
    save_onnx(graph, folder / "b.onnx");
    save_onnx(load(folder / "b.onnx").graph(), folder / "c.onnx");
    const ::onnx::ModelProto b = parsed(folder.read("b.onnx"));
    const ::onnx::ModelProto c = parsed(folder.read("c.onnx"));
    CHECK(operators(b) == operators(c));
    CHECK(b.graph().initializer_size() == c.graph().initializer_size());
    CHECK(text(b.graph().input(0)) == text(c.graph().input(0)));
    CHECK(text(b.graph().output(0)) == text(c.graph().output(0)));
  }
}

TEST_CASE("onnx export: an attribute that is not known is not passed over") {
  const Layer odd = [](Value x) {
    return apply("softmax", {x}, {{"axis", std::int64_t{1}}, {"temperature", 2.0}});
  };
  CHECK_THROWS_WITH_AS(written(graph_of(odd, {2, 3})), doctest::Contains("temperature"),
                       UnsupportedError);
}

TEST_CASE("onnx export: extents that follow the batch") {
  // A reshape that -1 and 0 do not express: batch and its double, both away from their place.
  const Layer doubled = [](Value x) {
    const int n = static_cast<int>(x.shape()[0]);
    return reshape(reshape(x, {2, n * 2, n, 1}), {n, -1});
  };
  const auto build = [&](std::int64_t n) { return graph_of(doubled, {n, 4 * n}); };
  const Graph graph = build(1);
  const onnx::OtherBatch other{.graph = build(4), .batch = 1, .other_batch = 4};
  // 4 n n elements: the extent 4 n is linear, and so are all others.
  REQUIRE(onnx::follows_batch(graph, other));
  const test::Folder folder;
  onnx::write_model(graph, &other, folder / "a.onnx");
  const ::onnx::ModelProto model = parsed(folder.read("a.onnx"));
  check_names(model.graph());
  CHECK(operators(model) == "Shape Mul Concat Reshape Mul Concat Reshape");
  CHECK(text(model.graph().input(0)) == "x [batch, ?]");

  SUBCASE("a network that is another for each batch is written for one") {
    const Layer scaled = [](Value x) { return x * (1.0f / static_cast<float>(x.shape()[0])); };
    CHECK(text(written(Model(scaled, {{3}, DType::f32})).graph().input(0)) == "x [1, 3]");
    const Layer longer = [](Value x) { return x.shape()[0] > 1 ? relu(relu(x)) : relu(x); };
    CHECK(text(written(Model(longer, {{3}, DType::f32})).graph().input(0)) == "x [1, 3]");
  }
}

TEST_CASE("onnx export: composites by their formula") {
  CHECK(operators(written(graph_of(Layer(gelu), {2, 3}))) == "Mul Erf Add Mul Mul");
  CHECK(operators(written(graph_of(Layer(silu), {2, 3}))) == "Sigmoid Mul");
  const Layer square = [](Value x) { return apply("square", {x}); };
  CHECK(operators(written(graph_of(square, {2, 3}))) == "Mul");
  // A fused chain: sigmoid(x0) is computed once, and the operand that only widens is respected.
  const Layer chain = [](Value x) {
    const Value wide = apply("expand", {x}, {{"shape", Attributes::Ints{4, 2, 3}}});
    return apply("pointwise", {x, wide},
                 {{"expression", std::string("add(sigmoid(x0), mul(sigmoid(x0), 2))")}});
  };
  const ::onnx::ModelProto model = written(graph_of(chain, {2, 3}));
  CHECK(operators(model) == "Expand Sigmoid Mul Add Expand");
  CHECK(text(model.graph().output(0)).ends_with("[4, 2, 3]"));
}

TEST_CASE("onnx export: bias, transposition and epilogue of fused nodes") {
  const Layer product = [](Value x) {
    Network& network = x.network();
    const Value w = parameter(network, "fc", "weight", {5, 3}, {});
    const Value b = parameter(network, "fc", "bias", {5}, {});
    const Value r = parameter(network, "fc", "residual", {2, 5}, {});
    return apply(
        "matmul", {x, w, b, r},
        {{"transpose_b", std::int64_t{1}}, {"epilogue", std::string("relu(add(x0, x1))")}});
  };
  const ::onnx::ModelProto model = written(graph_of(product, {2, 3}));
  CHECK(operators(model) == "Gemm Add Relu");
  CHECK(model.graph().node(0).attribute_size() == 1);
  CHECK(model.graph().node(0).attribute(0).name() == "transB");
  check_names(model.graph());
  const Layer turned = [](Value x) {
    return apply("matmul", {x, x}, {{"transpose_a", std::int64_t{1}}});
  };
  CHECK(operators(written(graph_of(turned, {2, 3, 3}))) == "Transpose MatMul");
}

TEST_CASE("onnx export: outputs that no node makes, or twice, get their own") {
  Graph graph = graph_of(Layer(relu), {2});
  graph.value(graph.outputs[0]).name = "y";
  graph.outputs.push_back(graph.outputs[0]);
  graph.outputs.push_back(graph.inputs[0]);
  const ::onnx::ModelProto model = written(graph);
  check_names(model.graph());
  CHECK(operators(model) == "Relu Identity Identity");
  REQUIRE(model.graph().output_size() == 3);
  CHECK(model.graph().output(0).name() == "y");
  CHECK(model.graph().output(1).name() == "y_2");
  CHECK(model.graph().output(2).name() == "x_2");
}

TEST_CASE("onnx export: what serves training alone is left out") {
  Network network(true, 1);
  Graph& graph = network.graph();
  const auto input = [&](const char* name, TensorType type) {
    const ValueId id =
        graph.add_value({.name = name, .type = type, .role = Role::input, .data = nullptr});
    graph.inputs.push_back(id);
    return Value(network, id);
  };
  const Value x = input("x", {{4, 3}, DType::f32});
  const Value labels = input("labels", {{4}, DType::i32});
  const Value scores = (batch_norm() | dense(2))(x);
  const Value loss = softmax_cross_entropy(scores, labels);
  update(steps(network), steps(network) + 1.0f);
  graph.outputs = {scores.id()};
  const ::onnx::ModelProto inference = written(graph);
  CHECK(operators(inference) == "BatchNormalization MatMul Add");
  REQUIRE(inference.graph().input_size() == 1);
  CHECK(inference.graph().input(0).name() == "x");

  graph.outputs = {loss.id(), accuracy(scores, labels).id()};
  const ::onnx::ModelProto losses = written(graph);
  check_names(losses.graph());
  CHECK(operators(losses) ==
        "BatchNormalization MatMul Add SoftmaxCrossEntropyLoss ArgMax Cast Equal Cast ReduceMean");
  CHECK(losses.graph().input_size() == 2);
}

TEST_CASE("onnx export: all that cannot be written is named, and no file is left") {
  Network network(true, 1);
  Graph& graph = network.graph();
  const ValueId id = graph.add_value(
      {.name = "x", .type = {{4, 3}, DType::f32}, .role = Role::input, .data = nullptr});
  graph.inputs.push_back(id);
  const Value x(network, id);
  const Value dropped = relu(dropout(0.5)(x));
  const Value tangent =
      apply("pointwise", {x}, {{"expression", std::string("mul(x0, tanh.da(x0))")}});
  graph.outputs = {dropped.id(), tangent.id()};
  const test::Folder folder;
  folder.write("a.onnx", "as it was");
  try {
    save_onnx(graph, folder / "a.onnx");
    FAIL("written");
  } catch (const UnsupportedError& error) {
    REQUIRE(error.items().size() == 2);
    CHECK(error.items()[0].find("dropout \"dropout_1") != std::string::npos);
    CHECK(error.items()[1].find("tanh.da") != std::string::npos);
  }
  CHECK(folder.read("a.onnx") == "as it was");
  CHECK_THROWS_AS(save_onnx(graph_of(Layer(relu), {1}), folder / "none" / "a.onnx"), FileError);
}

}  // namespace pinnacle
