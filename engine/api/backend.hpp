// What a Session runs on: an OpenCL device by its plan, or the host by its references.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <pinnacle/session.hpp>

namespace pinnacle {

namespace runtime {
class DeviceMemory;
}

/// Persistent values by name: on a device, or in double on the host.
struct Memory::Impl {
  Device device;
  std::shared_ptr<runtime::DeviceMemory> on_device;
  std::shared_ptr<std::map<std::string, Array>> on_host;
};

/// One call of a plan's step in the last run.
struct CallTime {
  std::size_t step = 0;
  std::size_t call = 0;
  double start = 0;  ///< after the run's first call began. Units: us
  double microseconds = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual void write(std::string_view input, std::span<const std::byte> data, bool blocking) = 0;
  virtual void enqueue() = 0;
  virtual void finish() = 0;
  virtual Tensor read(std::string_view output) = 0;
  virtual cl_event enqueue(const std::vector<std::pair<std::string, cl_mem>>& buffers,
                           std::span<const cl_event> wait_list) = 0;
  virtual Tensor read_persistent(std::string_view name) = 0;
  virtual void write_persistent(std::string_view name, const Tensor& contents) = 0;
  virtual std::vector<CallTime> profile() const = 0;
};

std::unique_ptr<Backend> make_device_backend(const Device& device, const Plan& plan,
                                             const Memory::Impl& memory,
                                             const CompileOptions& options);
std::unique_ptr<Backend> make_host_backend(const Graph& graph, const Memory::Impl& memory,
                                           const CompileOptions& options);

}  // namespace pinnacle
