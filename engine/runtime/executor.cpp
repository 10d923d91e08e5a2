// SPDX-License-Identifier: Apache-2.0
#include "runtime/executor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <pinnacle/error.hpp>
#include <set>

#include "base/text.hpp"
#include "plan/call_buffers.hpp"
#include "runtime/clblast.hpp"
#include "runtime/kernel_source.hpp"
#include "runtime/log.hpp"
#include "runtime/opencl_loader.hpp"

namespace pinnacle::runtime {
namespace {

std::shared_ptr<DeviceMemory> memory_or_new(std::shared_ptr<DeviceMemory> memory,
                                            const Device& device) {
  if (device.handle().is_host()) {
    throw DeviceError("runs no kernels", "host", "choose an OpenCL device");
  }
  if (!memory) return std::make_shared<DeviceMemory>(device);
  if (!(memory->device() == device)) {
    throw DeviceError("the memory belongs to another device", device.name());
  }
  return memory;
}

bool is_empty(const KernelCall& call) {
  return std::find(call.global.begin(), call.global.end(), 0u) != call.global.end();
}

// The index of a buffer of the plan.
std::size_t index_of(const BufferRef& ref) { return static_cast<std::size_t>(ref.index); }

// Waits for everything enqueued so far. Not clFinish: some drivers' waits only for what has not been
// flushed yet.
void wait_for_all(cl_command_queue queue, const std::string& device) {
  cl_event done = nullptr;
  check(clEnqueueMarkerWithWaitList(queue, 0, nullptr, &done), "clEnqueueMarkerWithWaitList",
        device);
  const bc::event guard(done, false);
  check(clWaitForEvents(1, &done), "clWaitForEvents", device);
}

}  // namespace

Executor::Executor(const Device& device, Plan plan, std::shared_ptr<DeviceMemory> memory,
                   bool profile, std::shared_ptr<Exchange> exchange)
    : device_(device),
      plan_(std::move(plan)),
      shared_(memory_or_new(std::move(memory), device)),
      profile_(profile || log_level() >= 2),
      memory_(device_, plan_, *shared_),
      bindings_(plan_.buffers.size()),
      exchange_(std::move(exchange)),
      enqueue_kernel_(reinterpret_cast<decltype(&clEnqueueNDRangeKernel)>(
          opencl_function("clEnqueueNDRangeKernel"))) {
  DeviceHandle& handle = device_.handle();
  queue_ = profile_ ? handle.profiling_queue() : handle.queue();
  prepare();
  if (profile_) {
    events_.resize(prepared_.size());
    host_us_.resize(prepared_.size());
  }
}

// All at once, so that they share a program where they can.
void Executor::build_programs() {
  std::vector<const KernelCall*> needed;
  for (const Step& step : plan_.steps) {
    for (const std::vector<Call>* calls : {&step.prepare, &step.calls}) {
      for (const Call& call : *calls) {
        const auto* kernel = std::get_if<KernelCall>(&call);
        if (kernel != nullptr && !is_empty(*kernel)) needed.push_back(kernel);
      }
    }
  }
  std::vector<ProgramKernel> built = device_.handle().programs().get(needed);
  for (std::size_t i = 0; i < needed.size(); ++i) programs_[needed[i]] = std::move(built[i]);
}

void Executor::prepare() {
  build_programs();
  for (std::size_t s = 0; s < plan_.steps.size(); ++s) {
    prepare(plan_.steps[s].prepare, static_cast<int>(s), once_);
    prepare(plan_.steps[s].calls, static_cast<int>(s), prepared_);
  }
  programs_.clear();
  find_due_exchanges();
}

void Executor::prepare(const std::vector<Call>& calls, int step, std::vector<Prepared>& into) {
  for (std::size_t c = 0; c < calls.size(); ++c) {
    Prepared prepared;
    prepared.source = &calls[c];
    prepared.step = step;
    prepared.call = static_cast<int>(c);
    if (const auto* call = std::get_if<KernelCall>(&calls[c])) {
      if (is_empty(*call)) continue;
      prepare_kernel(*call, prepared);
    } else if (std::holds_alternative<ClblastGemmCall>(calls[c]) && !clblast_available()) {
      throw DeviceError(clblast_problem(), plan_.steps[static_cast<std::size_t>(step)].node,
                        "choose another variant of the op");
    }
    into.push_back(prepared);
  }
}

void Executor::prepare_kernel(const KernelCall& call, Prepared& prepared) {
  const std::string where = kernel_path(call.file);
  const auto& [program, name] = programs_.at(&call);
  cl_int code = CL_SUCCESS;
  const cl_kernel made = clCreateKernel(program.get(), name.c_str(), &code);
  if (code == CL_INVALID_KERNEL_NAME) {
    throw KernelError(fmt::format("defines no kernel \"{}\"", call.kernel), where, {},
                      "a kernel has the name of its file unless KernelCall::kernel says another");
  }
  check(code, "clCreateKernel", where);
  kernels_.emplace_back(made, false);
  cl_uint count = 0;
  check(clGetKernelInfo(made, CL_KERNEL_NUM_ARGS, sizeof(count), &count, nullptr),
        "clGetKernelInfo", where);
  if (count != call.args.size()) {
    throw KernelError(fmt::format("kernel \"{}\" has {} arguments but is given {}", call.kernel,
                                  count, call.args.size()),
                      where, {}, "the op's lower() and the kernel's signature must agree");
  }
  for (cl_uint i = 0; i < count; ++i) {
    const Arg& arg = call.args[i];
    if (const auto* ref = std::get_if<BufferRef>(&arg)) {
      if (ref->space != BufferRef::Space::buffer || index_of(*ref) >= plan_.buffers.size()) {
        throw KernelError(fmt::format("argument {} names no buffer of the plan", i), where, {});
      }
      const cl_mem memory = memory_[index_of(*ref)];
      code = clSetKernelArg(made, i, sizeof(memory), &memory);
      bindings_[index_of(*ref)].push_back({made, i});
    } else if (const auto* local = std::get_if<LocalBytes>(&arg)) {
      code = clSetKernelArg(made, i, local->bytes, nullptr);
    } else if (const auto* integer = std::get_if<std::int32_t>(&arg)) {
      code = clSetKernelArg(made, i, sizeof(*integer), integer);
    } else {
      code = clSetKernelArg(made, i, sizeof(float), &std::get<float>(arg));
    }
    if (code != CL_SUCCESS) {
      throw KernelError(fmt::format("argument {} of kernel \"{}\" is refused: {}", i, call.kernel,
                                    code_name(code)),
                        where, {}, "its type in the kernel differs from the one in lower()");
    }
  }
  prepared.kernel = made;
  std::copy(call.global.begin(), call.global.end(), prepared.global);
  std::copy(call.local.begin(), call.local.end(), prepared.local);
  prepared.dimensions = call.global[2] > 1 || call.local[2] > 1   ? 3
                        : call.global[1] > 1 || call.local[1] > 1 ? 2
                                                                  : 1;
}

void Executor::enqueue() {
  if (!profile_) {
    run();
    return;
  }
  enter_profiling();
  run();
  finish();
  if (log_level() >= 2) log_times();
}

// The profiling queue does not see the order of the device's own queue.
void Executor::enter_profiling() {
  DeviceHandle& handle = device_.handle();
  wait_for_all(handle.queue(), handle.name());
}

cl_int Executor::enqueue(const Prepared& prepared, cl_event* event) {
  return prepared.kernel != nullptr
             ? enqueue_kernel_(queue_, prepared.kernel, prepared.dimensions, nullptr,
                               prepared.global, prepared.local, 0, nullptr, event)
             : run_other(prepared, event);
}

// What depends on parameters alone, if those are not the ones that it was made of.
void Executor::run_once() {
  const std::uint64_t version = shared_->version();
  if (version == once_version_) return;
  for (const Prepared& prepared : once_) {
    const cl_int code = enqueue(prepared, nullptr);
    if (code != CL_SUCCESS) fail_run(prepared, code);
  }
  once_version_ = version;
}

void Executor::run() {
  for (; !pending_.empty(); pending_.pop_front())
    give_back(pending_.front(), nullptr);  // it failed
  if (!once_.empty()) run_once();
  for (std::size_t i = 0; i < prepared_.size(); ++i) {
    if (!pending_.empty()) finish_exchanges(i);
    if (std::holds_alternative<ExchangeCall>(*prepared_[i].source)) {
      begin_exchange(prepared_[i]);
      continue;
    }
    cl_event event = nullptr;
    const bool on_host = profile_ && std::holds_alternative<HostCall>(*prepared_[i].source);
    if (on_host) wait_for_all(queue_, device_.name());  // for the kernels before it
    const auto start = std::chrono::steady_clock::now();
    const cl_int code = enqueue(prepared_[i], profile_ ? &event : nullptr);
    if (on_host) {
      host_us_[i] =
          std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
              .count();
    }
    if (code != CL_SUCCESS) [[unlikely]] {
      fail_run(prepared_[i], code);
    }
    if (profile_) events_[i] = bc::event(event, false);
  }
  finish_exchanges(prepared_.size());
  if (plan_.updates) {
    // Other plans that share the memory prepare again; nothing fixed in this one has changed.
    const bool current = once_version_ == shared_->version();
    shared_->changed();
    if (current) once_version_ = shared_->version();
  }
  check(clFlush(queue_), "clFlush", device_.name());
}

cl_int Executor::run_other(const Prepared& prepared, cl_event* event) {
  const Call& call = *prepared.source;
  if (const auto* zero = std::get_if<ZeroCall>(&call)) {
    const std::size_t bytes = plan_.buffers[index_of(zero->target)].bytes;
    const cl_uchar value = 0;
    return clEnqueueFillBuffer(queue_, memory_[index_of(zero->target)], &value, 1, 0,
                               std::max<std::size_t>(bytes, 1), 0, nullptr, event);
  }
  if (const auto* copy = std::get_if<CopyCall>(&call)) {
    const std::size_t bytes = plan_.buffers[index_of(copy->target)].bytes;
    return clEnqueueCopyBuffer(queue_, memory_[index_of(copy->source)],
                               memory_[index_of(copy->target)], 0, 0,
                               std::max<std::size_t>(bytes, 1), 0, nullptr, event);
  }
  if (const auto* host = std::get_if<HostCall>(&call)) return run_on_host(*host, event);
  const auto& gemm = std::get<ClblastGemmCall>(call);
  return clblast_gemm(gemm, memory_[index_of(gemm.a)], memory_[index_of(gemm.b)],
                      memory_[index_of(gemm.c)], queue_, event);
}

cl_int Executor::run_on_host(const HostCall& call, cl_event* event) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    Tensor& tensor = inputs.emplace_back(call.input_types[i].shape, call.input_types[i].dtype);
    if (tensor.bytes().empty()) continue;
    const cl_int code =
        clEnqueueReadBuffer(queue_, memory_[index_of(call.inputs[i])], CL_TRUE, 0,
                            tensor.bytes().size(), tensor.bytes().data(), 0, nullptr, nullptr);
    if (code != CL_SUCCESS) return code;
  }
  const std::vector<Tensor> outputs = call.run(inputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const std::span<const std::byte> bytes = outputs[i].bytes();
    if (bytes.empty()) continue;
    const cl_int code = clEnqueueWriteBuffer(queue_, memory_[index_of(call.outputs[i])], CL_TRUE, 0,
                                             bytes.size(), bytes.data(), 0, nullptr, nullptr);
    if (code != CL_SUCCESS) return code;
  }
  return event == nullptr ? CL_SUCCESS : clEnqueueMarkerWithWaitList(queue_, 0, nullptr, event);
}

