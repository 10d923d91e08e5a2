// Pipeline: a thread per stage and bounded queues between them. A run travels as a packet of inputs
// that later stages will take; whoever computes a value reads it right into the memory in which its
// readers take it, so that stages in between do not touch it.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/onnx.hpp>
#include <pinnacle/pipeline.hpp>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <mutex>
#include <set>
#include <thread>

#include "api/calibrate.hpp"
#include "api/stage_runner.hpp"
#include "base/channel.hpp"
#include "passes/place.hpp"
#include "runtime/log.hpp"

namespace pinnacle {
namespace {

// Runs that wait between two stages. With the two that a stage holds and the one that is written,
// kRunsInFlight in all from one stage to the next.
constexpr std::size_t kWaiting = 2;
constexpr std::size_t kHeld = 2;
static_assert(kWaiting + kHeld + 1 == kRunsInFlight);

struct Packet {
  std::vector<StageInput*> inputs;  // by number over all stages; null: not computed yet, or taken
  std::vector<Tensor> outputs;      // of the graph
};

// Where a value is needed.
struct Targets {
  std::vector<std::size_t> inputs;   // Packet::inputs
  std::vector<std::size_t> outputs;  // Packet::outputs
};

struct StageState {
  std::unique_ptr<StageRunner> runner;
  std::size_t first_input = 0;  // of Packet::inputs
  std::size_t input_count = 0;
  std::vector<Targets> outputs;  // by output of the stage
  std::unique_ptr<Channel<Packet>> entry;
  std::thread thread;
};

[[noreturn]] void refuse(const std::string& message, const std::string& hint = {}) {
  throw ArgumentError(message, "placement", hint);
}

void check_placement(const Placement& placement, const Graph& graph,
                     const std::vector<std::string>& labels) {
  if (placement.strategy != Strategy::pipeline && placement.strategy != Strategy::automatic) {
    refuse(fmt::format("its strategy is {}; a pipeline runs \"pipeline\" alone",
                       to_string(placement.strategy)));
  }
  if (placement.stages.empty()) refuse("has no stages");
  int next = 0;
  std::set<std::string> used;
  for (std::size_t i = 0; i < placement.stages.size(); ++i) {
    const Stage& stage = placement.stages[i];
    if (stage.first != next || stage.last <= stage.first) {
      refuse(fmt::format("stage {} is nodes [{}, {}) but must begin at {}", i, stage.first,
                         stage.last, next),
             "stages follow each other without a gap");
    }
    next = stage.last;
    if (std::find(labels.begin(), labels.end(), stage.device) == labels.end()) {
      refuse(fmt::format("stage {} is on \"{}\", which is not among the devices", i, stage.device),
             fmt::format("there are: {}", fmt::join(labels, ", ")));
    }
    if (!used.insert(stage.device).second) {
      refuse(fmt::format("stage {} is on {}, as another is", i, stage.device),
             "a device takes one stage");
    }
  }
  if (next != static_cast<int>(graph.nodes.size())) {
    refuse(fmt::format("its stages end at node {}, but the graph has {} nodes", next,
                       graph.nodes.size()),
           "it was made for another network");
  }
}

// The same error with the stage and its device in front.
std::exception_ptr in_stage(std::size_t stage, const std::string& device) {
  const auto said = [&](const std::exception& error) {
    return fmt::format("stage {} failed: {}", stage, error.what());
  };
  try {
    throw;
  } catch (const MemoryError& error) {
    return std::make_exception_ptr(
        MemoryError(said(error), device, error.asked(), error.available()));
  } catch (const DeviceError& error) {
    return std::make_exception_ptr(DeviceError(said(error), device, {}, error.code()));
  } catch (const std::exception& error) {
    return std::make_exception_ptr(Error(said(error), device));
  }
}

}  // namespace

struct Pipeline::Impl {
  Graph graph;
  Placement placement;
  std::vector<Device> devices;  // by stage
  std::vector<StageState> stages;
  std::vector<std::unique_ptr<Inbox>> inboxes;  // by Packet::inputs; after the runners
  std::vector<Targets> given;                   // by input of the graph
  std::unique_ptr<Channel<Packet>> results;
  std::atomic<std::size_t> submitted = 0, taken = 0;
  std::mutex mutex;
  std::exception_ptr failure;

