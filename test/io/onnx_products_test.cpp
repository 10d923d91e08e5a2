// ONNX's convolutions, poolings, products and normalizations as imported, against results worked out by
// hand or by the plainest loops, and what is refused.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <pinnacle/error.hpp>
#include <pinnacle/onnx.hpp>

#include "onnx/model_maker.hpp"
#include "ops/host.hpp"

namespace pinnacle::test {
namespace {

using Ints = std::vector<std::int64_t>;
using Options = std::vector<std::pair<std::string, AttributeValue>>;

Array array(Shape shape, std::vector<double> data) {
  Array result(std::move(shape));
  result.data = std::move(data);
  return result;
}

// 0, 1, 2, ... scaled into small steps.
Array ramp(const Shape& shape, double step = 1) {
  Array result(shape);
  for (std::size_t i = 0; i < result.data.size(); ++i) {
    result.data[i] = step * static_cast<double>(i);
  }
  return result;
}

struct Operand {
  Array array;
  DType dtype = DType::f32;
  bool fixed = false;  // an initializer
};

Graph import_node(const std::string& op, const std::vector<Operand>& inputs, const Options& options,
                  std::int64_t opset, std::size_t results) {
  GraphMaker g;
  std::vector<std::string> names;
  for (const Operand& operand : inputs) {
    const std::string name = "x" + std::to_string(names.size());
    names.push_back(name);
    std::vector<Dim> dims(operand.array.shape.begin(), operand.array.shape.end());
    if (operand.fixed) {
      g.weight(name, to_tensor(operand.array, operand.dtype));
    } else {
      g.input(name, dims, operand.dtype);
    }
  }
  std::vector<std::string> outputs;
  for (std::size_t i = 0; i < results; ++i) outputs.push_back("y" + std::to_string(i));
  g.node(op, names, outputs, options);
  for (const std::string& name : outputs) g.output(name);
  return parse_onnx(bytes_of(model_of(g, opset))).graph();
}

std::vector<Array> run(const std::string& op, const std::vector<Operand>& inputs,
                       const Options& options = {}, std::int64_t opset = 18,
                       std::size_t results = 1) {
  const Graph graph = import_node(op, inputs, options, opset, results);
  std::map<ValueId, Array> values;
  std::size_t next = 0;
  for (const Operand& operand : inputs) {
    if (!operand.fixed) values[graph.inputs[next++]] = operand.array;
  }
  run_on_host(graph, values);
  std::vector<Array> outputs;
  for (const ValueId id : graph.outputs) {
    const auto known = values.find(id);
    outputs.push_back(known != values.end() ? known->second : to_array(*graph.value(id).data));
  }
  return outputs;
}

void check_near(const Array& got, const Shape& shape, const std::vector<double>& wanted) {
  CHECK(got.shape == shape);
  REQUIRE(got.data.size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    CHECK_MESSAGE(std::fabs(got.data[i] - wanted[i]) < 1e-5,
                  "element " << i << " is " << got.data[i]);
  }
}

// An equation of single letters by loops over every value of every letter.
Array by_loops(const std::vector<std::string>& terms, const std::string& result,
               const std::vector<Array>& inputs) {
  std::string letters;
  std::map<char, std::int64_t> extents;
  for (std::size_t k = 0; k < terms.size(); ++k) {
    for (std::size_t i = 0; i < terms[k].size(); ++i) {
      if (!extents.contains(terms[k][i])) letters += terms[k][i];
      extents[terms[k][i]] = inputs[k].shape[i];
    }
  }
  const auto index = [&](const std::string& term, const std::map<char, std::int64_t>& at) {
    std::int64_t position = 0;
    for (const char letter : term) position = position * extents.at(letter) + at.at(letter);
    return static_cast<std::size_t>(position);
  };
  Ints dims;
  for (const char letter : result) dims.push_back(extents.at(letter));
  Array sum((Shape(dims)));
  std::int64_t count = 1;
  for (const auto& [letter, extent] : extents) count *= extent;
  for (std::int64_t i = 0; i < count; ++i) {
    std::map<char, std::int64_t> at;
    std::int64_t rest = i;
    for (const char letter : letters) {
      at[letter] = rest % extents[letter];
      rest /= extents[letter];
    }
    double product = 1;
    for (std::size_t k = 0; k < terms.size(); ++k) {
      product *= inputs[k].data[index(terms[k], at)];
    }
    sum.data[index(result, at)] += product;
  }
  return sum;
}

}  // namespace

TEST_CASE("onnx import: equations of einsum mean what loops over their letters do") {
  struct Equation {
    std::string text;
    std::vector<std::string> terms;
    std::string result;
    std::vector<Shape> shapes;
  };
  const std::vector<Equation> equations = {
      {"ij,jk->ik", {"ij", "jk"}, "ik", {{2, 3}, {3, 4}}},
      {"ba, ca", {"ba", "ca"}, "bc", {{2, 3}, {4, 3}}},
      {"bhid,bhjd->bjhi", {"bhid", "bhjd"}, "bjhi", {{2, 1, 3, 2}, {2, 1, 4, 2}}},
      {"iji->j", {"iji"}, "j", {{3, 2, 3}}},
      {"iii->i", {"iii"}, "i", {{3, 3, 3}}},
      {"ii", {"ii"}, "", {{4, 4}}},
      {"i,j->ji", {"i", "j"}, "ji", {{2}, {3}}},
      {"bn,anm,bm->ba", {"bn", "anm", "bm"}, "ba", {{2, 3}, {4, 3, 2}, {2, 2}}},
      {"ij,kj->", {"ij", "kj"}, "", {{2, 3}, {4, 3}}},
      {"...ij,jk->k...i", {"abij", "jk"}, "kabi", {{2, 3, 2, 3}, {3, 2}}},
      {"...a,...b->...ab", {"xa", "xb"}, "xab", {{2, 3}, {2, 4}}}};
  for (const Equation& e : equations) {
    CAPTURE(e.text);
    std::vector<Operand> operands;
    std::vector<Array> inputs;
    for (const Shape& shape : e.shapes) {
      inputs.push_back(ramp(shape, 0.1));
      operands.push_back({inputs.back()});
    }
    const Array wanted = by_loops(e.terms, e.result, inputs);
    check_near(run("Einsum", operands, {{"equation", e.text}})[0], wanted.shape, wanted.data);
  }
  const Operand x{ramp({2, 3})};
  for (const char* wrong : {"ij->iji", "ijk->i", "ij->k", "i1->i", "ij,jk->ik", "ii->i"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(run("Einsum", {x}, {{"equation", std::string(wrong)}}), ParseError);
  }
}

TEST_CASE("onnx import: a transposed convolution adds its windows up") {
  // One row: each element puts (1, 10, 100) down, two apart; one more element is appended.
  const Operand x{array({1, 1, 3}, {1, 2, 3})};
  const Operand w{array({1, 1, 3}, {1, 10, 100})};
  check_near(run("ConvTranspose", {x, w}, {{"strides", Ints{2}}, {"output_padding", Ints{1}}})[0],
             {1, 1, 8}, {1, 10, 102, 20, 203, 30, 300, 0});
  check_near(run("ConvTranspose", {x, w}, {{"strides", Ints{2}}, {"pads", Ints{1, 2}}})[0],
             {1, 1, 4}, {10, 102, 20, 203});
  // More than the windows cover, because the dilation allows it.
  check_near(run("ConvTranspose", {x, {array({1, 1, 2}, {1, 10})}},
                 {{"dilations", Ints{3}}, {"output_padding", Ints{2}}})[0],
             {1, 1, 8}, {1, 2, 3, 10, 20, 30, 0, 0});
  // Three axes agree with one, whichever it lies on.
  for (const Shape& shape : {Shape{1, 1, 3, 1, 1}, Shape{1, 1, 1, 3, 1}, Shape{1, 1, 1, 1, 3}}) {
    Ints strides;
    Ints result;
    Ints end;
    for (std::size_t i = 2; i < 5; ++i) {
      strides.push_back(shape[i] == 3 ? 2 : 1);
      result.push_back(shape[i] == 3 ? 5 : 1);
      end.push_back(shape[i] == 3 ? 1 : 0);
    }
    Ints pads = end;
    pads.insert(pads.end(), end.begin(), end.end());
    Ints dims = {1, 1};
    dims.insert(dims.end(), result.begin(), result.end());
    const auto y = run("ConvTranspose", {{array(shape, {1, 2, 3})}, {array(shape, {1, 10, 100})}},
                       {{"strides", strides}, {"pads", pads}});
    check_near(y[0], Shape(dims), {10, 102, 20, 203, 30});
  }
}

TEST_CASE("onnx import: a convolution over three axes is the sum over its taps") {
  const Array x = ramp({1, 2, 4, 3, 3});
  const Array w = ramp({1, 2, 2, 2, 2}, 0.5);
  // By the definition, with stride 2 and a padding of 1 on the first axis.
  std::vector<double> wanted;
  for (std::int64_t d = 0; d < 2; ++d) {
    for (std::int64_t h = 0; h < 2; ++h) {
      for (std::int64_t v = 0; v < 2; ++v) {
        double sum = 3;
        for (std::int64_t t = 0; t < 16; ++t) {
          const std::int64_t c = t / 8;
          const std::int64_t depth = d * 2 - 1 + t / 4 % 2;
          if (depth < 0 || depth >= 4) continue;
          const std::int64_t at = ((c * 4 + depth) * 3 + h + t / 2 % 2) * 3 + v + t % 2;
          sum += x.data[static_cast<std::size_t>(at)] * w.data[static_cast<std::size_t>(t)];
        }
        wanted.push_back(sum);
      }
    }
  }
  check_near(run("Conv", {{x}, {w}, {array({1}, {3})}},
                 {{"strides", Ints{2, 1, 1}}, {"pads", Ints{1, 0, 0, 0, 0, 0}}})[0],
             {1, 1, 2, 2, 2}, wanted);
}

TEST_CASE("onnx import: poolings count what they are asked to") {
  const Operand x{array({1, 1, 1, 5}, {1, 2, 3, 4, 5})};
  const Options base = {{"kernel_shape", Ints{1, 3}}, {"strides", Ints{1, 2}}};
  const auto with = [&](Options more) {
    more.insert(more.end(), base.begin(), base.end());
    return more;
  };
  const std::int64_t yes = 1;
  check_near(run("AveragePool", {x}, with({{"pads", Ints{0, 1, 0, 1}}}))[0], {1, 1, 1, 3},
             {1.5, 3, 4.5});
  check_near(
      run("AveragePool", {x}, with({{"pads", Ints{0, 1, 0, 1}}, {"count_include_pad", yes}}))[0],
      {1, 1, 1, 3}, {1, 3, 3});
  // A last window that hangs over: its padding counts, what is behind that does not.
  const Options hanging = {{"kernel_shape", Ints{1, 3}},
                           {"strides", Ints{1, 3}},
                           {"ceil_mode", yes},
                           {"pads", Ints{0, 0, 0, 1}},
                           {"count_include_pad", yes}};
  check_near(run("AveragePool", {{array({1, 1, 1, 4}, {1, 2, 3, 4})}}, hanging)[0], {1, 1, 1, 2},
             {2, 2});
  check_near(run("MaxPool", {x}, with({{"dilations", Ints{1, 2}}}))[0], {1, 1, 1, 1}, {5});
  const auto both = run("MaxPool", {{array({1, 1, 2, 2}, {1, 4, 3, 2})}},
                        {{"kernel_shape", Ints{2, 1}}, {"storage_order", yes}}, 18, 2);
  check_near(both[0], {1, 1, 1, 2}, {3, 4});
  check_near(both[1], {1, 1, 1, 2}, {1, 2});
  check_near(run("LpPool", {{array({1, 1, 4}, {3, -4, 0, 2})}},
                 {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}})[0],
             {1, 1, 2}, {5, 2});
  check_near(
      run("MaxUnpool", {{array({1, 1, 1, 2}, {7, 8})}, {array({1, 1, 1, 2}, {1, 6}), DType::i64}},
          {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}})[0],
      {1, 1, 2, 4}, {0, 7, 0, 0, 0, 0, 8, 0});
  CHECK_THROWS_AS(run("MaxPool", {x}, {{"kernel_shape", Ints{1, 6}}}), ParseError);
  CHECK_THROWS_AS(run("MaxPool", {x}, {{"kernel_shape", Ints{1, 0}}}), ParseError);
  CHECK_THROWS_AS(run("MaxPool", {x}, {{"kernel_shape", Ints{std::int64_t{1} << 40, 1}}}),
                  ParseError);
  CHECK_THROWS_AS(run("MaxPool", {x}, {{"kernel_shape", Ints{1, 1}}, {"pads", Ints{0, 2, 0, 0}}}),
                  UnsupportedError);
}

