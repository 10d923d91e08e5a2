// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/suite.hpp"

#include <pinnacle/error.hpp>
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "bench/compare/energy.hpp"
#include "bench/compare/peaks.hpp"
#include "bench/compare/sequence_nets.hpp"
#include "bench/first_result.hpp"
#include "bench/nets.hpp"
#include "bench/onnx_work.hpp"
#include "bench/peak.hpp"
#include "bench/table.hpp"
#include "bench/workloads.hpp"
#include "runtime/device_handle.hpp"

namespace pinnacle::bench {
namespace {

using Size = DeviceBench::Size;
using Measurements = std::vector<Measurement>;

constexpr std::size_t kMostKernelText = 1000;

Measurement outline(std::string group, std::string key, std::string subject, std::string quantity,
                    std::string unit, bool lower_is_better) {
  Measurement m;
  m.key = group + '/' + key;
  m.group = std::move(group);
  m.subject = std::move(subject);
  m.quantity = std::move(quantity);
  m.unit = std::move(unit);
  m.lower_is_better = lower_is_better;
  return m;
}

void fill(Measurement& m, std::vector<double> samples) {
  m.samples = std::move(samples);
  summarize_samples(m);
}

// amount / seconds of each sample.
std::vector<double> rates(const std::vector<double>& seconds, double amount) {
  std::vector<double> all;
  for (const double s : seconds) all.push_back(amount / std::max(s, 1e-12));
  return all;
}

std::vector<double> scaled(std::vector<double> values, double factor) {
  for (double& v : values) v *= factor;
  return values;
}

// ---- Peaks -------------------------------------------------------------------------------------

void need_opencl(const DeviceBench& bench) {
  if (bench.is_host()) throw NoValue("not measured on the reference device");
}

Item peak(const std::string& subject, const std::string& unit, bool lower_is_better,
          std::function<void(DeviceBench&, Measurement&)> measure) {
  const char* const quantity = lower_is_better ? "latency" : "rate";
  return {.name = "peaks: " + subject,
          .outline = {outline("peaks", subject, subject, quantity, unit, lower_is_better)},
          .measure = [measure = std::move(measure)](DeviceBench& bench, Measurements& m) {
            need_opencl(bench);
            measure(bench, m[0]);
          }};
}

// Beyond the caches, but little for devices that are small or slow.
double transfer_bytes(const DeviceBench& bench) {
  const Target& target = bench.device().target();
  const double at_once = 0.02 * 1e9 * std::max(target.bandwidth_gbs, 0.01);
  const double most = std::min(static_cast<double>(target.max_allocation) / 4,
                               static_cast<double>(target.global_memory) / 16);
  return std::min(std::clamp(at_once, double{1 << 20}, double{64 << 20}), most);
}

void measure_fma(DeviceBench& bench, Measurement& m) {
  const PeakRun peak = peak_run(bench.device());
  peak.run(1);
  fill(m, rates(bench.sample(peak.run), 1e-9 * peak.flop));
  m.flop = peak.flop;
  bench.raise_roofs(m);
}

void measure_copy(DeviceBench& bench, Measurement& m) {
  const CopyRuns copies = copy_runs(bench.device(), 2 * transfer_bytes(bench));
  const Run* best = nullptr;
  double least = 0;
  for (const Run& run : copies.runs) {
    run(1);
    const double seconds = run(1);
    if (best == nullptr || seconds < least) {
      best = &run;
      least = seconds;
    }
  }
  fill(m, rates(bench.sample(*best), 1e-9 * copies.bytes));
  m.bytes = copies.bytes;
  bench.raise_roofs(m);
}

void measure_transfer(DeviceBench& bench, Measurement& m, Direction direction) {
  const auto bytes = static_cast<std::size_t>(transfer_bytes(bench));
  const Run run = transfer_run(bench.device(), direction, bytes);
  run(1);
  m.bytes = static_cast<double>(bytes);
  fill(m, rates(bench.sample(run), 1e-9 * *m.bytes));
}

std::vector<Item> peaks() {
  return {peak("FMA f32", "GFLOP/s", false, measure_fma),
          peak("copy on the device", "GB/s", false, measure_copy),
          peak("copy to the device", "GB/s", false,
               [](DeviceBench& bench, Measurement& m) {
                 measure_transfer(bench, m, Direction::to_device);
               }),
          peak("copy from the device", "GB/s", false,
               [](DeviceBench& bench, Measurement& m) {
                 measure_transfer(bench, m, Direction::from_device);
               }),
          peak("launch", "us", true, [](DeviceBench& bench, Measurement& m) {
            const Run run = launch_run(bench.device());
            run(1);
            fill(m, scaled(bench.sample(run), 1e6));
          })};
}

// ---- Kernels -----------------------------------------------------------------------------------

// One node with two inputs "x0", "x1".
Graph two_inputs(const char* op, Shape x0, Shape x1, Attributes attributes) {
  Graph graph;
  for (Shape* shape : {&x0, &x1}) {
    GraphValue value;
    value.name = fmt::format("x{}", graph.inputs.size());
    value.type = {std::move(*shape), DType::f32};
    value.role = Role::input;
    graph.inputs.push_back(graph.add_value(std::move(value)));
  }
  graph.outputs.push_back(Builder(graph).apply(op, graph.inputs, std::move(attributes)));
  return graph;
}

struct KernelWork {
  std::string subject;
  Graph graph;
};

KernelWork gemm(std::int64_t n) {
  return {fmt::format("GEMM {0} x {0} x {0}", n), two_inputs("matmul", {n, n}, {n, n}, {})};
}

KernelWork convolution(std::int64_t batch, std::int64_t channels, std::int64_t size,
                       std::int64_t kernel = 3) {
  const std::int64_t pad = kernel / 2;
  return {fmt::format("convolution {0} x {0}, {1} channels, {2} x {2}, batch {3}", kernel, channels,
                      size, batch),
          two_inputs("conv2d", {batch, channels, size, size}, {channels, channels, kernel, kernel},
                     {{"pads", Attributes::Ints{pad, pad, pad, pad}}})};
}

std::string variants_of(const Plan& plan) {
  std::string text;
  for (const Step& step : plan.steps) {
    if (step.calls.empty()) continue;
    text += (text.empty() ? "" : ", ") + step.op + '/' + step.variant;
  }
  return text.substr(0, kMostKernelText);
}

Item kernel(KernelWork work) {
  const std::string& subject = work.subject;
  Item item{.name = "kernels: " + subject,
            .outline = {outline("kernels", subject, subject, "rate", "GFLOP/s", false)},
            .measure = {}};
  item.measure = [graph = std::move(work.graph)](DeviceBench& bench, Measurements& m) {
    const double flop = product_flop(graph);
    const double bytes = view(graph, graph.nodes.front()).operand_bytes();
    const auto session = bench.start(graph, Size::kernel, flop);
    const std::vector<double> seconds = bench.sample(session_run(session), Size::kernel, flop);
    fill(m[0], rates(seconds, 1e-9 * flop));
    bench.set_roof(m[0], flop, bytes, median(seconds));
    m[0].kernel = variants_of(session->plan());
  };
  return item;
}

// ---- Networks ----------------------------------------------------------------------------------

// A graph for a batch size, made when it is first needed and kept no longer than its run.
using GraphMaker = std::function<Graph(std::int64_t batch)>;

struct NetWork {
  std::string name;
  GraphMaker inference;
  GraphMaker training;  // may be empty
};

NetWork net_work(const Net& net) {
  auto model = std::make_shared<std::optional<Model>>();
  const auto made = [net, model]() -> const Model& {
    if (!*model) model->emplace(net.layer, TensorType{net.sample, DType::f32});
    return **model;
  };
  NetWork work{.name = net.name,
               .inference = [made](std::int64_t batch) { return made().inference_graph(batch); },
               .training = {}};
  if (net.training_batch > 0) {
    work.training = [made, net](std::int64_t batch) { return step_graph(net, made(), batch); };
  }
  return work;
}

double mebibytes(double bytes) { return bytes / (1 << 20); }

Item network(const NetWork& work, std::int64_t batch, bool training) {
  const char* const mode = training ? "training" : "inference";
  const std::string key = fmt::format("{}/{}/batch {}", work.name, mode, batch);
  Item item{.name = fmt::format("networks: {} {}, batch {}", work.name, mode, batch),
            .outline = {},
            .measure = {}};
  const auto name = [&](const char* what) { return fmt::format("{} {}", mode, what); };
  item.outline = {
      outline("networks", key + "/latency", work.name, name("latency"), "ms", true),
      outline("networks", key + "/throughput", work.name, name("throughput"), "samples/s", false),
      outline("memory", key, work.name, name("memory"), "MiB", true)};
  for (Measurement& m : item.outline) m.batch = batch;
  const GraphMaker& make = training ? work.training : work.inference;
  item.measure = [make, batch](DeviceBench& bench, Measurements& m) {
    const Graph graph = make(batch);
    const double flop = product_flop(graph);
    const std::size_t before = bench.device().handle().allocated();
    const auto session = bench.start(graph, Size::network, flop);
    const std::size_t after = bench.device().handle().allocated();
    const double bytes = after > before ? static_cast<double>(after - before)
                                        : static_cast<double>(session->plan().peak_bytes());
    // One run at a time is the latency; runs that are enqueued back to back are the throughput.
    fill(m[0], scaled(bench.sample(waited_run(session)), 1e3));
    fill(m[1], rates(bench.sample(session_run(session), Size::network, flop),
                     static_cast<double>(batch)));
    if (bench.is_host()) {
      m[2].problem = "not counted on the reference device";
    } else {
      fill(m[2], {mebibytes(bytes)});
    }
    m[0].flop = flop;
    m[1].flop = flop;
  };
  return item;
}

struct NetBatches {
  NetWork work;
  std::vector<std::int64_t> inference, training;
};

std::vector<NetBatches> net_batches(std::string_view suite) {
  const auto net = [](const char* name) { return net_work(find_net(name)); };
  const NetWork lstm = net_work(lstm_net());
  const NetWork transformer = net_work(transformer_net());
  if (suite == "quick") {
    return {{net("lenet"), {1, 32}, {32}}, {lstm, {1}, {}},
            {transformer, {1}, {}},        {net("mobilenet_v2"), {1}, {}},
            {net("resnet18"), {1}, {}},    {net("resnet50"), {1}, {}}};
  }
  if (suite == "standard") {
    return {{net("lenet"), {1, 8, 32, 128}, {32, 128}},
            {lstm, {1, 8}, {}},
            {transformer, {1, 8}, {}},
            {net("mobilenet_v2"), {1, 4}, {4}},
            {net("resnet18"), {1, 4}, {4}},
            {net("resnet50"), {1, 4}, {}}};
  }
  const std::vector<std::int64_t> sweep = {1, 2, 4, 8, 16, 32};
  return {{net("lenet"), {1, 8, 32, 128, 512}, {1, 16, 128}},
          {lstm, sweep, {}},
          {transformer, sweep, {}},
          {net("mobilenet_v2"), sweep, {1, 8, 16}},
          {net("resnet18"), sweep, {1, 8, 16}},
          {net("resnet50"), sweep, {1, 8}}};
}

NetWork file_work(const std::filesystem::path& file) {
  OnnxWork first =
      make_work(file, {});  // what is wrong with it is known before anything is measured
  NetWork work{.name = first.name, .inference = {}, .training = {}};
  work.inference = [file](std::int64_t batch) {
    if (batch == 1) return make_work(file, {}).graph;
    try {
      return make_work(file, {.batch = batch, .shapes = {}, .inputs = {}}).graph;
    } catch (const ArgumentError& error) {
      throw NoValue(fmt::format("not available: {}", error.what()));
    }
  };
  return work;
}

// ---- Layers ------------------------------------------------------------------------------------

std::string calls_of(const Step& step) {
  std::string text;
  for (const Call& call : step.calls) text += (text.empty() ? "" : "; ") + to_text(call);
  return text.substr(0, kMostKernelText);
}

Item layers(const NetWork& work) {
  Item item{.name = "layers: " + work.name,
            .outline = {outline("layers", fmt::format("{}/{}", work.name, kAllSteps), work.name,
                                "time of all steps", "us", true)},
            .measure = {}};
  item.outline[0].batch = 1;
  item.measure = [work](DeviceBench& bench, Measurements& m) {
    need_opencl(bench);
    const Graph graph = work.inference(1);
    const auto session = bench.start(graph, Size::network, product_flop(graph), true);
    std::vector<StepTime> steps;
    std::vector<std::vector<double>> times;
    std::vector<double> totals;
    double waited = 0;
    const Run run = [&](std::int64_t count) {
      const double start = now();
      for (std::int64_t i = 0; i < count; ++i) {
        const double before = now();
        session->enqueue();
        session->finish();
        waited = now() - before;
        steps = session->profile();
        times.resize(steps.size());
        double total = 0;
        for (std::size_t s = 0; s < steps.size(); ++s) {
          times[s].push_back(steps[s].microseconds);
          total += steps[s].microseconds;
        }
        totals.push_back(total);
      }
      return now() - start;
    };
    bench.sample(run);
    // A sample is one run here: the first of all is a warm-up, and many more say nothing new.
    static constexpr std::size_t kMostRuns = 50;
    const auto tail = [](const std::vector<double>& all) {
      const std::size_t from = all.size() > 1 ? 1 : 0;
      const std::size_t count = std::min(all.size() - from, kMostRuns);
      return std::vector<double>(all.end() - static_cast<std::ptrdiff_t>(count), all.end());
    };
    // There are drivers whose events all take a nanosecond.
    constexpr double kLeastShare = 1e-3;
    const double seconds = 1e-6 * median(totals);
    if (seconds < kLeastShare * waited) {
      throw NoValue(fmt::format("not available: the driver's clock says {} us for a run of {} us",
                                number(1e6 * seconds), number(1e6 * waited)));
    }
    fill(m[0], tail(totals));
    const std::vector<Step>& planned = session->plan().steps;
    for (std::size_t s = 0; s < steps.size(); ++s) {
      const StepTime& step = steps[s];
      if (step.microseconds <= 0) continue;  // nothing is enqueued for it
      const std::string key =
          fmt::format("{}/{:03} {} {}", work.name, s, step.op, step.node).substr(0, 200);
      Measurement entry = outline("layers", key, work.name, "time", "us", true);
      entry.quantity = fmt::format("{} {}", step.op, step.node).substr(0, 200);
      entry.batch = 1;
      fill(entry, tail(times[s]));
      bench.set_roof(entry, step.flop, step.bytes, 1e-6 * *entry.value);
      entry.kernel = step.op + '/' + step.variant;
      if (planned.size() == steps.size()) entry.kernel = calls_of(planned[s]);
      m.push_back(std::move(entry));
    }
  };
  return item;
}

// ---- Compile time, accuracy, energy ------------------------------------------------------------

Item compile_time() {
  const std::string net = "lenet";
  const auto make = [&](const char* caches) {
    return outline("compile", fmt::format("{}/{}", net, caches), net,
                   fmt::format("first result, {}", caches), "ms", true);
  };
  return {.name = "compile: " + net,
          .outline = {make("cold"), make("warm")},
          .measure = [net](DeviceBench& bench, Measurements& m) {
            need_opencl(bench);
            const int index = device_index(bench.device());
            if (index < 0) throw NoValue("not available: no other process can name this device");
            bench.need(8);  // a process measures the device anew before its first result
            const FirstResults results = measure_first_result(
                {"nets", net, "--device", std::to_string(index), "--once"}, net);
            fill(m[0], {1e3 * results.cold.seconds});
            fill(m[1], scaled(results.warm_seconds, 1e3));
          }};
}

double largest_relative_error(const std::vector<Tensor>& got, const std::vector<Tensor>& wanted) {
  double error = 0;
  double scale = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Array a = to_array(got[i]);
    const Array b = to_array(wanted[i]);
    for (std::size_t j = 0; j < b.data.size(); ++j) {
      const double difference = std::abs(a.data[j] - b.data[j]);
      if (!std::isfinite(difference)) throw DeviceError("computed what is no number", "accuracy");
      error = std::max(error, difference);
      scale = std::max(scale, std::abs(b.data[j]));
    }
  }
  return scale > 0 ? error / scale : error;
}

Item accuracy_of(const std::string& subject, std::function<Graph()> make) {
  return {.name = "accuracy: " + subject,
          .outline = {outline("accuracy", subject, subject, "largest error", "relative", true)},
          .measure = [make = std::move(make)](DeviceBench& bench, Measurements& m) {
            need_opencl(bench);
            const Graph graph = make();
            const double flop = product_flop(graph);
            const auto session = bench.start(graph, Size::kernel, flop);
            std::map<std::string, Tensor> inputs;
            for (const ValueId id : graph.inputs) {
              const GraphValue& value = graph.value(id);
              inputs[value.name] = made_up(value.name, value.type);
            }
            const std::vector<Tensor> got = session->run(inputs);
            const std::vector<Tensor> wanted = compile(graph, Device::host()).run(inputs);
            fill(m[0], {largest_relative_error(got, wanted)});
            m[0].kernel = variants_of(session->plan());
          }};
}

Item energy(const NetWork& work, std::int64_t batch) {
  Item item{.name = fmt::format("energy: {}, batch {}", work.name, batch),
            .outline = {outline("energy", fmt::format("{}/inference/batch {}", work.name, batch),
                                work.name, "inference energy", "J/sample", true)},
            .measure = {}};
  item.outline[0].batch = batch;
  item.measure = [work, batch](DeviceBench& bench, Measurements& m) {
    if (bench.device().kind() != DeviceKind::cpu && !bench.is_host()) {
      throw NoValue("not available: the counters are the processor's, not this device's");
    }
    EnergyCounter counter;
    if (!counter.problem().empty()) throw NoValue("not available: " + counter.problem());
    const Graph graph = work.inference(batch);
    const double flop = product_flop(graph);
    const auto session = bench.start(graph, Size::network, flop);
    const Run run = session_run(session);
    const double one = std::max(run(1), 1e-9);
    // The counters move about once in a millisecond.
    constexpr int kSamples = 8;
    const double wanted = std::max(bench.limits().sampling / kSamples, 0.05);
    const auto count = static_cast<std::int64_t>(std::clamp(wanted / one, 1.0, 1e4));
    std::vector<double> samples;
    counter.joules();
    for (int i = 0; i < kSamples; ++i) {
      run(count);
      samples.push_back(counter.joules() / static_cast<double>(count * batch));
    }
    fill(m[0], std::move(samples));
  };
  return item;
}

}  // namespace

