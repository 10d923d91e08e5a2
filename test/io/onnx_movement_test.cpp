// Importing ONNX operators that move, pick and resample elements: results worked out by hand, and what
// files may ask for that is wrong or too much.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstring>
#include <pinnacle/error.hpp>
#include <pinnacle/onnx.hpp>

#include "onnx/model_maker.hpp"
#include "ops/host.hpp"
#include "ops/typed.hpp"

namespace pinnacle::test {
namespace {

using Attribute = std::pair<std::string, AttributeValue>;
using Ints = std::vector<std::int64_t>;

// One node whose inputs are all inputs of the model or, if they are fixed, weights.
struct Node {
  std::string op;
  std::vector<Tensor> in;
  std::vector<Attribute> attributes = {};
  std::size_t outputs = 1;
  std::int64_t opset = 21;
};

Graph import(const Node& node) {
  GraphMaker g;
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  for (std::size_t i = 0; i < node.in.size(); ++i) {
    inputs.push_back(fmt::format("x{}", i));
    const Shape& shape = node.in[i].shape();
    if (i == 0) {
      g.input("x0", std::vector<Dim>(shape.begin(), shape.end()), node.in[0].dtype());
    } else {
      g.weight(inputs.back(), node.in[i]);
    }
  }
  for (std::size_t i = 0; i < node.outputs; ++i) outputs.push_back(fmt::format("y{}", i));
  g.node(node.op, inputs, outputs, node.attributes);
  for (const std::string& output : outputs) g.output(output);
  const OnnxModel model = parse_onnx(bytes_of(model_of(g, node.opset)));
  OnnxBinding binding;
  if (!node.in.empty()) binding.contents["x0"] = node.in[0];
  return model.graph(binding);
}

std::vector<Array> run(const Node& node) {
  const Graph graph = import(node);
  std::map<ValueId, Array> values;
  for (const ValueId id : graph.inputs) values[id] = to_array(node.in[0]);
  run_on_host(graph, values);
  std::vector<Array> outputs;
  for (const ValueId id : graph.outputs) outputs.push_back(values.at(id));
  return outputs;
}

std::vector<double> first(const Node& node) { return run(node)[0].data; }

// That it throws an error of ours which names the operator.
void check_refused(const Node& node) {
  CAPTURE(node.op);
  try {
    import(node);
    FAIL_CHECK("was imported");
  } catch (const UnsupportedError& error) {
    std::string all;
    for (const std::string& item : error.items()) all += item;
    CHECK((all + error.what()).find(node.op) != std::string::npos);
  } catch (const Error& error) {
    CHECK(std::string(error.what()).size() > 10);
  }
}

}  // namespace

TEST_CASE("onnx movement: slices go to the end, backwards and in steps") {
  const Tensor x = counted(DType::f32, {2, 5});
  CHECK(first({"Slice",
               {x, i64_values({1}, {1}), i64_values({1}, {9e18}), i64_values({1}, {1}),
                i64_values({1}, {2})}}) == std::vector<double>{2, 4, 7, 9});
  CHECK(first({"Slice",
               {x, i64_values({2}, {-1, 9e18}), i64_values({2}, {-9e18, 0}),
                i64_values({2}, {0, 1}), i64_values({2}, {-1, -2})}}) ==
        std::vector<double>{10, 8, 5, 3});
  CHECK(run({"Slice", {x, i64_values({1}, {3}), i64_values({1}, {1})}})[0].shape == Shape{0, 5});
}

TEST_CASE("onnx movement: the largest integer stays large when constants are folded") {
  GraphMaker g;
  Tensor most({1}, DType::i64);
  const std::int64_t value = INT64_MAX;
  std::memcpy(most.bytes().data(), &value, sizeof(value));
  g.input("x", {5}).weight("end", most).weight("start", i64_values({1}, {2}));
  g.node("Concat", {"end"}, {"ends"}, {{"axis", std::int64_t{0}}});
  g.node("Reshape", {"ends", "shape"}, {"reshaped"});
  g.weight("shape", i64_values({1}, {-1}));
  g.node("Gather", {"reshaped", "zero"}, {"picked"});
  g.weight("zero", i64_values({1}, {0}));
  g.node("Slice", {"x", "start", "picked"}, {"y"}).output("y");
  const Graph graph = parse_onnx(bytes_of(model_of(g, 17))).graph();
  CHECK(graph.type(graph.outputs[0]).shape == Shape{3});
}

TEST_CASE("onnx movement: padding by a constant, a mirror, the border and around") {
  const Tensor x = counted(DType::f32, {3});
  const Tensor pads = i64_values({2}, {2, 3});
  const auto by = [](const char* mode) { return Attribute{"mode", std::string(mode)}; };
  CHECK(first({"Pad", {x, pads, f32_values({}, {7})}}) ==
        std::vector<double>{7, 7, 1, 2, 3, 7, 7, 7});
  CHECK(first({"Pad", {x, pads}, {by("reflect")}}) == std::vector<double>{3, 2, 1, 2, 3, 2, 1, 2});
  CHECK(first({"Pad", {x, pads}, {by("edge")}}) == std::vector<double>{1, 1, 1, 2, 3, 3, 3, 3});
  CHECK(first({"Pad", {x, pads}, {by("wrap")}}) == std::vector<double>{2, 3, 1, 2, 3, 1, 2, 3});
  CHECK(first({"Pad", {x, i64_values({2}, {-1, 1})}}) == std::vector<double>{2, 3, 0});
}

TEST_CASE("onnx movement: shapes with zeros mean what they say") {
  const Tensor nothing(Shape{2, 0, 3});
  CHECK(run({"Reshape", {nothing, i64_values({2}, {0, 3})}, {{"allowzero", std::int64_t{1}}}})[0]
            .shape == Shape{0, 3});
  CHECK(run({"Reshape", {nothing, i64_values({2}, {0, -1})}})[0].shape == Shape{2, 0});
}

TEST_CASE("onnx index: boxes that overlap a better one are left out") {
  const Tensor boxes = f32_values({1, 3, 4}, {0, 0, 1, 1, 0, 0.1, 1, 1.1, 2, 2, 3, 3});
  const Tensor scores = f32_values({1, 1, 3}, {0.5, 0.75, 0.25});
  CHECK(first({"NonMaxSuppression", {boxes, scores, i64_values({}, {3}), f32_values({}, {0.5})}}) ==
        std::vector<double>{0, 0, 1, 0, 0, 2});
  CHECK(run({"NonMaxSuppression", {boxes, scores}})[0].shape == Shape{0, 3});
}

TEST_CASE("onnx index: unique elements, in order and as they appear") {
  const Tensor x = f32_values({5}, {3, 1, 3, 2, 1});
  const auto sorted = run({.op = "Unique", .in = {x}, .outputs = 4});
  CHECK(sorted[0].data == std::vector<double>{1, 2, 3});
  CHECK(sorted[1].data == std::vector<double>{1, 3, 0});
  CHECK(sorted[2].data == std::vector<double>{2, 0, 2, 1, 0});
  CHECK(sorted[3].data == std::vector<double>{2, 1, 2});
  const auto found =
      run({.op = "Unique", .in = {x}, .attributes = {{"sorted", std::int64_t{0}}}, .outputs = 4});
  CHECK(found[0].data == std::vector<double>{3, 1, 2});
}

TEST_CASE("onnx index: an update of a cache wraps around") {
  const Tensor past = counted(DType::f32, {2, 3, 1});
  const Tensor update = f32_values({2, 2, 1}, {-1, -2, -3, -4});
  CHECK(first({.op = "TensorScatter",
               .in = {past, update, i64_values({2}, {2, 0})},
               .attributes = {{"mode", std::string("circular")}},
               .opset = 24}) == std::vector<double>{-2, 2, -1, -3, -4, 6});
}

TEST_CASE("onnx vision: resizing one axis") {
  const Tensor x = f32_values({1, 1, 1, 2}, {0, 4});
  const Tensor none(Shape{0});
  const Tensor twice = f32_values({4}, {1, 1, 1, 2});
  const auto with = [](const char* key, const char* value) {
    return Attribute{key, std::string(value)};
  };
  CHECK(first({"Resize", {x, none, twice}, {with("mode", "linear")}}) ==
        std::vector<double>{0, 1, 3, 4});
  CHECK(first({"Resize",
               {x, none, twice},
               {with("mode", "linear"), with("coordinate_transformation_mode", "asymmetric")}}) ==
        std::vector<double>{0, 2, 4, 4});
  CHECK(first({"Resize", {x, none, twice}}) == std::vector<double>{0, 0, 4, 4});
  const auto cropped =
      first({"Resize",
             {x, f32_values({8}, {0, 0, 0, -1, 1, 1, 1, 1}), none, i64_values({4}, {1, 1, 1, 3})},
             {with("mode", "linear"), with("coordinate_transformation_mode", "tf_crop_and_resize"),
              Attribute{"extrapolation_value", 9.0F}}});
  CHECK(cropped == std::vector<double>{9, 0, 4});
}

TEST_CASE("onnx movement: what is wrong or too much is refused") {
  const Tensor x = counted(DType::f32, {2, 6});
  const Tensor image = counted(DType::f32, {1, 4, 2, 2});
  const auto one = [](double value) { return i64_values({1}, {value}); };
  const auto integer = [](const char* key, std::int64_t value) { return Attribute{key, value}; };
  check_refused({"Reshape", {x, i64_values({2}, {5, -1})}});
  check_refused({"Reshape", {x, i64_values({2}, {-1, -1})}});
  check_refused({"Reshape", {x, i64_values({3}, {4e18, 4e18, 4e18})}});
  check_refused({"Slice", {x, one(0), one(2), one(0), one(0)}});
  check_refused({"Slice", {x, one(0), one(2), one(2)}});
  check_refused({"Transpose", {x}, {{"perm", Ints{0, 0}}}});
  check_refused({"Squeeze", {x, one(0)}});
  check_refused({"Unsqueeze", {x, i64_values({2}, {1, 1})}});
  check_refused({"Flatten", {x}, {integer("axis", 3)}});
  check_refused({"Split", {x, i64_values({2}, {1, 2})}, {}, 2});
  check_refused({"Split", {x, i64_values({2}, {-1, 3})}, {}, 2});
  check_refused({"Concat", {x, image}, {integer("axis", 0)}});
  check_refused({"Pad", {x, i64_values({4}, {0, 0, 0, 1e15})}});
  check_refused({"Pad", {x, i64_values({4}, {-3, 0, 0, 0})}});
  check_refused({"Pad", {x, i64_values({4}, {0, 0, 0, 1e12})}, {{"mode", std::string("edge")}}});
  check_refused({"Tile", {x, i64_values({2}, {1e18, 1e18})}});
  check_refused({"Tile", {x, i64_values({2}, {-1, 1})}});
  check_refused({"Expand", {x, i64_values({3}, {4e18, 2, 6})}});
  check_refused({"Expand", {x, i64_values({2}, {2, 5})}});
  check_refused({"ConstantOfShape", {i64_values({2}, {1e9, 1e9})}});
  check_refused({"ConstantOfShape", {i64_values({1}, {-1})}});
  check_refused({"Range", {i64_values({}, {0}), i64_values({}, {4e18}), i64_values({}, {1})}});
  check_refused({"Range", {i64_values({}, {0}), i64_values({}, {4}), i64_values({}, {0})}});
  check_refused({"DepthToSpace", {image}, {integer("blocksize", 0)}});
  check_refused({"DepthToSpace", {image}, {integer("blocksize", 3)}});
  check_refused({"SpaceToDepth", {image}, {integer("blocksize", std::int64_t{1} << 40)}});
  check_refused({"Gather", {x, one(0)}, {integer("axis", 2)}});
  check_refused({"GatherElements", {x, one(0)}});
  check_refused({"GatherND", {x, i64_values({1, 3}, {0, 0, 0})}});
  check_refused({"ScatterElements", {x, one(0), f32_values({1}, {0})}});
  check_refused({"ScatterND", {x, i64_values({1, 1}, {0}), f32_values({1, 5}, {0, 0, 0, 0, 0})}});
  check_refused({"TopK", {x, one(7)}, {}, 2});
  check_refused({"TopK", {x, one(-1)}, {}, 2});
  check_refused({"OneHot", {one(0), i64_values({}, {4e18}), f32_values({2}, {0, 1})}});
  check_refused({"Compress", {x, typed(DType::boolean, {3}, {0, 0, 1})}, {integer("axis", 0)}});
  check_refused({"Resize", {image, Tensor(Shape{0}), f32_values({4}, {1, 1, 1e12, 1e12})}});
  check_refused({"Resize", {image, Tensor(Shape{0}), f32_values({4}, {1, 1, 0, 1})}});
  check_refused({"Resize", {image, Tensor(Shape{0}), f32_values({2}, {1, 1})}});
  check_refused({"Resize",
                 {image, Tensor(Shape{0}), f32_values({4}, {1, 1, 1, 1e9})},
                 {{"mode", std::string("cubic")}}});
  check_refused({"RoiAlign",
                 {image, f32_values({1, 4}, {0, 0, 1, 1}), i64_values({1}, {0})},
                 {integer("output_height", std::int64_t{1} << 40)}});
}

}  // namespace pinnacle::test
