// Model files that are damaged, made up to do harm, or something else: each ends soon in a typed error that
// says what is wrong, and none in a crash.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <pinnacle/error.hpp>
#include <pinnacle/onnx.hpp>
#include <typeinfo>

#include "onnx/model_maker.hpp"
#include "test_folder.hpp"

namespace pinnacle::test {
namespace {

using ::onnx::ModelProto;

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

Tensor i64(std::vector<std::int64_t> values) {
  Tensor tensor({static_cast<std::int64_t>(values.size())}, DType::i64);
  std::memcpy(tensor.bytes().data(), values.data(), tensor.bytes().size());
  return tensor;
}

// "" if it is imported. verify() throws the base class: a graph that we made wrongly.
std::string import_problem(std::span<const std::byte> bytes, const OnnxLimits& limits = {}) {
  try {
    verify(parse_onnx(bytes, {}, limits).graph());
  } catch (const Error& error) {
    CHECK_FALSE(typeid(error) == typeid(Error));
    CHECK(std::strlen(error.what()) > 10);
    return error.what();
  }
  return "";
}

std::string import_problem(const ModelProto& model, const OnnxLimits& limits = {}) {
  return import_problem(as_bytes(model.SerializeAsString()), limits);
}

// A network with a bit of everything: a weight, attributes, a subgraph, a constant.
ModelProto small_model() {
  GraphMaker yes("yes");
  yes.node("Flatten", {"s"}, {"a"}).output("a");
  GraphMaker no("no");
  no.node("Identity", {"s"}, {"b"}).output("b");
  GraphMaker g;
  g.input("x", {"n", 2, 4, 4}).weight("w", Tensor({1, 2, 3, 3}, std::vector<float>(18, 0.5f)));
  g.weight("target", i64({-1, 8}));
  Tensor condition({}, DType::boolean);
  condition.bytes()[0] = std::byte{1};
  g.weight("c", condition);
  g.node("Conv", {"x", "w"}, {"y"},
         {{"kernel_shape", std::vector<std::int64_t>{3, 3}},
          {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}});
  g.node("Reshape", {"y", "target"}, {"r"})
      .node("Transpose", {"r"}, {"s"}, {{"perm", std::vector<std::int64_t>{1, 0}}});
  g.node("If", {"c"}, {"z"}, {{"then_branch", yes.proto()}, {"else_branch", no.proto()}});
  g.output("z", {8, 2});
  return model_of(g);
}

}  // namespace

TEST_CASE("onnx document: the small model of these tests is a good one") {
  CHECK(import_problem(small_model()) == "");
}

TEST_CASE("onnx document: a file that ends too early") {
  const std::string good = small_model().SerializeAsString();
  for (std::size_t length = 0; length < good.size(); ++length) {
    CAPTURE(length);
    CHECK_THROWS_AS((void)parse_onnx(as_bytes(good.substr(0, length))), ParseError);
  }
}

TEST_CASE("onnx document: a file with single bits turned over") {
  const std::string good = small_model().SerializeAsString();
  OnnxLimits limits;
  limits.weight_bytes = 1 << 24;
  limits.nodes = 1000;
  limits.fold_flop = 1e6;
  int refused = 0;
  for (std::size_t i = 0; i < good.size() * 8; ++i) {
    std::string bad = good;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ (1 << i % 8));
    CAPTURE(i);
    if (!import_problem(as_bytes(bad), limits).empty()) ++refused;
  }
  CHECK(refused > 1000);  // the others are names, weights and what is not looked at
}