TEST_CASE("onnx import: sizes beyond all memory are refused before anything is made") {
  const std::int64_t far = 1'000'000'000;
  const Operand image{ramp({1, 1, 2, 2})};
  CHECK_THROWS_AS(run("Conv", {image, {ramp({1, 1, 1, 1})}}, {{"pads", Ints{far, far, far, far}}}),
                  UnsupportedError);
  CHECK_THROWS_AS(
      run("ConvTranspose", {image, {ramp({1, 1, 1, 1})}}, {{"strides", Ints{far, far}}}),
      UnsupportedError);
  std::string equation;
  std::vector<Operand> lists;
  for (const char letter : std::string("abcdefgh")) {
    equation += (equation.empty() ? "" : ",") + std::string(1, letter);
    lists.push_back({Array({1000})});
  }
  CHECK_THROWS_AS(run("Einsum", lists, {{"equation", equation + "->abcdefgh"}}), Error);
}

TEST_CASE("onnx import: products of bytes are exact, however long") {
  // 255 * 255 * 5000 is beyond what f32 holds and beyond the cut into 4 bits.
  for (const std::int64_t terms : {10, 1000, 5000}) {
    CAPTURE(terms);
    Array a({1, terms}, 254);
    a.data[0] = 3;
    const Operand b{Array({terms, 1}, 255), DType::u8};
    const auto y = run("MatMulInteger", {{a, DType::u8}, b, {array({}, {1}), DType::u8}});
    const double wanted = 255.0 * (253.0 * static_cast<double>(terms - 1) + 2);
    CHECK(y[0].data == std::vector<double>{wanted});
  }
  const auto y = run("ConvInteger",
                     {{array({1, 1, 3}, {1, 2, 3}), DType::u8},
                      {array({1, 1, 2}, {5, 7}), DType::u8},
                      {array({}, {1}), DType::u8},
                      {array({1}, {4}), DType::u8}},
                     {{"pads", Ints{1, 0}}});
  check_near(y[0], {1, 1, 3}, {0, 3, 7});
}

