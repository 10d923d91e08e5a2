// OpenCL devices: a plan run by the executor.
// SPDX-License-Identifier: Apache-2.0
#include "api/backend.hpp"
#include "runtime/executor.hpp"

namespace pinnacle {
namespace {

class DeviceBackend final : public Backend {
 public:
  DeviceBackend(const Device& device, const Plan& plan,
                std::shared_ptr<runtime::DeviceMemory> memory, bool profile,
                std::shared_ptr<Exchange> exchange)
      : executor_(device, plan, std::move(memory), profile, std::move(exchange)) {}

  void write(std::string_view input, std::span<const std::byte> data, bool blocking) override {
    executor_.write(input, data, blocking);
  }
  void enqueue() override { executor_.enqueue(); }
  void finish() override { executor_.finish(); }
  Tensor read(std::string_view output) override { return executor_.read(output); }
  cl_event enqueue(const std::vector<std::pair<std::string, cl_mem>>& buffers,
                   std::span<const cl_event> wait_list) override {
    return executor_.enqueue(buffers, wait_list);
  }
  Tensor read_persistent(std::string_view name) override { return executor_.read_persistent(name); }
  void write_persistent(std::string_view name, const Tensor& contents) override {
    executor_.write_persistent(name, contents);
  }
  std::vector<CallTime> profile() const override {
    std::vector<CallTime> times;
    for (const auto& call : executor_.profile()) {
      times.push_back({.step = static_cast<std::size_t>(call.step),
                       .call = static_cast<std::size_t>(call.call),
                       .start = call.start,
                       .microseconds = call.microseconds});
    }
    return times;
  }

 private:
  runtime::Executor executor_;
};

}  // namespace

std::unique_ptr<Backend> make_device_backend(const Device& device, const Plan& plan,
                                             const Memory::Impl& memory,
                                             const CompileOptions& options) {
  return std::make_unique<DeviceBackend>(device, plan, memory.on_device, options.profile,
                                         options.exchange);
}

}  // namespace pinnacle
