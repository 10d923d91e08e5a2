// Pipelines: results next to one device's, order, values that pass several stages, and failures that
// end in an error with the stage's name and never in waiting.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <pinnacle/layers.hpp>
#include <pinnacle/op.hpp>
#include <pinnacle/pipeline.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

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

// Two parts where the device can be split, else the device and the host.
std::vector<Device> two_devices(const Device& device) {
  if (device.target().compute_units > 1) {
    try {
      std::vector<Device> parts = device.split(device.target().compute_units / 2);
      if (parts.size() >= 2) return {parts[0], parts[1]};
    } catch (const DeviceError&) {
      MESSAGE(device.name() << " cannot be split: with the host instead");
    }
  }
  return {device, Device::host()};
}

Placement cut_at(const std::vector<Device>& devices, const std::vector<int>& borders) {
  const std::vector<std::string> labels = device_labels(devices);
  Placement placement;
  placement.strategy = Strategy::pipeline;
  for (std::size_t i = 0; i + 1 < borders.size(); ++i) {
    Stage& stage = placement.stages.emplace_back();
    stage.device = labels.at(i);
    stage.first = borders[i];
    stage.last = borders[i + 1];
  }
  return placement;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  double most = 0;
  for (std::size_t i = 0; i < a.f32().size(); ++i) {
    most = std::max(most, std::fabs(static_cast<double>(a.f32()[i]) - b.f32()[i]));
  }
  return most;
}

Model small_net() {
  return Model(conv2d({.filters = 4, .kernel = 3, .padding = 1}) | batch_norm() | relu |
                   max_pool2d({.kernel = 2}) | conv2d({.filters = 6, .kernel = 3}) | silu |
                   flatten | dense(7) | pinnacle::tanh | dense(3),
               {Shape({2, 9, 9}), DType::f32}, 3);
}

ValueId input(Graph& graph, const std::string& name, const Shape& shape, DType dtype = DType::f32) {
  const ValueId id =
      graph.add_value({.name = name, .type = {shape, dtype}, .role = Role::input, .data = nullptr});
  graph.inputs.push_back(id);
  return id;
}

// Adds 1; fails where the first element is 13.
OpDef superstitious() {
  return OpDef{.name = "superstitious",
               .infer = [](const OpView& op) { return std::vector<TensorType>{*op.in[0]}; },
               .reference =
                   [](const OpView&, std::span<const Array> inputs) {
                     Array y = inputs[0];
                     if (y.data[0] == 13) throw Error("13 is too much");
                     for (double& v : y.data) v += 1;
                     return std::vector<Array>{y};
                   },
               .gradient = no_gradient("a test"),
               .cost = [](const OpView&) { return Cost{}; },
               .variants = std::vector<Variant>{}};
}

// x + 1 + 1 + 1, each a stage's worth.
Graph counting_graph(const OpDef& middle) {
  Graph graph;
  Builder b(graph);
  const ValueId x = input(graph, "x", {4});
  const ValueId one = b.constant(1.0f);
  graph.outputs = {b.apply("add", {b.apply(middle, {b.apply("add", {x, one})}), one})};
  return graph;
}

std::map<std::string, Tensor> number(float value) { return {{"x", Tensor({4}, {value, 0, 0, 0})}}; }

}  // namespace

TEST_CASE("pipeline: a net cut by measurement agrees with the host, in order") {
  const Model model = small_net();
  Session host = compile(model, Device::host(), 2);
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    Pipeline pipeline = compile_pipeline(model, two_devices(device), 2);
    CAPTURE(pipeline.placement());
    REQUIRE(pipeline.stages() >= 1);
    CHECK(pipeline.placement().predicted_us > 0);
    std::vector<Tensor> wanted;
    for (std::uint64_t i = 0; i < 12; ++i) {
      const Tensor x = random_tensor({2, 2, 9, 9}, i);
      wanted.push_back(host(x));
      pipeline.submit({{"x", x}});
    }
    CHECK(pipeline.pending() == 12);
    for (const Tensor& y : wanted) CHECK(largest_difference(pipeline.next().at(0), y) < 1e-5);
    CHECK(pipeline.pending() == 0);
    const Tensor x = random_tensor({2, 2, 9, 9}, 99);
    CHECK(largest_difference(pipeline.run({{"x", x}}).at(0), host(x)) < 1e-5);
  }
}