  ~Impl() {
    for (StageState& stage : stages) {
      if (stage.entry) stage.entry->abandon();
    }
    if (results) results->abandon();
    for (StageState& stage : stages) {
      if (stage.thread.joinable()) stage.thread.join();
    }
    inboxes.clear();  // made with the runners' queues
  }

  void build(const CompileOptions& options);
  void start_threads();
  Packet packet() const;
  void begin(StageState& stage, Packet& packet);
  void deliver(StageState& stage, Packet& packet);
  void fill(const Targets& targets, Packet& packet, const Tensor& tensor);
  void work(std::size_t index);
  void stage_loop(StageState& stage, Channel<Packet>& exit);
  [[noreturn]] void fail();
};

void Pipeline::Impl::build(const CompileOptions& options) {
  std::vector<StageGraph> parts;
  for (std::size_t i = 0; i < placement.stages.size(); ++i) {
    const Stage& stage = placement.stages[i];
    parts.push_back(stage_graph(graph, stage.first, stage.last));
    StageState& state = stages.emplace_back();
    state.runner = make_stage_runner(parts.back().graph, devices[i], options);
    state.entry = std::make_unique<Channel<Packet>>(kWaiting);
    state.outputs.resize(parts.back().outputs.size());
  }
  results = std::make_unique<Channel<Packet>>(0);
  given.resize(graph.inputs.size());

  // Who makes each value: a stage's output, or -1 and an input of the graph.
  std::map<ValueId, std::pair<int, Targets*>> makers;
  for (std::size_t k = 0; k < graph.inputs.size(); ++k) {
    makers[graph.inputs[k]] = {-1, &given[k]};
  }
  for (std::size_t i = 0; i < stages.size(); ++i) {
    stages[i].first_input = inboxes.size();
    stages[i].input_count = parts[i].inputs.size();
    for (std::size_t k = 0; k < parts[i].inputs.size(); ++k) {
      const auto& [maker, targets] = makers.at(parts[i].inputs[k]);
      targets->inputs.push_back(inboxes.size());
      Inbox& inbox = *inboxes.emplace_back(std::make_unique<Inbox>());
      // In each stage on the way kHeld, before it kWaiting; one is being written.
      const auto borders = static_cast<std::size_t>(static_cast<int>(i) - maker);
      for (std::size_t n = 0; n < borders * (kWaiting + kHeld) + 1; ++n) {
        inbox.add(stages[i].runner->make_input(k));
      }
    }
    for (std::size_t k = 0; k < parts[i].outputs.size(); ++k) {
      makers[parts[i].outputs[k]] = {static_cast<int>(i), &stages[i].outputs[k]};
    }
  }
  for (std::size_t k = 0; k < graph.outputs.size(); ++k) {
    const auto maker = makers.find(graph.outputs[k]);
    if (maker != makers.end()) maker->second.second->outputs.push_back(k);
  }
}

void Pipeline::Impl::start_threads() {
  for (std::size_t i = 0; i < stages.size(); ++i) {
    stages[i].thread = std::thread([this, i] { work(i); });
  }
}

Packet Pipeline::Impl::packet() const {
  Packet packet;
  packet.inputs.resize(inboxes.size(), nullptr);
  for (const ValueId id : graph.outputs) {
    const GraphValue& value = graph.value(id);
    // An output that is a constant or parameter is there already.
    packet.outputs.push_back(value.role != Role::local && value.role != Role::input && value.data
                                 ? *value.data
                                 : Tensor(value.type.shape, value.type.dtype));
  }
  return packet;
}

void Pipeline::Impl::fill(const Targets& targets, Packet& packet, const Tensor& tensor) {
  for (const std::size_t k : targets.inputs) {
    StageInput& input = inboxes[k]->take();
    packet.inputs[k] = &input;
    if (!tensor.bytes().empty()) {
      std::memcpy(input.bytes().data(), tensor.bytes().data(), tensor.bytes().size());
    }
  }
  for (const std::size_t k : targets.outputs) packet.outputs[k] = tensor;
}

void Pipeline::Impl::begin(StageState& stage, Packet& packet) {
  const auto first = packet.inputs.begin() + static_cast<std::ptrdiff_t>(stage.first_input);
  stage.runner->start({first, first + static_cast<std::ptrdiff_t>(stage.input_count)});
}

void Pipeline::Impl::deliver(StageState& stage, Packet& packet) {
  for (std::size_t k = 0; k < stage.outputs.size(); ++k) {
    for (const std::size_t at : stage.outputs[k].inputs) {
      StageInput& input = inboxes[at]->take();
      packet.inputs[at] = &input;
      stage.runner->read(k, input.bytes());
    }
    for (const std::size_t at : stage.outputs[k].outputs) {
      stage.runner->read(k, packet.outputs[at].bytes());
    }
  }
  const std::vector<StageInput*> open = stage.runner->done();
  for (std::size_t k = 0; k < open.size(); ++k) inboxes[stage.first_input + k]->give_back(*open[k]);
}

// While one run is being handed on, the next one computes.
void Pipeline::Impl::stage_loop(StageState& stage, Channel<Packet>& exit) {
  std::optional<Packet> running;
  for (;;) {
    std::optional<Packet> next = running ? stage.entry->try_pop() : stage.entry->pop();
    if (!running && !next) return;
    std::exception_ptr problem;
    try {
      if (next) begin(stage, *next);
    } catch (...) {
      problem = std::current_exception();  // the run before may still end well
    }
    if (running) {
      stage.runner->finish();
      deliver(stage, *running);
      if (!exit.push(std::move(*running))) return;
    }
    if (problem) std::rethrow_exception(problem);
    running = std::move(next);
  }
}

void Pipeline::Impl::work(std::size_t index) {
  StageState& stage = stages[index];
  Channel<Packet>& exit = index + 1 < stages.size() ? *stages[index + 1].entry : *results;
  try {
    stage_loop(stage, exit);
  } catch (...) {
    const std::exception_ptr error = in_stage(index, placement.stages[index].device);
    const std::lock_guard lock(mutex);
    if (!failure) failure = error;
  }
  // Those before stop; those behind finish what they have.
  stage.entry->abandon();
  exit.close();
}

void Pipeline::Impl::fail() {
  const std::lock_guard lock(mutex);
  if (failure) std::rethrow_exception(failure);
  throw Error("has stopped", "Pipeline");
}

Pipeline::Pipeline(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;
Pipeline::~Pipeline() = default;

const Placement& Pipeline::placement() const { return impl_->placement; }
std::size_t Pipeline::pending() const { return impl_->submitted - impl_->taken; }

const Plan& Pipeline::plan(std::size_t stage) const {
  if (stage >= impl_->stages.size()) {
    throw ArgumentError(
        fmt::format("there is no stage {}; there are {}", stage, impl_->stages.size()),
        "Pipeline::plan");
  }
  return impl_->stages[stage].runner->session().plan();
}

const Device& Pipeline::device(std::size_t stage) const {
  if (stage >= impl_->devices.size()) {
    throw ArgumentError(
        fmt::format("there is no stage {}; there are {}", stage, impl_->devices.size()),
        "Pipeline::device");
  }
  return impl_->devices[stage];
}

void Pipeline::submit(const std::map<std::string, Tensor>& inputs) {
  const char* const where = "Pipeline::submit";
  const Graph& graph = impl_->graph;
  std::vector<const Tensor*> tensors;
  std::vector<std::string> known;
  for (const ValueId id : graph.inputs) {
    const GraphValue& value = graph.value(id);
    known.push_back(value.name);
    const auto given = inputs.find(value.name);
    if (given == inputs.end()) {
      throw ArgumentError(fmt::format("input \"{}\" {} is not given", value.name, value.type),
                          where);
    }
    if (given->second.type() != value.type) {
      throw ShapeError(fmt::format("input \"{}\" is {}; this pipeline was compiled for {}",
                                   value.name, given->second.type(), value.type),
                       where, "compile another pipeline for another shape");
    }
    tensors.push_back(&given->second);
  }
  for (const auto& [name, tensor] : inputs) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw ArgumentError(fmt::format("there is no input \"{}\"", name), where,
                          fmt::format("there are: {}", fmt::join(known, ", ")));
    }
  }
  Packet packet = impl_->packet();
  for (std::size_t k = 0; k < tensors.size(); ++k) {
    impl_->fill(impl_->given[k], packet, *tensors[k]);
  }
  ++impl_->submitted;
  if (!impl_->stages.front().entry->push(std::move(packet))) {
    --impl_->submitted;
    impl_->fail();
  }
}

