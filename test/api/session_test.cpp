// Session: results next to the host's, shared memory, profiles, and what is refused.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <pinnacle/layers.hpp>
#include <pinnacle/session.hpp>

#include <algorithm>
#include <cmath>

#include "base/random.hpp"
#include "device_list.hpp"

namespace pinnacle::test {
namespace {

Tensor random_tensor(Shape shape, std::uint64_t seed) {
  Tensor tensor(std::move(shape));
  Random random(seed);
  for (float& v : tensor.f32()) v = static_cast<float>(random.uniform(-1, 1));
  return tensor;
}

Layer small_net() {
  return conv2d({.filters = 4, .kernel = 3, .padding = 1}) | batch_norm() | relu |
         max_pool2d({.kernel = 2}) | conv2d({.filters = 6, .kernel = 3}) | silu | flatten |
         dense(7) | pinnacle::tanh | dense(3) | [](Value x) { return softmax(x); };
}

double largest_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  double most = 0;
  for (std::size_t i = 0; i < a.f32().size(); ++i) {
    most = std::max(most, std::fabs(static_cast<double>(a.f32()[i]) - b.f32()[i]));
  }
  return most;
}

}  // namespace

TEST_CASE("session: grouped updates give bit for bit what single ones give") {
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    for (const char* op : {"sgd_update", "adam_update"}) {
      CAPTURE(op);
      Graph graph;
      Builder b(graph);
      std::map<std::string, Tensor> gradients;
      const auto value = [&](const std::string& name, const Shape& shape, Role role) {
        auto data = std::make_shared<Tensor>(random_tensor(shape, graph.values.size()));
        for (float& v : data->f32()) v = std::fabs(v);
        const ValueId id = graph.add_value({.name = name,
                                            .type = {shape, DType::f32},
                                            .role = role,
                                            .data = role == Role::input ? nullptr : data});
        if (role == Role::input) {
          graph.inputs.push_back(id);
          gradients[name] = *data;
        }
        return id;
      };
      const ValueId steps = value("steps", Shape{}, Role::state);
      for (const std::int64_t n : {1, 15, 64, 127, 5003, 16, 40000}) {
        const std::string name = fmt::format("p{}", n);
        std::vector<ValueId> inputs = {value(name, {n}, Role::parameter),
                                       value(name + ".g", {n}, Role::input),
                                       value(name + ".m", {n}, Role::state)};
        Attributes attributes{{"learning_rate", 0.1}, {"weight_decay", 0.01}};
        if (std::string(op) == "adam_update")
          inputs.push_back(value(name + ".v", {n}, Role::state));
        if (std::string(op) == "sgd_update") attributes.set("momentum", 0.9);
        std::vector<ValueId> targets = inputs;
        targets.erase(targets.begin() + 1);
        inputs.push_back(steps);
        const std::vector<ValueId> results = b.apply_all(find_op(op), inputs, attributes);
        for (std::size_t i = 0; i < targets.size(); ++i) {
          graph.updates.push_back({targets[i], results[i]});
        }
      }
      std::vector<Weights> after;
      for (const char* without : {"group_updates", "fuse"}) {
        CompileOptions options;
        options.without_passes = {without};
        Session session = compile(graph, device, options);
        if (device.kind() != DeviceKind::host) {
          CHECK(session.plan().kernel_count() == (after.empty() ? 7 : 1));
        }
        session.run(gradients);
        session.run(gradients);
        after.push_back(session.weights());
      }
      for (const auto& [name, tensor] : after[0]) {
        CAPTURE(name);
        const auto bytes = tensor.bytes();
        const auto others = after[1].at(name).bytes();
        CHECK(std::equal(bytes.begin(), bytes.end(), others.begin(), others.end()));
      }
    }
  }
}

TEST_CASE("session: a whole net agrees with the host, fused or not, in one arena or not") {
  const Model model(small_net(), {Shape({2, 9, 9}), DType::f32}, 3);
  const Tensor x = random_tensor({3, 2, 9, 9}, 1);
  Session host = compile(model, Device::host(), 3);
  const Tensor wanted = host(x);
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    for (const char* without : {"none", "fuse", "plan_memory", "fold_constants"}) {
      CAPTURE(without);
      CompileOptions options;
      if (std::string(without) != "none") options.without_passes = {without};
      Session session = compile(model, device, 3, options);
      CHECK(largest_difference(session(x), wanted) < 1e-5);
      CHECK(largest_difference(session(x), wanted) < 1e-5);  // a second run is like the first
    }
  }
}

TEST_CASE("session: wrong inputs are refused with what was expected") {
  const Model model(flatten | dense(3), {Shape({4}), DType::f32});
  for (const Device& device : {Device::host(), test_devices().front()}) {
    CAPTURE(device.name());
    Session session = compile(model, device, 2);
    CHECK_THROWS_WITH_AS(session(Tensor({3, 4})), doctest::Contains("compiled for f32[2, 4]"),
                         ShapeError);
    CHECK_THROWS_WITH_AS(session.run({{"z", Tensor({2, 4})}}), doctest::Contains("\"x\""),
                         ArgumentError);
    CHECK_THROWS_AS(session.read("nothing"), ArgumentError);
    const std::vector<std::byte> few(3);
    CHECK_THROWS_AS(session.write("x", few), ShapeError);
    CHECK_THROWS_AS(session.set_weights({{"dense_1.weight", Tensor({1})}}), ShapeError);
    CHECK_THROWS_AS(session.set_weights({{"dense_9.weight", Tensor({1})}}), ArgumentError);
  }
}

TEST_CASE("session: sessions with one memory share their weights") {
  const Model model(flatten | dense(3), {Shape({4}), DType::f32});
  for (const Device& device : {Device::host(), test_devices().front()}) {
    CAPTURE(device.name());
    Memory memory(device);
    Session one = compile(model.inference_graph(1), device, {}, memory);
    Session two = compile(model.inference_graph(2), device, {}, memory);
    one.set_weights(
        {{"dense_1.weight", Tensor({4, 3})}, {"dense_1.bias", Tensor({3}, {1.0f, 2.0f, 3.0f})}});
    CHECK(two(random_tensor({2, 4}, 1)) == Tensor({2, 3}, {1, 2, 3, 1, 2, 3}));
    CHECK(two.weights().at("dense_1.bias") == Tensor({3}, {1, 2, 3}));
  }
}

TEST_CASE("session: the profile names every step") {
  const Model model(small_net(), {Shape({2, 9, 9}), DType::f32});
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    CompileOptions options;
    options.profile = true;
    Session session = compile(model, device, 1, options);
    session(random_tensor({1, 2, 9, 9}, 2));
    const std::vector<StepTime> times = session.profile();
    CHECK(times.size() == session.plan().steps.size());
    double total = 0;
    for (const StepTime& time : times) total += time.microseconds;
    CHECK(total > 0);
    // The trace has the same times call by call, none before the one that was enqueued before it.
    double traced = 0;
    double last = 0;
    for (const TraceEvent& event : session.trace()) {
      CHECK(!event.call.empty());
      CHECK(event.start >= last);
      last = event.start;
      traced += event.microseconds;
    }
    CHECK(traced == doctest::Approx(total));
  }
}

}  // namespace pinnacle::test