TEST_CASE("pipeline: wherever it is cut, results are those of one device") {
  const Graph graph = small_net().inference_graph(1);
  const int nodes = static_cast<int>(graph.nodes.size());
  const Tensor x = random_tensor({1, 2, 9, 9}, 5);
  for (const Device& device : test_devices()) {
    const std::vector<Device> devices = two_devices(device);
    Session alone = compile(graph, devices[0]);
    const Tensor wanted = alone(x);
    for (int cut = 1; cut < nodes; cut += small_only() ? 5 : 2) {
      CAPTURE(cut);
      Pipeline pipeline = compile_pipeline(
          graph, devices, {.compile = {}, .placement = cut_at(devices, {0, cut, nodes})});
      CHECK(pipeline.stages() == 2);
      CHECK(!pipeline.plan(0).steps.empty());
      CHECK(pipeline.device(1) == devices[1]);
      CHECK_THROWS_AS((void)pipeline.plan(2), ArgumentError);
      CHECK(largest_difference(pipeline.run({{"x", x}}).at(0), wanted) < 1e-5);
    }
  }
}

TEST_CASE(
    "pipeline: the same kernels give the same bits; values pass stages and element types stay") {
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    std::vector<Device> devices = two_devices(device);
    const bool split = devices[1].kind() != DeviceKind::host;
    Graph graph;
    Builder b(graph);
    const ValueId x = input(graph, "x", {8, 16});
    const ValueId ids = input(graph, "ids", {3}, DType::i64);
    const ValueId w = b.constant(random_tensor({16, 16}, 1), "w");
    const ValueId first = b.apply("matmul", {x, w});
    const ValueId second = b.apply("matmul", {first, w});
    const ValueId third = b.apply("matmul", {second, w});
    const ValueId sum = b.apply("add", {third, first});  // passes the stage between
    const ValueId rows = b.apply("gather", {sum, ids}, {{"axis", std::int64_t{0}}});
    // Outputs of every stage, of the inputs, of a constant, and one of them twice.
    graph.outputs = {rows, first, x, ids, w, rows, second};
    std::vector<int> borders = {0, 1, 5};
    if (split) {
      devices.push_back(Device::host());
      borders = {0, 1, 2, 5};
      devices = {devices[0], devices[2], devices[1]};
    }
    Tensor indices({3}, DType::i64);
    const std::int64_t numbers[] = {7, 0, 3};
    std::memcpy(indices.bytes().data(), numbers, sizeof numbers);
    Pipeline pipeline =
        compile_pipeline(graph, devices, {.compile = {}, .placement = cut_at(devices, borders)});
    for (std::uint64_t i = 0; i < 9; ++i) {
      pipeline.submit({{"x", random_tensor({8, 16}, i)}, {"ids", indices}});
    }
    std::vector<std::vector<Tensor>> results;
    while (pipeline.pending() > 0) results.push_back(pipeline.next());
    Session alone = compile(graph, devices[0]);
    for (std::uint64_t i = 0; i < 9; ++i) {
      const std::map<std::string, Tensor> inputs = {{"x", random_tensor({8, 16}, i)},
                                                    {"ids", indices}};
      const std::vector<Tensor>& got = results.at(i);
      const std::vector<Tensor> wanted = alone.run(inputs);
      REQUIRE(got.size() == wanted.size());
      CHECK(got == pipeline.run(inputs));
      for (std::size_t k = 0; k < got.size(); ++k) {
        CAPTURE(k);
        REQUIRE(got[k].type() == wanted[k].type());
        if (k == 0 || k >= 5) {
          CHECK(largest_difference(got[k], wanted[k]) < 1e-5);
        } else {
          CHECK(got[k] == wanted[k]);  // the first device's alone, or none's
        }
      }
    }
  }
}