// Exchanges are finished in their order, the same for all participants, each before the first call that
// needs its result or that of a later one.
void Executor::find_due_exchanges() {
  const auto whole = [&](const BufferRef& ref) {
    std::size_t buffer = index_of(ref);
    while (plan_.buffers[buffer].part_of >= 0) {
      buffer = static_cast<std::size_t>(plan_.buffers[buffer].part_of);
    }
    return buffer;
  };
  const auto touches = [&](const Call& call, const std::set<std::size_t>& buffers) {
    bool any = false;
    for_buffers(call, [&](const BufferRef& ref) { any = any || buffers.count(whole(ref)) != 0; });
    return any;
  };
  std::size_t later = prepared_.size();
  for (std::size_t i = prepared_.size(); i-- > 0;) {
    const auto* exchange = std::get_if<ExchangeCall>(prepared_[i].source);
    if (exchange == nullptr) continue;
    std::set<std::size_t> results;
    for (const BufferRef& ref : exchange->outputs) results.insert(whole(ref));
    std::size_t first = i + 1;
    while (first < later && !touches(*prepared_[first].source, results)) ++first;
    prepared_[i].due = later = first;
    prepared_[i].together = buffer_of_all(exchange->outputs);
  }
}

// The buffer whose ranges are all among these; -1: there is none.
int Executor::buffer_of_all(const std::vector<BufferRef>& parts) const {
  int whole = -1;
  for (const BufferRef& part : parts) {
    whole = std::max(whole, plan_.buffers[index_of(part)].part_of);
  }
  if (whole < 0) return -1;
  const auto within = std::count_if(plan_.buffers.begin(), plan_.buffers.end(),
                                    [&](const PlanBuffer& b) { return b.part_of == whole; });
  std::set<std::size_t> own;
  for (const BufferRef& part : parts) {
    if (plan_.buffers[index_of(part)].part_of == whole) own.insert(index_of(part));
  }
  return within == std::ssize(own) ? whole : -1;
}

