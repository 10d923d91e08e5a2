// Shape keys, settings as text, and what choose_variants makes of Target::tuned: used if it fits,
// else ignored with a reason.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <pinnacle/session.hpp>

#include "ops/shape_key.hpp"
#include "passes/builders.hpp"
#include "passes/passes.hpp"
#include "plan/tuned_setting.hpp"
#include "targets.hpp"

namespace pinnacle::test {
namespace {

Graph product(std::int64_t m, std::int64_t k, std::int64_t n, Attributes attributes = {},
              Role weights = Role::input) {
  Graph graph;
  const ValueId a = add_value(graph, "a", {m, k}, Role::input);
  const ValueId b = add_value(graph, "b", {k, n}, weights);
  graph.outputs = {Builder(graph).apply("matmul", {a, b}, std::move(attributes))};
  return graph;
}

std::string key_of(const Graph& graph) { return shape_key(node_views(graph).front().op); }

// The one step of a product that is tuned with `setting`.
Step tuned_step(const std::string& setting, Target target = wide_target(),
                const CompileOptions& options = {}) {
  const Graph graph = product(128, 784, 128);
  target.tuned[key_of(graph)] = setting;
  return make_plan(graph, target, options).steps.front();
}

std::string define_of(const Step& step, const std::string& name) {
  for (const auto& [key, value] : std::get<KernelCall>(step.calls.front()).defines) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace

TEST_CASE("a shape key tells apart what kernels tell apart") {
  const Graph plain = product(8, 16, 4);
  CHECK(key_of(plain) == "matmul f32[8, 16] f32[16, 4] -> f32[8, 4]");
  CHECK(key_of(product(8, 16, 5)) != key_of(plain));
  CHECK(key_of(product(8, 16, 4, {{"transpose_a", std::int64_t{0}}})) == key_of(plain));
  CHECK(key_of(product(8, 8, 8, {{"transpose_a", std::int64_t{1}}})) ==
        "matmul f32[8, 8] f32[8, 8] -> f32[8, 8] transpose_a=1");
  // What the epilogue computes hardly matters to its product.
  CHECK(key_of(product(8, 16, 4, {{"epilogue", "relu(x0)"}})) ==
        key_of(product(8, 16, 4, {{"epilogue", "tanh(x0)"}})));
  CHECK(key_of(product(8, 16, 4, {{"epilogue", "relu(x0)"}})) != key_of(plain));
  CHECK(key_of(product(8, 16, 4, {}, Role::parameter)) == key_of(plain) + " fixed=1");
}

TEST_CASE("a shape key does not tell a spelt-out default from an absent option") {
  const auto convolution = [](Attributes attributes) {
    Graph graph;
    const ValueId x = add_value(graph, "x", {1, 4, 8, 8}, Role::input);
    const ValueId w = add_value(graph, "w", {4, 4, 1, 1}, Role::input);
    graph.outputs = {Builder(graph).apply("conv2d", {x, w}, std::move(attributes))};
    return key_of(graph);
  };
  using Ints = Attributes::Ints;
  const std::string plain = convolution({});
  CHECK(convolution({{"strides", Ints{1, 1}},
                     {"dilations", Ints{1, 1}},
                     {"pads", Ints{0, 0, 0, 0}},
                     {"group", std::int64_t{1}}}) == plain);
  CHECK(convolution({{"pads", Ints{1, 1, 1, 1}}}) != plain);
  CHECK(convolution({{"strides", Ints{2, 2}}}) != plain);
}

TEST_CASE("a setting survives its text form, and nonsense is none") {
  const TunedSetting setting{.variant = "split_k", .values = {{"MR", 8}, {"NV", 2}}};
  CHECK(to_text(setting) == "variant=split_k MR=8 NV=2");
  CHECK(parse_setting(to_text(setting)) == setting);
  CHECK(parse_setting("variant=wide") == TunedSetting{.variant = "wide", .values = {}});
  for (const char* text :
       {"", "wide", "MR=8", "variant=", "variant=wide MR", "variant=wide MR=", "variant=wide MR=x",
        "variant=wide MR=8 MR=8", "variant=wide  MR=8", "variant=wide MR=8x", "variant=wi/de",
        "variant=wide MR=99999999999999999999"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_setting(text));
  }
}

TEST_CASE("a tuned choice goes before the heuristic's") {
  const Step heuristic = make_plan(product(128, 784, 128), wide_target()).steps.front();
  CHECK(heuristic.reason.find("tuned") == std::string::npos);
  const Step step = tuned_step("variant=wide MR=4 NV=1");
  CHECK(step.variant == "wide");
  CHECK(step.reason == "tuned MR=4 NV=1");
  CHECK(define_of(step, "MR") == "4");
  CHECK(define_of(step, "NV") == "1");
  CHECK(define_of(heuristic, "MR") != "4");
  CHECK(tuned_step("variant=direct").variant == "direct");
}

TEST_CASE("a forced variant goes before a tuned one") {
  CompileOptions options;
  options.variants["matmul"] = "wide";
  const Step step = tuned_step("variant=direct", wide_target(), options);
  CHECK(step.variant == "wide");
  CHECK(step.reason == "forced");
}

TEST_CASE("a tuned choice that does not fit is ignored, and the plan says why") {
  const Step heuristic = make_plan(product(128, 784, 128), wide_target()).steps.front();
  const auto ignored = [&](const std::string& setting, const std::string& why,
                           const Target& target = wide_target()) {
    CAPTURE(setting);
    const Step step = tuned_step(setting, target);
    CHECK(step.reason.find("tuned entry ignored: " + why) == 0);
    return step;
  };
  CHECK(ignored("variant=winograd9", "there is no variant winograd9").variant == heuristic.variant);
  ignored("variant=wide MR=5", "MR of wide cannot be 5");
  ignored("variant=wide SPEED=9", "wide has no parameter SPEED");
  ignored("MR=8", "\"MR=8\" is no setting");
  ignored("variant=gemv", "gemv declines: more than 4 rows");
  ignored("variant=wide", "wide declines: ", simt_target());
  // Fine on the device where it was measured, too much for one that ends loops silently.
  Target small = wide_target();
  small.loop_limit = 700000;
  const Step step = ignored("variant=wide NB=128 MB=144", "needs ", small);
  CHECK(std::get<KernelCall>(step.calls.front()).loop_iterations <= small.loop_limit);
}

TEST_CASE("a tuned choice of another shape changes nothing") {
  Target target = wide_target();
  target.tuned[key_of(product(8, 16, 4))] = "variant=direct";
  CHECK(to_text(make_plan(product(128, 784, 128), target)) ==
        to_text(make_plan(product(128, 784, 128), wide_target())));
  // And CompileOptions::tuned replaces the device's choices.
  target.tuned[key_of(product(128, 784, 128))] = "variant=direct";
  CHECK(make_plan(product(128, 784, 128), target).steps.front().variant == "direct");
  CompileOptions untuned;
  untuned.tuned.emplace();
  CHECK(to_text(make_plan(product(128, 784, 128), target, untuned)) ==
        to_text(make_plan(product(128, 784, 128), wide_target())));
}

}  // namespace pinnacle::test