TEST_CASE("pipeline: on parts of one device the bits are those of one part") {
  for (const Device& device : test_devices()) {
    const std::vector<Device> devices = two_devices(device);
    if (devices[1].kind() == DeviceKind::host) continue;
    Graph graph;
    Builder b(graph);
    ValueId x = input(graph, "x", {8, 16});
    const ValueId w = b.constant(random_tensor({16, 16}, 1), "w");
    for (int i = 0; i < 6; ++i) x = b.apply("tanh", {b.apply("matmul", {x, w})});
    graph.outputs = {x};
    Session alone = compile(graph, devices[0]);
    Pipeline pipeline =
        compile_pipeline(graph, devices, {.compile = {}, .placement = cut_at(devices, {0, 6, 12})});
    for (std::uint64_t i = 0; i < 5; ++i) {
      const Tensor given = random_tensor({8, 16}, i);
      CHECK(pipeline.run({{"x", given}}).at(0) == alone(given));
    }
  }
}

TEST_CASE("pipeline: a stage that fails names itself, after the results before") {
  const OpDef op = superstitious();
  const Graph graph = counting_graph(op);
  for (const Device& device : test_devices()) {
    const std::vector<Device> devices = two_devices(device);
    for (const int cut : {1, 2}) {  // the op in the second stage, or in the first
      CAPTURE(cut);
      Pipeline pipeline = compile_pipeline(
          graph, devices, {.compile = {}, .placement = cut_at(devices, {0, cut, 3})});
      const std::string where = device_labels(devices)[cut == 1 ? 1 : 0];
      CHECK(pipeline.run(number(1)).at(0) == Tensor({4}, {4, 3, 3, 3}));
      pipeline.submit(number(2));
      pipeline.submit(number(12));
      const auto failed = [&](const Error& error) {
        const std::string text = error.what();
        CAPTURE(text);
        CHECK(error.where() == where);
        CHECK(text.find(fmt::format("stage {} failed", cut == 1 ? 1 : 0)) != std::string::npos);
        CHECK(text.find("13 is too much") != std::string::npos);
      };
      // However many follow, none waits for ever.
      bool refused = false;
      for (int i = 0; i < 50 && !refused; ++i) {
        try {
          pipeline.submit(number(3));
        } catch (const Error& error) {
          refused = true;
          failed(error);
        }
      }
      CHECK(refused);
      CHECK(pipeline.next().at(0) == Tensor({4}, {5, 3, 3, 3}));
      for (int i = 0; i < 3; ++i) {
        try {
          (void)pipeline.next();
          FAIL("no error");
        } catch (const Error& error) {
          failed(error);
        }
      }
    }
  }
}

TEST_CASE("pipeline: it may end, or be moved, with runs on the way") {
  const Graph graph = small_net().inference_graph(1);
  const int nodes = static_cast<int>(graph.nodes.size());
  const Tensor x = random_tensor({1, 2, 9, 9}, 5);
  const std::vector<Device> devices = two_devices(test_devices().front());
  const PipelineOptions options{.compile = {}, .placement = cut_at(devices, {0, 5, nodes})};
  for (int runs = 0; runs < 8; ++runs) {
    Pipeline pipeline = compile_pipeline(graph, devices, options);
    for (int i = 0; i < runs; ++i) pipeline.submit({{"x", x}});
    Pipeline moved = std::move(pipeline);
    CHECK(moved.pending() == static_cast<std::size_t>(runs));
    if (runs % 2 == 1) CHECK(moved.next().size() == 1);
  }
}