Limits suite_limits(std::string_view suite) {
  if (suite == "quick") return {.sampling = 0.3, .item = 15, .device = 75};
  if (suite == "standard") return {.sampling = 1, .item = 40, .device = 300};
  return {.sampling = 2, .item = 0, .device = 0};
}

std::vector<Item> make_items(std::string_view suite,
                             const std::vector<std::filesystem::path>& models) {
  std::vector<Item> items = peaks();
  std::vector<std::int64_t> sizes = {64, 256, 512};
  if (suite != "quick") sizes.push_back(1024);
  if (suite == "full") sizes.insert(sizes.end(), {2048, 4096});
  for (const std::int64_t n : sizes) items.push_back(kernel(gemm(n)));
  items.push_back(kernel(convolution(1, 8, 8)));
  items.push_back(kernel(convolution(1, 32, 14)));
  items.push_back(kernel(convolution(4, 64, 28)));
  if (suite != "quick") {
    items.push_back(kernel(convolution(4, 256, 14, 1)));
    items.push_back(kernel(convolution(8, 64, 56)));
  }
  if (suite == "full") items.push_back(kernel(convolution(32, 128, 28)));

  const NetWork digits = net_work(find_net("lenet"));
  items.push_back(accuracy_of("GEMM 128 x 128 x 128", [] { return gemm(128).graph; }));
  items.push_back(accuracy_of("convolution 3 x 3, 32 channels, 14 x 14",
                              [] { return convolution(1, 32, 14).graph; }));
  items.push_back(accuracy_of("lenet", [digits] { return digits.inference(1); }));
  items.push_back(layers(suite == "quick" ? digits : net_work(find_net("resnet18"))));
  items.push_back(energy(digits, 32));
  for (const NetBatches& net : net_batches(suite)) {
    for (const std::int64_t n : net.inference) items.push_back(network(net.work, n, false));
    for (const std::int64_t n : net.training) items.push_back(network(net.work, n, true));
  }
  std::set<std::string> names;
  for (const std::filesystem::path& file : models) {
    const NetWork work = file_work(file);
    if (!names.insert(work.name).second) {
      throw ArgumentError(fmt::format("two models are called \"{}\"", work.name), "compare",
                          "rename one of the files");
    }
    std::vector<std::int64_t> batches = {1};
    if (suite != "quick") batches.push_back(4);
    if (suite == "full") batches.insert(batches.end(), {8, 16});
    for (const std::int64_t n : batches) items.push_back(network(work, n, false));
  }
  items.push_back(compile_time());
  return items;
}

}  // namespace pinnacle::bench
