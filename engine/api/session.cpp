// compile() and Session: where the front, the passes and the runtime meet.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/onnx.hpp>
#include <pinnacle/session.hpp>

#include <algorithm>
#include <set>

#include "api/backend.hpp"
#include "passes/passes.hpp"
#include "runtime/executor.hpp"
#include "runtime/log.hpp"

namespace pinnacle {

struct Session::Impl {
  Device device;
  Graph graph;
  Plan plan;
  std::unique_ptr<Backend> backend;
};

namespace {

PassOptions pass_options(const CompileOptions& options) {
  return {.variants = options.variants,
          .without = options.without_passes,
          .free_ports = options.free_ports};
}

const TensorType& port_type(const Graph& graph, const std::vector<ValueId>& ports,
                            std::string_view name, const char* kind) {
  std::vector<std::string> names;
  for (const ValueId id : ports) {
    if (graph.value(id).name == name) return graph.type(id);
    names.push_back(fmt::format("\"{}\" {}", graph.value(id).name, graph.type(id)));
  }
  throw ArgumentError(fmt::format("there is no {} \"{}\"", kind, name), "Session",
                      fmt::format("there are: {}", fmt::join(names, ", ")));
}

Target target_of(const Target& measured, const CompileOptions& options) {
  Target target = measured;
  if (options.tuned) target.tuned = *options.tuned;
  return target;
}

void prepare(Session::Impl& impl, const Target& target, const CompileOptions& options,
             Memory& memory) {
  impl.plan = run_passes(impl.graph, target, pass_options(options));
  runtime::log(3, "{}", to_text(impl.plan));
  impl.backend = make_device_backend(impl.device, impl.plan, memory.impl(), options);
}

// What runs on the host, said in the form of a plan: one step per node.
Plan host_plan(const Graph& graph, std::vector<std::string> notes) {
  Plan plan;
  plan.device = "host";
  plan.notes = std::move(notes);
  for (const Node& node : graph.nodes) {
    const Cost cost = node.def->cost(view(graph, node));
    plan.steps.push_back({.node = node.name,
                          .op = node.op,
                          .variant = "reference",
                          .reason = "",
                          .prepare = {},
                          .calls = {},
                          .flop = cost.flop,
                          .bytes = cost.bytes});
  }
  return plan;
}

}  // namespace

Memory::Memory(const Device& device)
    : impl_(std::make_unique<Impl>(
          Impl{.device = device, .on_device = nullptr, .on_host = nullptr})) {
  if (device.kind() == DeviceKind::host) {
    impl_->on_host = std::make_shared<std::map<std::string, Array>>();
  } else {
    impl_->on_device = std::make_shared<runtime::DeviceMemory>(device);
  }
}
Memory::~Memory() = default;
Memory::Memory(Memory&&) noexcept = default;
Memory& Memory::operator=(Memory&&) noexcept = default;

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

const Plan& Session::plan() const { return impl_->plan; }
const Graph& Session::graph() const { return impl_->graph; }
const Device& Session::device() const { return impl_->device; }

Tensor Session::operator()(const Tensor& x) {
  const Graph& graph = impl_->graph;
  if (graph.inputs.size() != 1 || graph.outputs.size() != 1) {
    throw ArgumentError(fmt::format("the graph has {} inputs and {} outputs", graph.inputs.size(),
                                    graph.outputs.size()),
                        "Session", "name them: run({{\"x\", ...}})");
  }
  return std::move(run({{graph.value(graph.inputs[0]).name, x}}).front());
}

std::vector<Tensor> Session::run(const std::map<std::string, Tensor>& inputs) {
  const Graph& graph = impl_->graph;
  for (const ValueId id : graph.inputs) {
    if (inputs.count(graph.value(id).name) == 0) {
      throw ArgumentError(
          fmt::format("input \"{}\" {} is not given", graph.value(id).name, graph.type(id)),
          "Session::run");
    }
  }
  for (const auto& [name, tensor] : inputs) {
    const TensorType& type = port_type(graph, graph.inputs, name, "input");
    if (tensor.type() != type) {
      throw ShapeError(fmt::format("input \"{}\" is {}; this session was compiled for {}", name,
                                   tensor.type(), type),
                       "Session::run", "compile another session for another shape");
    }
    impl_->backend->write(name, tensor.bytes(), false);
  }
  impl_->backend->enqueue();
  std::vector<Tensor> outputs;
  for (const ValueId id : graph.outputs)
    outputs.push_back(impl_->backend->read(graph.value(id).name));
  return outputs;
}

void Session::write(std::string_view input, std::span<const std::byte> data, bool blocking) {
  const TensorType& type = port_type(impl_->graph, impl_->graph.inputs, input, "input");
  if (data.size() != type.bytes()) {
    throw ShapeError(fmt::format("input \"{}\" is {}: {} bytes, but {} are given", input, type,
                                 type.bytes(), data.size()),
                     "Session::write");
  }
  impl_->backend->write(input, data, blocking);
}

void Session::enqueue() { impl_->backend->enqueue(); }
void Session::finish() { impl_->backend->finish(); }

Tensor Session::read(std::string_view output) {
  port_type(impl_->graph, impl_->graph.outputs, output, "output");
  return impl_->backend->read(output);
}

cl_event Session::enqueue(const std::vector<std::pair<std::string, cl_mem>>& buffers,
                          std::span<const cl_event> wait_list) {
  return impl_->backend->enqueue(buffers, wait_list);
}

Weights Session::weights() const {
  Weights weights;
  for (const GraphValue& value : impl_->graph.values) {
    if (value.role == Role::parameter || value.role == Role::state) {
      weights[value.name] = impl_->backend->read_persistent(value.name);
    }
  }
  return weights;
}

void Session::set_weights(const Weights& weights) {
  for (const auto& [name, tensor] : weights) {
    const ValueId id = impl_->graph.find(name);
    if (id == kNoValue || (impl_->graph.value(id).role != Role::parameter &&
                           impl_->graph.value(id).role != Role::state)) {
      throw ArgumentError(fmt::format("there is no parameter or state \"{}\"", name), "Session");
    }
    if (impl_->graph.type(id) != tensor.type()) {
      throw ShapeError(fmt::format("is {}; expected {}", tensor.type(), impl_->graph.type(id)),
                       name);
    }
    impl_->backend->write_persistent(name, tensor);
  }
}

Tensor Session::read_state(std::string_view name) { return impl_->backend->read_persistent(name); }

void Session::write_state(std::string_view name, const Tensor& contents) {
  set_weights({{std::string(name), contents}});
}

std::vector<StepTime> Session::profile() const {
  std::vector<StepTime> times;
  for (const Step& step : impl_->plan.steps) {
    times.push_back({step.node, step.op, step.variant, 0, step.flop, step.bytes});
  }
  for (const CallTime& time : impl_->backend->profile()) {
    times.at(time.step).microseconds += time.microseconds;
  }
  return times;
}

std::vector<TraceEvent> Session::trace() const {
  std::vector<TraceEvent> events;
  for (const CallTime& time : impl_->backend->profile()) {
    const Step& step = impl_->plan.steps.at(time.step);
    events.push_back({.node = step.node,
                      .op = step.op,
                      .variant = step.variant,
                      .call = to_text(step.calls.at(time.call)),
                      .start = time.start,
                      .microseconds = time.microseconds});
  }
  return events;
}

Session compile(const Graph& graph, const Device& device, const CompileOptions& options) {
  Memory memory(device);
  return compile(graph, device, options, memory);
}

Session compile(const Graph& graph, const Device& device, const CompileOptions& options,
                Memory& memory) {
  auto impl = std::make_unique<Session::Impl>(
      Session::Impl{.device = device, .graph = graph, .plan = {}, .backend = nullptr});
  if (!(memory.impl().device == device)) {
    throw ArgumentError("the memory belongs to another device", "compile");
  }
  if (device.kind() == DeviceKind::host) {
    // Fusing would only hide which reference is wrong; the host runs the graph as written.
    PassOptions passes = pass_options(options);
    const std::vector<std::string> rewriting = rewriting_passes();
    passes.without.insert(passes.without.end(), rewriting.begin(), rewriting.end());
    std::vector<std::string> notes = run_graph_passes(impl->graph, passes);
    impl->plan = host_plan(impl->graph, std::move(notes));
    impl->backend = make_host_backend(impl->graph, memory.impl(), options);
  } else {
    const Target target = target_of(device.target(), options);
    try {
      prepare(*impl, target, options, memory);
    } catch (const KernelError& error) {
      // What was tuned elsewhere may be beyond this compiler.
      if (target.tuned.empty()) throw;
      runtime::log(1, "compiling again without tuned choices: {}", error.what());
      Target plain = target;
      plain.tuned.clear();
      impl->graph = graph;
      prepare(*impl, plain, options, memory);
    }
  }
  return Session(std::move(impl));
}

Session compile(const Model& model, const Device& device, std::int64_t batch,
                const CompileOptions& options) {
  return compile(model.inference_graph(batch), device, options);
}

Session compile(const OnnxModel& model, const Device& device, const OnnxBinding& binding,
                const CompileOptions& options) {
  return compile(model.graph(binding), device, options);
}

Session compile(const OnnxModel& model, const Device& device, const CompileOptions& options) {
  return compile(model, device, OnnxBinding{}, options);
}

Plan make_plan(Graph graph, const Target& target, const CompileOptions& options) {
  return run_passes(graph, target_of(target, options), pass_options(options));
}

}  // namespace pinnacle
