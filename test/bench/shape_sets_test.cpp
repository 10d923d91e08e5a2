// The shape sets: work and layers of the nets that they stand for, names, graphs.
// SPDX-License-Identifier: Apache-2.0
#include "bench/shape_sets.hpp"

#include <pinnacle/error.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdio>
#include <set>

namespace pinnacle::bench {
namespace {

std::vector<ShapeCase> cases_of(const std::string& names, const std::string& pass = "forward",
                                std::vector<std::int64_t> batches = {1}) {
  return shape_cases(names, parse_passes(pass), batches);
}

struct Whole {
  double gflop = 0;
  int layers = 0;
};

Whole whole(const std::string& set, const std::string& pass = "forward", std::int64_t batch = 1) {
  Whole sum;
  for (const ShapeCase& c : cases_of(set, pass, {batch})) {
    sum.gflop += 1e-9 * c.count * shape_cost(c).flop;
    sum.layers += c.count;
  }
  return sum;
}

// Multiply-adds of the convolutions as the papers and model zoos count them, times two.
TEST_CASE("the convolutions of a net are all there") {
  CHECK(whole("resnet50").layers == 53);
  CHECK(whole("resnet50").gflop == doctest::Approx(2 * 4.087).epsilon(0.001));
  CHECK(whole("mobilenet_v2").layers == 52);
  CHECK(whole("mobilenet_v2").gflop == doctest::Approx(2 * 0.2995).epsilon(0.002));
  CHECK(whole("vgg16").layers == 13);
  CHECK(whole("vgg16").gflop == doctest::Approx(2 * 15.347).epsilon(0.001));
  // 28 x 28 x 6 x 25 and 10 x 10 x 16 x 6 x 25
  CHECK(whole("lenet").gflop == doctest::Approx(2e-9 * (117600 + 240000)).epsilon(1e-6));
}

TEST_CASE("a batch multiplies the work") {
  CHECK(whole("resnet50", "forward", 16).gflop ==
        doctest::Approx(16 * whole("resnet50").gflop).epsilon(1e-9));
}

TEST_CASE("backward passes do the forward pass's work, but nobody wants the image's gradient") {
  for (const char* set : {"resnet50", "vgg16", "mobilenet_v2"}) {
    CAPTURE(set);
    const Whole forward = whole(set);
    CHECK(whole(set, "backward_filter").gflop == doctest::Approx(forward.gflop).epsilon(1e-9));
    const double first = 1e-9 * shape_cost(cases_of(set).front()).flop;
    CHECK(whole(set, "backward_data").gflop ==
          doctest::Approx(forward.gflop - first).epsilon(1e-9));
  }
}

TEST_CASE("no shape comes twice in a table, and every graph is sound") {
  std::set<std::string> seen;
  std::vector<std::string> names = shape_set_names();
  CHECK(names.size() == 8);
  for (const std::string& name : names) {
    for (ShapeCase& c : cases_of(name, "all", {1, 2})) {
      CAPTURE(group_name(c));
      CAPTURE(c.shape);
      CHECK(seen.insert(group_name(c) + c.shape).second);
      CHECK(c.count >= 1);
      CHECK((shape_cost(c).flop > 0 || c.op == "transpose"));
      // With constants in place; their contents do not matter here.
      std::vector<Tensor> inputs(c.in.size());
      for (const std::size_t i : c.constant) inputs[i] = Tensor(c.in[i].shape);
      const Graph graph = shape_graph(c, inputs);
      verify(graph);
      CHECK(graph.inputs.size() == c.in.size() - c.constant.size());
      CHECK(graph.outputs.size() == 1);
    }
  }
}

TEST_CASE("matrix products have the sizes that their names say") {
  for (const ShapeCase& c : cases_of("gemm_nets,gemm_square")) {
    CAPTURE(c.shape);
    long m = 0, n = 0, k = 0, many = 1;
    const std::size_t of = c.shape.find(" of ");
    const std::string sizes = of == std::string::npos ? c.shape : c.shape.substr(of + 4);
    if (of != std::string::npos) many = std::stol(c.shape);
    REQUIRE(std::sscanf(sizes.c_str(), "%ldx%ldx%ld", &m, &n, &k) == 3);
    CHECK(shape_cost(c).flop == 2.0 * static_cast<double>(many * m * n * k));
    const std::vector<Tensor> inputs;
    const Graph graph = shape_graph(c, inputs);
    const Shape& y = graph.type(graph.outputs.front()).shape;
    CHECK(y[y.rank() - 2] == m);
    CHECK(y[y.rank() - 1] == n);
  }
}

TEST_CASE("3x3 layers have stride 1 and keep the image's extent") {
  for (const ShapeCase& c : cases_of("conv3x3")) {
    CAPTURE(c.shape);
    CHECK(c.in[1].shape[2] == 3);
    CHECK(c.in[1].shape[3] == 3);
    CHECK(c.attributes.ints("strides") == Attributes::Ints{1, 1});
    CHECK(c.attributes.ints("pads") == Attributes::Ints{1, 1, 1, 1});
  }
}

TEST_CASE("weights stay the same in the forward pass only") {
  for (const ShapeCase& c : cases_of("resnet50", "all")) {
    CHECK(c.constant.empty() == (c.pass != Pass::forward));
  }
  for (const ShapeCase& c : cases_of("gemm_square")) CHECK(c.constant.empty());
}

TEST_CASE("sets come in the order asked for, batches within a pass, products once") {
  std::vector<std::string> groups;
  for (const ShapeCase& c : cases_of("lenet, gemm_square,lenet", "forward", {1, 16})) {
    if (groups.empty() || groups.back() != group_name(c)) groups.push_back(group_name(c));
  }
  CHECK(groups == std::vector<std::string>{"lenet forward, batch 1", "lenet forward, batch 16",
                                           "gemm_square forward"});
}

template <class F>
std::string message_of(F&& call) {
  try {
    call();
  } catch (const ArgumentError& error) {
    return error.what();
  }
  return "";
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

TEST_CASE("wrong names and numbers are explained") {
  CHECK(has(message_of([] { cases_of("resnet5"); }), "did you mean resnet50?"));
  CHECK(has(message_of([] { cases_of("xyzzy"); }), "gemm_square"));
  CHECK(has(message_of([] { cases_of(""); }), "no set"));
  CHECK(has(message_of([] { cases_of("gemm_square", "backward_data"); }), "forward"));
  CHECK(has(message_of([] { parse_passes("backwards"); }), "--pass"));
  CHECK(has(message_of([] { parse_passes("forwrd"); }), "did you mean forward?"));
  for (const char* text : {"", "0", "-1", "1,", "1,x", "99999", "1.5"}) {
    CAPTURE(text);
    CHECK(has(message_of([&] { parse_batches(text, "--batch"); }), "--batch"));
  }
  CHECK(parse_batches("1, 16,1", "--batch") == std::vector<std::int64_t>{1, 16});
}

}  // namespace
}  // namespace pinnacle::bench
