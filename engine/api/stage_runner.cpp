// Stages on OpenCL devices and on the host.
// SPDX-License-Identifier: Apache-2.0
#include "api/stage_runner.hpp"

#include <array>
#include <cstring>
#include <deque>
#include <optional>

#include "runtime/stage_io.hpp"

namespace pinnacle {
namespace {

class DeviceInput final : public StageInput {
 public:
  DeviceInput(runtime::TransferQueue& queue, std::size_t bytes, const std::string& what)
      : memory(queue, bytes, what) {}
  std::span<std::byte> bytes() override { return memory.bytes(); }
  runtime::InputMemory memory;
};

class DeviceStage final : public StageRunner {
 public:
  explicit DeviceStage(Session session)
      : StageRunner(std::move(session)), device_(session_.device()), queue_(device_) {
    const Graph& graph = session_.graph();
    for (auto& set : outputs_) {
      for (const ValueId id : graph.outputs) {
        set.emplace_back(device_, graph.type(id).bytes(), graph.value(id).name);
      }
    }
  }
  ~DeviceStage() override {
    for (const Run& run : runs_) {
      cl_event event = run.done.get();
      clWaitForEvents(1, &event);
    }
  }

  std::unique_ptr<StageInput> make_input(std::size_t k) override {
    const GraphValue& value = session_.graph().value(session_.graph().inputs[k]);
    return std::make_unique<DeviceInput>(queue_, value.type.bytes(), value.name);
  }

  void start(std::vector<StageInput*> inputs) override {
    const Graph& graph = session_.graph();
    std::vector<std::pair<std::string, cl_mem>> buffers;
    std::vector<runtime::bc::event> closed;
    std::vector<cl_event> wait_list;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      runtime::InputMemory& memory = static_cast<DeviceInput&>(*inputs[k]).memory;
      closed.push_back(memory.close());
      wait_list.push_back(closed.back().get());
      buffers.emplace_back(graph.value(graph.inputs[k]).name, memory.get());
    }
    const std::vector<runtime::DeviceBuffer>& outputs = outputs_[started_ % 2];
    for (std::size_t k = 0; k < outputs.size(); ++k) {
      buffers.emplace_back(graph.value(graph.outputs[k]).name, outputs[k].get());
    }
    ++started_;
    runs_.push_back(
        {runtime::bc::event(session_.enqueue(buffers, wait_list), false), std::move(inputs)});
  }

  void finish() override { runtime::wait(runs_.front().done, device_); }

  void read(std::size_t output, std::span<std::byte> target) override {
    queue_.read(outputs_[finished_ % 2][output], target);
  }

  std::vector<StageInput*> done() override {
    std::vector<StageInput*> inputs = std::move(runs_.front().inputs);
    runs_.pop_front();
    ++finished_;
    for (StageInput* input : inputs) static_cast<DeviceInput*>(input)->memory.open();
    return inputs;
  }

 private:
  struct Run {
    runtime::bc::event done;
    std::vector<StageInput*> inputs;
  };

  Device device_;
  runtime::TransferQueue queue_;
  std::array<std::vector<runtime::DeviceBuffer>, 2> outputs_;
  std::deque<Run> runs_;
  std::size_t started_ = 0, finished_ = 0;
};

class HostInput final : public StageInput {
 public:
  explicit HostInput(std::size_t bytes) : bytes_(bytes) {}
  std::span<std::byte> bytes() override { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

// The references work where finish() is called: nothing computes meanwhile.
class HostStage final : public StageRunner {
 public:
  explicit HostStage(Session session) : StageRunner(std::move(session)) {}

  std::unique_ptr<StageInput> make_input(std::size_t k) override {
    return std::make_unique<HostInput>(session_.graph().type(session_.graph().inputs[k]).bytes());
  }
  void start(std::vector<StageInput*> inputs) override { runs_.push_back(std::move(inputs)); }
  void finish() override {
    const Graph& graph = session_.graph();
    for (std::size_t k = 0; k < graph.inputs.size(); ++k) {
      session_.write(graph.value(graph.inputs[k]).name, runs_.front()[k]->bytes());
    }
    session_.enqueue();
  }
  void read(std::size_t output, std::span<std::byte> target) override {
    const Tensor tensor =
        session_.read(session_.graph().value(session_.graph().outputs[output]).name);
    if (!target.empty()) std::memcpy(target.data(), tensor.bytes().data(), target.size());
  }
  std::vector<StageInput*> done() override {
    std::vector<StageInput*> inputs = std::move(runs_.front());
    runs_.pop_front();
    return inputs;
  }

 private:
  std::deque<std::vector<StageInput*>> runs_;
};

}  // namespace

void Inbox::add(std::unique_ptr<StageInput> input) {
  free_.push_back(input.get());
  all_.push_back(std::move(input));
}

StageInput& Inbox::take() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) throw Error("more runs are in flight than there is room for", "Pipeline");
  StageInput& input = *free_.back();
  free_.pop_back();
  return input;
}

void Inbox::give_back(StageInput& input) {
  const std::lock_guard lock(mutex_);
  free_.push_back(&input);
}

std::unique_ptr<StageRunner> make_stage_runner(const Graph& graph, const Device& device,
                                               const CompileOptions& options) {
  CompileOptions plain = options;
  plain.profile = plain.free_ports = false;
  Session session = compile(graph, device, plain);
  if (device.kind() == DeviceKind::host) return std::make_unique<HostStage>(std::move(session));
  return std::make_unique<DeviceStage>(std::move(session));
}

}  // namespace pinnacle