void* Executor::map(Pending& pending, std::size_t buffer, std::size_t bytes) {
  cl_int code = CL_SUCCESS;
  cl_event there = nullptr;
  void* const mapped =
      clEnqueueMapBuffer(queue_, memory_[buffer], CL_FALSE, CL_MAP_READ | CL_MAP_WRITE, 0, bytes, 0,
                         nullptr, &there, &code);
  check(code, "clEnqueueMapBuffer", device_.name());
  pending.there = bc::event(there, false);
  pending.mapped.emplace_back(memory_[buffer], mapped);
  return mapped;
}

void Executor::begin_exchange(const Prepared& prepared) {
  const auto& call = std::get<ExchangeCall>(*prepared.source);
  pending_.emplace_back();  // there from the start: what is mapped is given back in any case
  Pending& pending = pending_.back();
  pending.prepared = &prepared;
  const auto buffer = [&](const BufferRef& ref) -> const PlanBuffer& {
    return plan_.buffers[index_of(ref)];
  };
  for (std::size_t i = 0; i < call.outputs.size(); ++i) {
    const std::size_t from = index_of(call.inputs[i]);
    const std::size_t to = index_of(call.outputs[i]);
    const std::size_t bytes = buffer(call.outputs[i]).type.bytes();
    if (from == to || bytes == 0) continue;
    check(clEnqueueCopyBuffer(queue_, memory_[from], memory_[to], 0, 0, bytes, 0, nullptr, nullptr),
          "clEnqueueCopyBuffer", device_.name());
  }
  if (exchange_ == nullptr) return;
  const auto whole = static_cast<std::size_t>(prepared.together);
  std::byte* together = nullptr;
  if (prepared.together >= 0) {
    together = static_cast<std::byte*>(map(pending, whole, plan_.buffers[whole].bytes));
  }
  for (const BufferRef& ref : call.outputs) {
    const std::size_t bytes = buffer(ref).type.bytes();
    if (bytes == 0) continue;
    void* const start = together != nullptr && buffer(ref).part_of == prepared.together
                            ? together + (buffer(ref).offset - plan_.buffers[whole].offset)
                            : map(pending, index_of(ref), bytes);
    pending.parts.emplace_back(static_cast<float*>(start), bytes / sizeof(float));
  }
  check(clFlush(queue_), "clFlush", device_.name());
  if (profile_) finish_exchanges(prepared_.size());
}