TEST_CASE("pipeline: what makes no sense is refused") {
  const Graph graph = small_net().inference_graph(1);
  const int nodes = static_cast<int>(graph.nodes.size());
  const std::vector<Device> devices = two_devices(test_devices().front());
  const auto refuses = [&](const Placement& placement, const char* why) {
    CAPTURE(why);
    CHECK_THROWS_WITH_AS(
        (void)compile_pipeline(graph, devices, {.compile = {}, .placement = placement}),
        doctest::Contains(why), ArgumentError);
  };
  refuses(Placement{}, "no stages");
  refuses(cut_at(devices, {1, 3, nodes}), "must begin at 0");
  refuses(cut_at(devices, {0, 3, nodes - 1}), "made for another network");
  refuses(cut_at(devices, {0, 3, nodes + 1}), "made for another network");
  Placement placement = cut_at(devices, {0, 3, nodes});
  placement.stages[1].first = 4;
  refuses(placement, "must begin at 3");
  placement = cut_at(devices, {0, 3, nodes});
  placement.stages[1].device = placement.stages[0].device;
  refuses(placement, "a device takes one stage");
  placement.stages[1].device = "abacus";
  refuses(placement, "not among the devices");
  placement = cut_at(devices, {0, 3, nodes});
  placement.strategy = Strategy::data;
  refuses(placement, "strategy is data");

  CHECK_THROWS_AS((void)compile_pipeline(graph, {}), ArgumentError);
  CHECK_THROWS_AS((void)compile_pipeline(graph, {devices[0], devices[0]}), ArgumentError);
  Graph updating = graph;
  for (std::size_t i = 0; i < updating.values.size(); ++i) {
    if (updating.values[i].role != Role::parameter) continue;
    updating.updates.push_back({static_cast<ValueId>(i), static_cast<ValueId>(i)});
    break;
  }
  CHECK_THROWS_AS((void)compile_pipeline(updating, devices), ArgumentError);

  Pipeline pipeline = compile_pipeline(
      graph, devices, {.compile = {}, .placement = cut_at(devices, {0, 3, nodes})});
  const Tensor x({1, 2, 9, 9});
  CHECK_THROWS_AS((void)pipeline.next(), ArgumentError);
  CHECK_THROWS_AS(pipeline.submit({}), ArgumentError);
  CHECK_THROWS_AS(pipeline.submit({{"x", x}, {"z", x}}), ArgumentError);
  CHECK_THROWS_AS(pipeline.submit({{"x", Tensor({2, 2, 9, 9})}}), ShapeError);
  pipeline.submit({{"x", x}});
  CHECK_THROWS_AS((void)pipeline.run({{"x", x}}), ArgumentError);
  CHECK(pipeline.next().size() == 1);
}

TEST_CASE("devices: cores of the CPU device by name") {
  const auto message = [](const std::string& spec) -> std::string {
    try {
      return select_devices(spec).front().name();
    } catch (const ArgumentError& error) {
      return error.what();
    } catch (const DeviceError& error) {
      return error.what();
    }
  };
  try {
    const Device first = select_device("sub:0");
    CHECK(first.target().compute_units == 1);
    CHECK(select_device("SUB:0") == first);  // the same one each time
    CHECK(select_devices("sub:0, sub:0").size() == 1);
    for (const char* wrong : {"sub:", "sub:x", "sub:-1", "sub:0x", "sub:99999"}) {
      CAPTURE(wrong);
      CHECK(message(wrong).find("there is no sub:") != std::string::npos);
      CHECK(message(wrong).find("sub:0 to sub:") != std::string::npos);
    }
  } catch (const DeviceError& error) {  // no CPU device here can be split
    CHECK(std::string(error.what()).find("split") != std::string::npos);
  } catch (const ArgumentError& error) {  // there is none
    CHECK(std::string(error.what()).find("no cpu with OpenCL") != std::string::npos);
  }
}

}  // namespace pinnacle::test
