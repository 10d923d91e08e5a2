// Importing ONNX graphs: names, bindings, constants folded, functions and control flow unrolled, and the
// report of what cannot be imported.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstring>
#include <pinnacle/error.hpp>
#include <pinnacle/onnx.hpp>

#include "onnx/model_maker.hpp"
#include "ops/host.hpp"

namespace pinnacle::test {
namespace {

OnnxModel parse(GraphMaker& graph, std::int64_t opset = 17) {
  return parse_onnx(bytes_of(model_of(graph, opset)));
}

Tensor i64(std::vector<std::int64_t> values) {
  Tensor tensor({static_cast<std::int64_t>(values.size())}, DType::i64);
  std::memcpy(tensor.bytes().data(), values.data(), tensor.bytes().size());
  return tensor;
}

Tensor i64_scalar(std::int64_t value) { return i64({value}).reshaped({}); }

Tensor boolean(bool value) {
  Tensor tensor({}, DType::boolean);
  tensor.bytes()[0] = std::byte{value};
  return tensor;
}

// The outputs of a graph, by its host references.
std::vector<Array> run(const Graph& graph, const std::map<std::string, Array>& inputs) {
  std::map<ValueId, Array> values;
  for (const ValueId id : graph.inputs) values[id] = inputs.at(graph.value(id).name);
  run_on_host(graph, values);
  std::vector<Array> outputs;
  for (const ValueId id : graph.outputs) outputs.push_back(values.at(id));
  return outputs;
}

Array array(Shape shape, std::vector<double> data) {
  Array result(std::move(shape));
  result.data = std::move(data);
  return result;
}

}  // namespace

TEST_CASE("onnx import: ports, symbols and names are the file's") {
  GraphMaker g;
  g.input("image", {"batch", 3}).weight("w", Tensor({3}, {1, 2, 3}));
  g.node("Add", {"image", "w"}, {"sum"}).node("Relu", {"sum"}, {"result"});
  g.output("result", {"batch", 3});
  const OnnxModel model = parse(g);
  CHECK(model.opset() == 17);
  REQUIRE(model.inputs().size() == 1);
  CHECK(model.inputs()[0].name == "image");
  CHECK(*model.inputs()[0].dims == std::vector<std::int64_t>{-1, 3});
  CHECK(model.inputs()[0].symbols == std::vector<std::string>{"batch", ""});
  const Graph one = model.graph();
  CHECK(one.type(one.inputs[0]).shape == Shape{1, 3});
  const Graph graph = model.graph({.symbols = {{"batch", 2}}});
  CHECK(graph.value(graph.inputs[0]).name == "image");
  CHECK(graph.value(graph.outputs[0]).name == "result");
  CHECK(graph.type(graph.outputs[0]).shape == Shape{2, 3});
  CHECK(graph.find("w") != kNoValue);
  const auto y = run(graph, {{"image", array({2, 3}, {-1, -2, -4, 1, 1, 1})}});
  CHECK(y[0].data == std::vector<double>{0, 0, 0, 2, 3, 4});
  const Graph shaped = model.graph({.shapes = {{"image", Shape{5, 3}}}});
  CHECK(shaped.type(shaped.outputs[0]).shape == Shape{5, 3});
}

TEST_CASE("onnx import: bindings that make no sense say what there is") {
  GraphMaker g;
  g.input("image", {"batch", 3}).node("Relu", {"image"}, {"y"}).output("y");
  const OnnxModel model = parse(g);
  CHECK_THROWS_WITH_AS((void)model.graph({.symbols = {{"bach", 2}}}),
                       doctest::Contains("did you mean batch"), ArgumentError);
  CHECK_THROWS_WITH_AS((void)model.graph({.shapes = {{"imag", Shape{1, 3}}}}),
                       doctest::Contains("did you mean image"), ArgumentError);
  CHECK_THROWS_WITH_AS((void)model.graph({.shapes = {{"image", Shape{1, 4}}}}),
                       doctest::Contains("fixed to 3"), ShapeError);
  CHECK_THROWS_AS((void)model.graph({.shapes = {{"image", Shape{3}}}}), ShapeError);
  CHECK_THROWS_AS((void)model.graph({.symbols = {{"batch", -2}}}), ArgumentError);
  CHECK_THROWS_AS((void)model.graph({.contents = {{"image", i64({1, 2, 3})}}}), ArgumentError);
}

TEST_CASE("onnx import: what shapes are made of is computed at once") {
  GraphMaker g;
  g.input("x", {"n", 4}).weight("two", i64({2})).weight("axis", i64({0}));
  g.node("Shape", {"x"}, {"shape"}).weight("first", i64_scalar(0));
  g.node("Gather", {"shape", "first"}, {"n"}).node("Unsqueeze", {"n", "axis"}, {"n1"});
  g.node("Concat", {"n1", "two", "two"}, {"target"}, {{"axis", std::int64_t{0}}});
  g.node("Reshape", {"x", "target"}, {"y"}).output("y");
  const Graph graph = parse(g).graph({.symbols = {{"n", 3}}});
  CHECK(graph.nodes.size() == 1);
  CHECK(graph.type(graph.outputs[0]).shape == Shape{3, 2, 2});
}

TEST_CASE("onnx import: an input that decides a shape needs contents and becomes fixed") {
  GraphMaker g;
  g.input("x", {6}).input("shape", {2}, DType::i64).node("Reshape", {"x", "shape"}, {"y"});
  g.output("y");
  const OnnxModel model = parse(g);
  CHECK_THROWS_WITH_AS((void)model.graph(), doctest::Contains("OnnxBinding::contents"),
                       UnsupportedError);
  const Graph graph = model.graph({.contents = {{"shape", i64({2, 3})}}});
  CHECK(graph.inputs.size() == 1);
  CHECK(graph.type(graph.outputs[0]).shape == Shape{2, 3});
}

TEST_CASE("onnx import: outputs keep their names whatever they are") {
  GraphMaker g;
  g.input("x", {2}).weight("w", Tensor({2}, {7, 8}));
  g.node("Identity", {"x"}, {"same"}).node("Relu", {"x"}, {"r"}).node("Identity", {"r"}, {"again"});
  g.output("same").output("r").output("again").output("w").output("x");
  const Graph graph = parse(g).graph();
  std::vector<std::string> names;
  for (const ValueId id : graph.outputs) names.push_back(graph.value(id).name);
  CHECK(names == std::vector<std::string>{"same", "r", "again", "w", "x"});
  verify(graph);
}

TEST_CASE("onnx import: the branch that a known condition takes") {
  GraphMaker yes("yes");
  yes.node("Relu", {"x"}, {"a"}).output("a");
  GraphMaker no("no");
  no.node("Neg", {"x"}, {"b"}).output("b");
  GraphMaker g;
  g.input("x", {3}).input("c", {}, DType::boolean);
  g.node("If", {"c"}, {"y"}, {{"then_branch", yes.proto()}, {"else_branch", no.proto()}});
  g.output("y");
  const OnnxModel model = parse(g);
  const Array x = array({3}, {-1, 0, 2});
  CHECK(run(model.graph({.contents = {{"c", boolean(true)}}}), {{"x", x}})[0].data ==
        std::vector<double>{0, 0, 2});
  CHECK(run(model.graph({.contents = {{"c", boolean(false)}}}), {{"x", x}})[0].data ==
        std::vector<double>{1, 0, -2});
  CHECK_THROWS_AS((void)model.graph(), UnsupportedError);
}

TEST_CASE("onnx import: a loop is unrolled, with what it carries and what it stacks") {
  GraphMaker body("body");
  body.input("i", {}, DType::i64).input("go", {}, DType::boolean).input("s", {2});
  body.node("Add", {"s", "x"}, {"next"}).node("Identity", {"go"}, {"go_on"});
  body.node("Identity", {"next"}, {"row"}).output("go_on").output("next").output("row");
  GraphMaker g;
  g.input("x", {2}).weight("n", i64_scalar(3)).weight("zero", Tensor({2}, {0, 0}));
  g.node("Loop", {"n", "", "zero"}, {"sum", "rows"}, {{"body", body.proto()}});
  g.output("sum").output("rows");
  const auto y = run(parse(g).graph(), {{"x", array({2}, {1, 2})}});
  CHECK(y[0].data == std::vector<double>{3, 6});
  CHECK(y[1].shape == Shape{3, 2});
  CHECK(y[1].data == std::vector<double>{1, 2, 2, 4, 3, 6});
}

TEST_CASE("onnx import: a scan from the end") {
  GraphMaker body("body");
  body.input("s", {2}).input("row", {2}).node("Add", {"s", "row"}, {"next"});
  body.node("Identity", {"next"}, {"out"}).output("next").output("out");
  GraphMaker g;
  g.input("x", {3, 2}).weight("zero", Tensor({2}, {0, 0}));
  g.node("Scan", {"zero", "x"}, {"sum", "sums"},
         {{"body", body.proto()},
          {"num_scan_inputs", std::int64_t{1}},
          {"scan_input_directions", std::vector<std::int64_t>{1}}});
  g.output("sum").output("sums");
  const auto y = run(parse(g).graph(), {{"x", array({3, 2}, {1, 2, 3, 4, 5, 6})}});
  CHECK(y[0].data == std::vector<double>{9, 12});
  CHECK(y[1].data == std::vector<double>{5, 6, 8, 10, 9, 12});
}

TEST_CASE("onnx import: a function is taken apart, its attributes those of the call") {
  GraphMaker g;
  g.input("x", {2}).node("Leak", {"x"}, {"y"}, {{"slope", 0.5f}}).output("y");
  ::onnx::ModelProto model = model_of(g);
  model.mutable_graph()->mutable_node(0)->set_domain("mine");
  auto& set = *model.add_opset_import();
  set.set_domain("mine");
  set.set_version(1);
  ::onnx::FunctionProto& function = *model.add_functions();
  function.set_name("Leak");
  function.set_domain("mine");
  function.add_input("a");
  function.add_output("b");
  function.add_attribute("slope");
  *function.add_opset_import() = model.opset_import(0);
  ::onnx::NodeProto& node = *function.add_node();
  node.set_op_type("LeakyRelu");
  node.add_input("a");
  node.add_output("b");
  ::onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name("alpha");
  attribute.set_type(::onnx::AttributeProto::FLOAT);
  attribute.set_ref_attr_name("slope");
  const Graph graph = parse_onnx(bytes_of(model)).graph();
  CHECK(run(graph, {{"x", array({2}, {-4, 4})}})[0].data == std::vector<double>{-2, 4});
}

TEST_CASE("onnx import: one report names all nodes that cannot be imported") {
  GraphMaker g;
  g.input("x", {4, 4}).weight("w", Tensor({4, 4}, std::vector<float>(16, 1.0f)));
  g.node("MatMul", {"x", "w"}, {"a"}).node("Frobnicate", {"a"}, {"b"});
  g.node("Relu", {"b"}, {"c"}).node("Twist", {"c"}, {"d"}).node("Relu", {"x"}, {"e"});
  g.output("d").output("e");
  ::onnx::ModelProto model = model_of(g);
  set_type(*model.mutable_graph()->add_value_info(), "b", DType::f32, {4, 4});
  try {
    (void)parse_onnx(bytes_of(model)).graph();
    FAIL("there are no such operators");
  } catch (const UnsupportedError& error) {
    CAPTURE(error.what());
    REQUIRE(error.items().size() == 2);
    CHECK(error.items()[0].find("Frobnicate \"b\"") != std::string::npos);
    CHECK(error.items()[1].find("Twist \"d\"") != std::string::npos);
    CHECK(std::string(error.what()).find("% of the floating-point work") != std::string::npos);
  }
}

TEST_CASE("onnx import: endless loops and towers of constants end with a word") {
  GraphMaker body("body");
  body.input("i", {}, DType::i64).input("go", {}, DType::boolean).input("s", {2});
  body.node("Add", {"s", "s"}, {"next"}).output("go").output("next");
  GraphMaker g;
  g.input("x", {2}).weight("n", i64_scalar(std::int64_t{1} << 60));
  g.node("Loop", {"n", "", "x"}, {"y"}, {{"body", body.proto()}}).output("y");
  OnnxLimits limits;
  limits.nodes = 1000;
  CHECK_THROWS_WITH_AS((void)parse_onnx(bytes_of(model_of(g)), {}, limits).graph(),
                       doctest::Contains("OnnxLimits::nodes"), UnsupportedError);
}

}  // namespace pinnacle::test