void Executor::finish_exchanges(std::size_t before) {
  while (!pending_.empty() && pending_.front().prepared->due <= before) {
    finish_exchange(pending_.front());
    pending_.pop_front();
  }
}

void Executor::finish_exchange(Pending& pending) {
  if (pending.parts.empty()) return;
  const auto& call = std::get<ExchangeCall>(*pending.prepared->source);
  const auto start = std::chrono::steady_clock::now();
  const cl_event there = pending.there.get();
  check(clWaitForEvents(1, &there), "clWaitForEvents", device_.name());
  if (call.kind == ExchangeCall::Kind::sum) {
    exchange_->sum(call.name, pending.parts);
  } else {
    exchange_->moments(call.name, pending.parts[0], pending.parts[1], call.share);
  }
  cl_event given_back = nullptr;
  give_back(pending, profile_ ? &given_back : nullptr);
  if (!profile_) return;
  const auto i = static_cast<std::size_t>(pending.prepared - prepared_.data());
  events_[i] = bc::event(given_back, false);
  host_us_[i] =
      std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

void Executor::give_back(Pending& pending, cl_event* event) {
  for (const auto& [memory, start] : pending.mapped) {
    const bool last = start == pending.mapped.back().second;
    check(clEnqueueUnmapMemObject(queue_, memory, start, 0, nullptr, last ? event : nullptr),
          "clEnqueueUnmapMemObject", device_.name());
  }
}

void Executor::fail_run(const Prepared& prepared, cl_int code) {
  const Step& step = plan_.steps[static_cast<std::size_t>(prepared.step)];
  const Call& call = *prepared.source;
  const char* name = std::holds_alternative<KernelCall>(call)     ? "clEnqueueNDRangeKernel"
                     : std::holds_alternative<ZeroCall>(call)     ? "clEnqueueFillBuffer"
                     : std::holds_alternative<CopyCall>(call)     ? "clEnqueueCopyBuffer"
                     : std::holds_alternative<ExchangeCall>(call) ? "the exchange"
                     : std::holds_alternative<HostCall>(call)
                         ? "clEnqueueReadBuffer or clEnqueueWriteBuffer"
                         : "CLBlastSgemm";
  const std::string where = fmt::format("{}, {} \"{}\"", device_.name(), step.op, step.node);
  if (is_out_of_memory(code)) {
    fail_memory(device_, plan_,
                fmt::format("{} of {} failed with {}", name, where, code_name(code)));
  }
  throw DeviceError(
      fmt::format("{} failed with {} ({}) in {}", name, code_name(code), code, to_text(call)),
      where, {}, code);
}

void Executor::finish() { wait_for_all(queue_, device_.name()); }

std::size_t Executor::port(const std::vector<PlanPort>& ports, std::string_view name,
                           std::string_view kind) const {
  std::vector<std::string> known;
  for (const PlanPort& candidate : ports) {
    if (candidate.name == name) return static_cast<std::size_t>(candidate.buffer);
    known.push_back(candidate.name);
  }
  std::string list;
  for (const std::string& text : known) list += (list.empty() ? "" : ", ") + text;
  throw ArgumentError(fmt::format("there is no {} \"{}\"; there is: {}", kind, name, list),
                      std::string(name), suggestion(name, known));
}

void Executor::write(std::string_view input, std::span<const std::byte> data, bool blocking) {
  const std::size_t index = port(plan_.inputs, input, "input");
  const PlanBuffer& buffer = plan_.buffers[index];
  if (data.size() != buffer.type.bytes()) {
    throw ShapeError(fmt::format("is {} of {} bytes but was given {} bytes", to_string(buffer.type),
                                 buffer.type.bytes(), data.size()),
                     std::string(input));
  }
  if (data.empty()) return;
  check(clEnqueueWriteBuffer(queue_, memory_[index], blocking ? CL_TRUE : CL_FALSE, 0, data.size(),
                             data.data(), 0, nullptr, nullptr),
        "clEnqueueWriteBuffer", device_.name());
}

Tensor Executor::read(std::string_view output) {
  const TensorType& type = plan_.buffers[port(plan_.outputs, output, "output")].type;
  Tensor tensor(type.shape, type.dtype);
  read_into(output, tensor.bytes(), true);
  return tensor;
}

void Executor::read_into(std::string_view output, std::span<std::byte> data, bool blocking) {
  const std::size_t index = port(plan_.outputs, output, "output");
  const PlanBuffer& buffer = plan_.buffers[index];
  if (data.size() != buffer.type.bytes()) {
    throw ShapeError(fmt::format("is {} of {} bytes but is to be read into {} bytes",
                                 to_string(buffer.type), buffer.type.bytes(), data.size()),
                     std::string(output));
  }
  if (data.empty()) return;
  check(clEnqueueReadBuffer(queue_, memory_[index], blocking ? CL_TRUE : CL_FALSE, 0, data.size(),
                            data.data(), 0, nullptr, nullptr),
        "clEnqueueReadBuffer", device_.name());
}

void Executor::bind(std::size_t buffer, cl_mem memory) {
  for (const Binding& binding : bindings_[buffer]) {
    check(clSetKernelArg(binding.kernel, binding.argument, sizeof(memory), &memory),
          "clSetKernelArg", device_.name());
  }
  memory_.all()[buffer] = memory;
}

cl_event Executor::enqueue(const std::vector<std::pair<std::string, cl_mem>>& buffers,
                           std::span<const cl_event> wait_list) {
  std::vector<PlanPort> ports = plan_.inputs;
  ports.insert(ports.end(), plan_.outputs.begin(), plan_.outputs.end());
  std::vector<std::pair<std::size_t, cl_mem>> bound;
  for (const auto& [name, memory] : buffers) {
    const std::size_t index = port(ports, name, "input or output");
    const PlanBuffer& buffer = plan_.buffers[index];
    if (buffer.place != PlanBuffer::Place::external) {
      throw ArgumentError("lives on the device and cannot be bound to another buffer", name,
                          "read or write it by name instead");
    }
    std::size_t bytes = 0;
    check(clGetMemObjectInfo(memory, CL_MEM_SIZE, sizeof(bytes), &bytes, nullptr),
          "clGetMemObjectInfo", name);
    if (bytes < buffer.type.bytes()) {
      throw ShapeError(fmt::format("needs {} bytes for {} but its buffer has {}",
                                   buffer.type.bytes(), to_string(buffer.type), bytes),
                       name);
    }
    bound.emplace_back(index, memory);
  }

  // Puts the executor's own buffers back, however this call ends.
  struct Restore {
    Executor& executor;
    std::vector<std::pair<std::size_t, cl_mem>> own;
    ~Restore() {
      for (const auto& [index, memory] : own) {
        for (const Binding& binding : executor.bindings_[index]) {
          clSetKernelArg(binding.kernel, binding.argument, sizeof(memory), &memory);
        }
        executor.memory_.all()[index] = memory;
      }
    }
  } restore{*this, {}};
  for (const auto& [index, memory] : bound) {
    restore.own.insert(restore.own.begin(), {index, memory_[index]});
    bind(index, memory);
  }
  if (profile_) enter_profiling();
  if (!wait_list.empty()) {
    check(clEnqueueBarrierWithWaitList(queue_, static_cast<cl_uint>(wait_list.size()),
                                       wait_list.data(), nullptr),
          "clEnqueueBarrierWithWaitList", device_.name());
  }
  run();
  cl_event done = nullptr;
  check(clEnqueueMarkerWithWaitList(queue_, 0, nullptr, &done), "clEnqueueMarkerWithWaitList",
        device_.name());
  const bc::event guard(done, true);
  check(clFlush(queue_), "clFlush", device_.name());
  if (profile_) finish();
  return done;
}

Tensor Executor::read_persistent(std::string_view name) { return shared_->read(name); }

void Executor::write_persistent(std::string_view name, const Tensor& tensor) {
  shared_->write(name, tensor);
}

std::vector<std::string> Executor::persistent_names() const {
  std::vector<std::string> names;
  for (const PlanBuffer& buffer : plan_.buffers) {
    if (buffer.place == PlanBuffer::Place::persistent) names.push_back(buffer.name);
  }
  return names;
}

std::vector<StepProfile> Executor::profile() const {
  std::vector<StepProfile> times;
  cl_ulong first = 0;
  for (std::size_t i = 0; i < events_.size(); ++i) {
    if (events_[i].get() == nullptr) continue;  // not run yet
    cl_ulong start = 0;
    cl_ulong end = 0;
    check(clGetEventProfilingInfo(events_[i].get(), CL_PROFILING_COMMAND_START, sizeof(start),
                                  &start, nullptr),
          "clGetEventProfilingInfo", device_.name());
    check(clGetEventProfilingInfo(events_[i].get(), CL_PROFILING_COMMAND_END, sizeof(end), &end,
                                  nullptr),
          "clGetEventProfilingInfo", device_.name());
    // The host's work ends where its marker does.
    const double us = host_us_[i] > 0 ? host_us_[i] : 1e-3 * static_cast<double>(end - start);
    if (times.empty()) first = end - std::min(end, static_cast<cl_ulong>(1e3 * us));
    const double ended = 1e-3 * (static_cast<double>(end) - static_cast<double>(first));
    times.push_back({.step = prepared_[i].step,
                     .call = prepared_[i].call,
                     .microseconds = us,
                     .start = std::max(0.0, ended - us)});
  }
  return times;
}

void Executor::log_times() const {
  for (const StepProfile& time : profile()) {
    const Step& step = plan_.steps[static_cast<std::size_t>(time.step)];
    log(2, "{:9.1f} us  {} \"{}\": {}", time.microseconds, step.op, step.node,
        to_text(step.calls[static_cast<std::size_t>(time.call)]));
  }
}

}  // namespace pinnacle::runtime