std::vector<Tensor> Pipeline::next() {
  if (pending() == 0) {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->failure) std::rethrow_exception(impl_->failure);
    throw ArgumentError("nothing was submitted whose result is not taken", "Pipeline::next");
  }
  std::optional<Packet> packet = impl_->results->pop();
  if (!packet) impl_->fail();
  ++impl_->taken;
  return std::move(packet->outputs);
}

std::vector<Tensor> Pipeline::run(const std::map<std::string, Tensor>& inputs) {
  if (pending() > 0) {
    throw ArgumentError(fmt::format("{} results wait to be taken", pending()), "Pipeline::run",
                        "take them with next()");
  }
  submit(inputs);
  return next();
}

std::vector<std::string> device_labels(std::span<const Device> devices) {
  std::vector<std::string> labels;
  for (const Device& device : devices) {
    std::string label = device.name();
    for (int n = 2; std::find(labels.begin(), labels.end(), label) != labels.end(); ++n) {
      label = fmt::format("{} ({})", device.name(), n);
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

Pipeline compile_pipeline(const Graph& graph, const std::vector<Device>& devices,
                          const PipelineOptions& options) {
  const char* const where = "compile_pipeline";
  if (devices.empty()) throw ArgumentError("no device is given", where);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (std::find(devices.begin(), devices.begin() + static_cast<std::ptrdiff_t>(i), devices[i]) !=
        devices.begin() + static_cast<std::ptrdiff_t>(i)) {
      throw ArgumentError(fmt::format("{} is given twice", devices[i].name()), where);
    }
  }
  if (!graph.updates.empty()) {
    throw ArgumentError(fmt::format("the graph updates \"{}\" in each run",
                                    graph.value(graph.updates[0].target).name),
                        where, "a pipeline runs networks for inference");
  }
  verify(graph);
  const std::vector<std::string> labels = device_labels(devices);
  auto impl = std::make_unique<Pipeline::Impl>();
  impl->graph = graph;
  if (options.placement) {
    check_placement(*options.placement, graph, labels);
    impl->placement = *options.placement;
  } else {
    std::vector<std::string> notes;
    const std::vector<NodeCosts> costs = calibrate(graph, devices, labels, options.compile, notes);
    impl->placement = place_pipeline(graph, costs);
    impl->placement.notes.insert(impl->placement.notes.end(), notes.begin(), notes.end());
  }
  runtime::log(3, "{}", to_text(impl->placement));
  for (const Stage& stage : impl->placement.stages) {
    const auto at = std::find(labels.begin(), labels.end(), stage.device) - labels.begin();
    impl->devices.push_back(devices[static_cast<std::size_t>(at)]);
  }
  impl->build(options.compile);
  impl->start_threads();
  return Pipeline(std::move(impl));
}

Pipeline compile_pipeline(const Model& model, const std::vector<Device>& devices,
                          std::int64_t batch, const PipelineOptions& options) {
  return compile_pipeline(model.inference_graph(batch), devices, options);
}

Pipeline compile_pipeline(const OnnxModel& model, const std::vector<Device>& devices,
                          const OnnxBinding& binding, const PipelineOptions& options) {
  return compile_pipeline(model.graph(binding), devices, options);
}

Pipeline compile_pipeline(const OnnxModel& model, const std::vector<Device>& devices,
                          const PipelineOptions& options) {
  return compile_pipeline(model, devices, OnnxBinding{}, options);
}

}  // namespace pinnacle
