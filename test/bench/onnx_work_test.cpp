// The bench's model files: what --batch and --shape bind, the numbers made up, and when outputs agree.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <pinnacle/error.hpp>
#include <pinnacle/model.hpp>

#include <limits>

#include "bench/agreement.hpp"
#include "bench/onnx_work.hpp"
#include "io/onnx/proto.hpp"
#include "test_folder.hpp"

namespace pinnacle::bench {
namespace {

// A model that gives its inputs back: "x" with these extents; 0 stands for no name, text for a symbol.
OnnxModel model_with(const std::vector<std::vector<std::string>>& inputs) {
  ::onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  auto& graph = *model.mutable_graph();
  graph.set_name("test");
  for (const std::vector<std::string>& dims : inputs) {
    const std::string name = "x" + std::to_string(graph.input_size());
    const auto describe = [&](::onnx::ValueInfoProto& port, const std::string& port_name) {
      port.set_name(port_name);
      auto& type = *port.mutable_type()->mutable_tensor_type();
      type.set_elem_type(::onnx::TensorProto::FLOAT);
      type.mutable_shape();
      for (const std::string& dim : dims) {
        auto& target = *type.mutable_shape()->add_dim();
        if (dim == "?") continue;
        if (std::isdigit(static_cast<unsigned char>(dim[0])) != 0) {
          target.set_dim_value(std::stoll(dim));
        } else {
          target.set_dim_param(dim);
        }
      }
    };
    describe(*graph.add_input(), name);
    describe(*graph.add_output(), "y" + name);
    auto& node = *graph.add_node();
    node.set_op_type("Identity");
    node.add_input(name);
    node.add_output("y" + name);
  }
  const std::string bytes = model.SerializeAsString();
  return parse_onnx({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()});
}

}  // namespace

TEST_CASE("bench model: --batch binds what the file leaves open") {
  const OnnxBinding symbolic = bind_batch(model_with({{"N", "3", "H"}, {"N", "4"}}), 8);
  CHECK(symbolic.symbols.size() == 1);
  CHECK(symbolic.symbols.at("N") == 8);
  CHECK(symbolic.shapes.empty());
  const OnnxBinding open = bind_batch(model_with({{"?", "3", "?"}, {"5", "4"}}), 8);
  CHECK(open.shapes.size() == 1);
  CHECK(open.shapes.at("x0") == Shape({8, 3, 1}));
  CHECK(bind_batch(model_with({{"8", "3"}}), 8).shapes.empty());
  CHECK_THROWS_WITH_AS(bind_batch(model_with({{"1", "3"}}), 8),
                       doctest::Contains("input \"x0\" is fixed at 1"), ArgumentError);
  CHECK_THROWS_WITH_AS(bind_batch(model_with({{"?", "H"}}), 8), doctest::Contains("--shape x0=8x"),
                       ArgumentError);
}

TEST_CASE("bench model: --shape") {
  const OnnxModel one = model_with({{"?", "?"}});
  CHECK(parse_input_shape("x0=2x3", one.inputs()) == std::pair(std::string("x0"), Shape({2, 3})));
  CHECK(parse_input_shape("7", one.inputs()) == std::pair(std::string("x0"), Shape({7})));
  for (const char* text : {"", "x0=", "x0=2x", "x0=2,3", "x0=-1x3", "x0=2x99999999999999999999"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(parse_input_shape(text, one.inputs()), doctest::Contains("x0=1x3x224x224"),
                         ArgumentError);
  }
  CHECK_THROWS_WITH_AS(parse_input_shape("picture=1", one.inputs()),
                       doctest::Contains("there are: x0"), ArgumentError);
  CHECK_THROWS_WITH_AS(parse_input_shape("1x2", model_with({{"?"}, {"?"}}).inputs()),
                       doctest::Contains("names no input"), ArgumentError);
}

TEST_CASE("bench model: made-up inputs repeat, and are valid as masks") {
  const TensorType real{{3, 5}, DType::f32};
  CHECK(made_up("x", real) == made_up("x", real));
  CHECK(!(made_up("x", real) == made_up("z", real)));
  const Tensor numbers = made_up("x", real);
  for (const float value : numbers.f32()) CHECK(std::abs(value) <= 1);
  const Tensor mask = made_up("mask", {{4, 5}, DType::i32});
  for (std::size_t i = 0; i < 20; ++i) {
    CHECK((mask.i32()[i] == 0 || mask.i32()[i] == 1));
    if (i % 5 == 0) CHECK(mask.i32()[i] == 1);
  }
  CHECK(made_up("empty", {{0, 5}, DType::f16}).elements() == 0);
}

TEST_CASE("bench model: when tensors agree") {
  const Tensor wanted({3}, {1, -100, 0});
  CHECK(compare(wanted, wanted, {}).within);
  const Agreement near = compare(Tensor({3}, {1.005f, -100.05f, 0.01f}), wanted, {});
  CHECK(near.within);  // 0.01 is 1e-4 of the largest
  CHECK(near.scale == 100);
  CHECK(near.largest == doctest::Approx(0.05).epsilon(1e-3));
  const Agreement far = compare(Tensor({3}, {1, -101, 0.02f}), wanted, {});
  CHECK(!far.within);
  CHECK(far.element == 1);
  CHECK(!compare(Tensor({3}, {1, -100, 0.01f}), wanted, {.relative = 0, .absolute = 0.001}).within);
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(compare(Tensor({1}, {nan}), Tensor({1}, {nan}), {}).within);
  CHECK(!compare(Tensor({1}, {nan}), Tensor({1}, {0.0f}), {}).within);
  CHECK(compare(Tensor(Shape{2}), wanted, {}).problem == "is f32[2], expected f32[3]");
  const std::int32_t a[] = {1000000}, b[] = {1000001};
  CHECK(!compare(Tensor({1}, a), Tensor({1}, b), {}).within);
  CHECK(describe_range(Tensor({3}, {nan, -2, 5})) == "f32[3] in [-2.000, 5.000], 1 not finite");
}

}  // namespace pinnacle::bench