TEST_CASE("onnx import: determinants, columns and moved taps") {
  check_near(run("Det", {{array({2, 2, 2}, {0, 2, 3, 1, 1, 2, 2, 4})}})[0], {2}, {-6, 0});
  const Operand image{array({2}, {2, 3}), DType::i64, true};
  const Operand block{array({2}, {1, 2}), DType::i64, true};
  check_near(run("Col2Im", {{array({1, 2, 4}, {1, 2, 3, 4, 10, 20, 30, 40})}, image, block})[0],
             {1, 1, 2, 3}, {1, 12, 20, 3, 34, 40});
  // Half a step to the right, and the second tap out of the image.
  const Operand x{array({1, 1, 1, 3}, {2, 4, 8})};
  const Operand w{array({1, 1, 1, 2}, {1, 10})};
  const Operand offset{array({1, 4, 1, 2}, {0, 0, 0.5, 0.5, 0, 0, 0, 5})};
  check_near(run("DeformConv", {x, w, offset}, {}, 19)[0], {1, 1, 1, 2}, {43, 6});
}

TEST_CASE("onnx import: a bias behind a product is one that kernels take up") {
  // alpha goes into the constant weight; what is left is a product and the sum with a list.
  const Graph graph = import_node(
      "Gemm", {{ramp({2, 3})}, {ramp({4, 3}), DType::f32, true}, {ramp({1, 4}), DType::f32, true}},
      {{"transB", std::int64_t{1}}, {"alpha", 0.5F}}, 13, 1);
  REQUIRE(graph.nodes.size() == 2);
  CHECK(graph.nodes[0].op == "matmul");
  CHECK(graph.nodes[1].op == "add");
  CHECK(graph.type(graph.nodes[1].inputs[1]).shape == Shape{4});
  CHECK(graph.value(graph.nodes[0].inputs[1]).data->f32()[1] == 0.5F);
  check_near(run("Gemm", {{ramp({2, 2})}, {ramp({2, 2})}, {array({2, 1}, {1, 2})}},
                 {{"transA", std::int64_t{1}}, {"alpha", 2.0F}, {"beta", 3.0F}})[0],
             {2, 2}, {11, 15, 18, 26});
}

TEST_CASE("onnx import: normalization after a convolution over one axis meets it") {
  GraphMaker g;
  g.input("x", {1, 2, 8}).weight("w", to_tensor(ramp({3, 2, 3}), DType::f32));
  for (const char* name : {"scale", "bias", "mean", "variance"}) {
    g.weight(name, Tensor({3}, {1, 2, 3}));
  }
  g.node("Conv", {"x", "w"}, {"c"});
  g.node("BatchNormalization", {"c", "scale", "bias", "mean", "variance"}, {"y"});
  g.output("y");
  const Graph graph = parse_onnx(bytes_of(model_of(g))).graph();
  for (const Node& node : graph.nodes) {
    if (node.op != "batch_norm") continue;
    const auto conv = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                   [](const Node& n) { return n.op == "conv2d"; });
    REQUIRE(conv != graph.nodes.end());
    CHECK(node.inputs[0] == conv->outputs[0]);
  }
  CHECK(graph.type(graph.outputs[0]).shape == Shape{1, 3, 6});
}

}  // namespace pinnacle::test