TEST_CASE("onnx document: what a file is instead") {
  const Folder folder;
  const std::pair<std::string, const char*> cases[] = {
      {"", "empty"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS pointer"},
      {std::string("PK\x03\x04\x14\0\0\0", 8), "zip archive"},
      {"<!DOCTYPE html><html></html>", "web page"},
      {std::string("\x40\0\0\0\0\0\0\0{\"a\":1}", 15), "safetensors"},
      {"garbage", "damaged or something else"},
  };
  for (const auto& [contents, hint] : cases) {
    folder.write("m.onnx", contents);
    CHECK_THROWS_WITH_AS((void)load(folder / "m.onnx"), doctest::Contains(hint), ParseError);
    CHECK_THROWS_WITH_AS((void)load(folder / "m.onnx"), doctest::Contains("m.onnx"), ParseError);
  }
  CHECK_THROWS_AS((void)load(folder / "missing.onnx"), FileError);
  CHECK_THROWS_AS((void)load(folder.path()), FileError);
  CHECK_THROWS_WITH_AS((void)load("/dev/zero"), doctest::Contains("no regular file"), FileError);
}

TEST_CASE("onnx document: a file beyond the limit is not read") {
  const Folder folder;
  folder.write("m.onnx", small_model().SerializeAsString());
  OnnxLimits limits;
  limits.file_bytes = 100;
  CHECK_THROWS_WITH_AS((void)load(folder / "m.onnx", limits), doctest::Contains("the limit is 100"),
                       UnsupportedError);
  CHECK_THROWS_AS((void)parse_onnx(as_bytes(folder.read("m.onnx")), {}, limits), UnsupportedError);
}

TEST_CASE("onnx document: operator sets") {
  const auto with_opset = [](std::int64_t version) {
    ModelProto model = small_model();
    model.mutable_opset_import(0)->set_version(version);
    return model;
  };
  for (const std::int64_t version :
       {std::int64_t{0}, std::int64_t{-3}, std::int64_t{29}, std::int64_t{1} << 40}) {
    CHECK(import_problem(with_opset(version)).find("known are 1 to 28") != std::string::npos);
  }
  ModelProto none = small_model();
  none.clear_opset_import();
  CHECK(import_problem(none).find("imports no operator set") != std::string::npos);
  ModelProto more = small_model();  // as scikit-learn's converters do, and no node is of it
  auto& ml = *more.add_opset_import();
  ml.set_domain("ai.onnx.ml");
  ml.set_version(3);
  CHECK(import_problem(more) == "");
  more.mutable_graph()->mutable_node(0)->set_domain("ai.onnx.ml");
  CHECK(import_problem(more).find("another operator set") != std::string::npos);
}

TEST_CASE("onnx document: graphs that are no graphs") {
  struct Case {
    const char* problem;
    std::function<void(ModelProto&)> damage;
  };
  const auto graph = [](ModelProto& m) -> ::onnx::GraphProto& { return *m.mutable_graph(); };
  const Case cases[] = {
      {"uses \"r\"", [&](ModelProto& m) { graph(m).mutable_node()->SwapElements(1, 2); }},
      {"may have a cycle", [&](ModelProto& m) { graph(m).mutable_node(0)->set_input(0, "z"); }},
      {"uses \"nobody\"", [&](ModelProto& m) { graph(m).mutable_node(1)->set_input(0, "nobody"); }},
      {"makes \"y\", which there is already",
       [&](ModelProto& m) { graph(m).mutable_node(1)->set_output(0, "y"); }},
      {"makes \"x\", which there is already",
       [&](ModelProto& m) { graph(m).mutable_node(1)->set_output(0, "x"); }},
      {"initializer \"w\" is there twice",
       [&](ModelProto& m) { *graph(m).add_initializer() = graph(m).initializer(0); }},
      {"input \"x\" is there twice",
       [&](ModelProto& m) { *graph(m).add_input() = graph(m).input(0); }},
      {"output \"z\" is there twice",
       [&](ModelProto& m) { *graph(m).add_output() = graph(m).output(0); }},
      {"made by no node", [&](ModelProto& m) { graph(m).mutable_output(0)->set_name("q"); }},
      {"input has no name", [&](ModelProto& m) { graph(m).mutable_input(0)->clear_name(); }},
      {"initializer has no name",
       [&](ModelProto& m) { graph(m).mutable_initializer(0)->clear_name(); }},
      {"sparse", [&](ModelProto& m) { graph(m).add_sparse_initializer(); }},
      {"no ONNX model", [](ModelProto& m) { m.clear_graph(); }},
  };
  for (const Case& c : cases) {
    ModelProto model = small_model();
    c.damage(model);
    const std::string problem = import_problem(model);
    CAPTURE(problem);
    CHECK_MESSAGE(problem.find(c.problem) != std::string::npos, c.problem);
  }
}

TEST_CASE("onnx document: functions that reach themselves, and towers of calls") {
  const auto function = [](ModelProto& model, const std::string& name, const std::string& calls,
                           int times = 1) {
    ::onnx::FunctionProto& made = *model.add_functions();
    made.set_domain("mine");
    made.set_name(name);
    made.add_input("a");
    *made.add_opset_import() = model.opset_import(0);
    std::string last = "a";
    for (int i = 0; i < times; ++i) {
      ::onnx::NodeProto& node = *made.add_node();
      node.set_op_type(calls);
      if (calls != "Flatten") node.set_domain("mine");
      node.add_input(last);
      node.add_output(last = "b" + std::to_string(i));
    }
    made.add_output(last);
  };
  const auto calling = [](const std::string& name) {
    GraphMaker g;
    g.input("x", {2}).node(name, {"x"}, {"y"}).output("y");
    ModelProto model = model_of(g);
    model.mutable_graph()->mutable_node(0)->set_domain("mine");
    auto& set = *model.add_opset_import();
    set.set_domain("mine");
    set.set_version(1);
    return model;
  };
  ModelProto self = calling("F");
  function(self, "F", "F");
  CHECK(import_problem(self).find("\"F\" calls itself") != std::string::npos);
  ModelProto pair = calling("F");
  function(pair, "F", "G");
  function(pair, "G", "F");
  CHECK(import_problem(pair).find("calls itself") != std::string::npos);
  ModelProto twice = calling("F");
  function(twice, "F", "Flatten");
  CHECK(import_problem(twice) == "");
  function(twice, "F", "Flatten");
  CHECK(import_problem(twice).find("\"F\" is there twice") != std::string::npos);
  ModelProto deep = calling("F0");
  for (int i = 0; i < 40; ++i) function(deep, "F" + std::to_string(i), "F" + std::to_string(i + 1));
  function(deep, "F40", "Flatten");
  CHECK(import_problem(deep).find("more than 32 deep") != std::string::npos);
  ModelProto wide = calling("F0");  // 10^9 nodes when taken apart
  for (int i = 0; i < 9; ++i) {
    function(wide, "F" + std::to_string(i), i == 8 ? "Flatten" : "F" + std::to_string(i + 1), 10);
  }
  OnnxLimits limits;
  limits.nodes = 5000;
  CHECK(import_problem(wide, limits).find("OnnxLimits::nodes") != std::string::npos);
}

TEST_CASE("onnx document: graphs nested deeply") {
  for (const int depth : {40, 80, 5000}) {
    GraphMaker inner("inner");
    inner.node("Flatten", {"x"}, {"v"}).output("v");
    ::onnx::GraphProto graph = inner.proto();
    for (int i = 0; i < depth; ++i) {
      GraphMaker outer("outer");
      outer.node("If", {"c"}, {"v"});
      ::onnx::AttributeProto& branch = *outer.proto().mutable_node(0)->add_attribute();
      branch.set_name("then_branch");
      branch.set_type(::onnx::AttributeProto::GRAPH);
      branch.mutable_g()->Swap(&graph);
      outer.output("v");
      graph.Swap(&outer.proto());
    }
    GraphMaker g;
    g.input("x", {2}).input("c", {}, DType::boolean);
    ModelProto model = model_of(g);
    for (const auto& node : graph.node()) *model.mutable_graph()->add_node() = node;
    *model.mutable_graph()->add_output() = graph.output(0);
    const std::string problem = import_problem(model);
    CAPTURE(depth);
    CHECK((problem.find("nested deeper") != std::string::npos ||
           problem.find("is no ONNX model") != std::string::npos));
  }
}

TEST_CASE("onnx document: a million nodes") {
  ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  for (int i = 0; i < 1'000'000; ++i) model.mutable_graph()->add_node()->set_op_type("Flatten");
  CHECK(import_problem(model).find("more than 200000 nodes") != std::string::npos);
}

TEST_CASE("onnx document: long names and control characters do not get into messages") {
  const std::string escape = "\x1b[2J\x07";
  const auto check = [](const std::string& problem) {
    CHECK(problem != "");
    CHECK(problem.size() < 10'000);
    for (const char c : problem) CHECK((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
  };
  for (const std::string& text : {escape, std::string(4000, 'n'), std::string(3 << 20, 'x')}) {
    ModelProto model = small_model();
    model.mutable_graph()->mutable_node(1)->set_input(0, text);
    check(import_problem(model));
    model = small_model();
    model.mutable_graph()->mutable_node(1)->set_op_type(text);
    check(import_problem(model));
    model = small_model();
    model.mutable_graph()->mutable_node(1)->set_domain(text);
    check(import_problem(model));
    model = small_model();
    model.mutable_graph()->mutable_node(1)->set_name(text);
    model.mutable_graph()->mutable_node(1)->clear_input();
    check(import_problem(model));
    model = small_model();
    model.mutable_graph()->mutable_initializer(0)->set_name(text);
    model.mutable_graph()->mutable_initializer(0)->clear_raw_data();
    check(import_problem(model));
    model = small_model();
    model.mutable_graph()->mutable_input(0)->set_name(text);
    check(import_problem(model));
    model = small_model();
    auto& attribute = *model.mutable_graph()->mutable_node(0)->add_attribute();
    attribute.set_name("auto_pad");
    attribute.set_type(::onnx::AttributeProto::STRING);
    attribute.set_s(text);
    check(import_problem(model));
  }
}

TEST_CASE("onnx document: few bytes that ask for much") {
  constexpr std::int64_t kHuge = std::int64_t{1} << 62;
  using Ints = std::vector<std::int64_t>;
  const auto scalar = [](std::int64_t value) { return i64({value}).reshaped({}); };
  const auto bomb = [&](const std::string& name, const std::function<void(GraphMaker&)>& fill) {
    GraphMaker g;
    g.input("x", {2, 2});
    fill(g);
    g.output("y");
    CAPTURE(name);
    OnnxLimits limits;
    limits.nodes = 20'000;
    limits.weight_bytes = 64 << 20;
    const auto start = std::chrono::steady_clock::now();
    const std::string problem = import_problem(model_of(g), limits);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    CHECK(problem != "");
    CHECK(problem.size() < 70'000);
    CHECK(taken.count() < 30);  // seconds, with sanitizers on a busy machine
  };
  bomb("constant of shape",
       [&](GraphMaker& g) { g.weight("s", i64({kHuge})).node("ConstantOfShape", {"s"}, {"y"}); });
  bomb("constants of shape whose product wraps to 0", [&](GraphMaker& g) {
    g.weight("s", i64({kHuge, 4})).node("ConstantOfShape", {"s"}, {"y"});
  });
  bomb("expand", [&](GraphMaker& g) {
    g.weight("s", i64({kHuge, 2, 2})).node("Expand", {"x", "s"}, {"y"});
  });
  bomb("tile", [&](GraphMaker& g) {
    g.weight("s", i64({kHuge, kHuge})).node("Tile", {"x", "s"}, {"y"});
  });
  bomb("range", [&](GraphMaker& g) {
    g.weight("a", scalar(0)).weight("b", scalar(kHuge)).weight("c", scalar(1));
    g.node("Range", {"a", "b", "c"}, {"y"});
  });
  bomb("pad", [&](GraphMaker& g) {
    g.weight("p", i64({kHuge, kHuge, kHuge, kHuge})).node("Pad", {"x", "p"}, {"y"});
  });
  bomb("one hot", [&](GraphMaker& g) {
    g.weight("d", scalar(kHuge)).weight("v", Tensor({2}, {0, 1}));
    g.weight("i", i64({0, 1})).node("OneHot", {"i", "d", "v"}, {"y"});
  });
  bomb("resize", [&](GraphMaker& g) {
    g.weight("f", Tensor({2}, {1e30f, 1e30f}));
    g.node("Resize", {"x", "", "f"}, {"y"}, {{"mode", std::string("nearest")}});
  });
  bomb("a convolution's pads and dilations", [&](GraphMaker& g) {
    g.input("i", {1, 1, 4, 4}).weight("w", Tensor({1, 1, 2, 2}, {1, 1, 1, 1}));
    g.node("Conv", {"i", "w"}, {"y"},
           {{"pads", Ints(4, kHuge)}, {"dilations", Ints(2, kHuge)}, {"strides", Ints(2, -1)}});
  });
  bomb("a shape of a thousand axes", [&](GraphMaker& g) {
    g.weight("s", i64(std::vector<std::int64_t>(1000, 1))).node("Expand", {"x", "s"}, {"y"});
  });
  bomb("a loop of 2^60 turns", [&](GraphMaker& g) {
    GraphMaker body("body");
    body.input("i", {}, DType::i64).input("go", {}, DType::boolean).input("v", {2, 2});
    body.node("Flatten", {"v"}, {"next"}).output("go").output("next");
    g.weight("n", scalar(std::int64_t{1} << 60));
    g.node("Loop", {"n", "", "x"}, {"y"}, {{"body", body.proto()}});
  });
  bomb("a loop without an end", [&](GraphMaker& g) {
    GraphMaker body("body");
    body.input("i", {}, DType::i64).input("go", {}, DType::boolean).input("v", {2, 2});
    body.output("go").output("v");
    g.node("Loop", {"", "", "x"}, {"y"}, {{"body", body.proto()}});
  });
  bomb("a scan over 2^40 rows", [&](GraphMaker& g) {
    GraphMaker body("body");
    body.input("row", {1}).output("row");
    g.input("long", {std::int64_t{1} << 40, 1});
    g.node("Scan", {"long"}, {"y"}, {{"body", body.proto()}, {"num_scan_inputs", std::int64_t{1}}});
  });
  bomb("an input of 2^62 elements", [&](GraphMaker& g) {
    g.input("large", {kHuge, kHuge}).node("Flatten", {"large"}, {"y"});
  });
  bomb("thousands of constants of 4 MB", [&](GraphMaker& g) {
    g.weight("s", i64({1 << 20}));
    std::vector<std::string> names;
    for (int i = 0; i < 5000; ++i) {
      names.push_back("c" + std::to_string(i));
      g.node("ConstantOfShape", {"s"}, {names.back()});
    }
    g.node("Concat", names, {"big"}, {{"axis", std::int64_t{0}}});
    g.weight("h", i64({kHuge})).node("Reshape", {"big", "h"}, {"y"});
  });
}

TEST_CASE("onnx document: loops in loops count their turns together") {
  GraphMaker inner("inner");
  inner.input("i2", {}, DType::i64).input("go2", {}, DType::boolean).input("u", {2});
  inner.node("Add", {"u", "u"}, {"u_next"}).output("go2").output("u_next");
  GraphMaker outer("outer");
  outer.input("i1", {}, DType::i64).input("go1", {}, DType::boolean).input("v", {2});
  outer.node("Loop", {"n", "", "v"}, {"v_next"}, {{"body", inner.proto()}});
  outer.output("go1").output("v_next");
  GraphMaker g;
  g.input("x", {2}).weight("n", i64({1000}).reshaped({}));
  g.node("Loop", {"n", "", "x"}, {"y"}, {{"body", outer.proto()}}).output("y");
  OnnxLimits limits;
  limits.nodes = 3000;
  CHECK(import_problem(model_of(g), limits).find("OnnxLimits::nodes") != std::string::npos);
}

}  // namespace pinnacle::test
