// The public Device: a handle's face, splitting and adopting.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <pinnacle/device.hpp>
#include <pinnacle/error.hpp>

#include "runtime/device_handle.hpp"

namespace pinnacle {

using runtime::DeviceHandle;
namespace bc = boost::compute;

std::string_view to_string(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::host:
      return "host";
    case DeviceKind::cpu:
      return "cpu";
    case DeviceKind::gpu:
      return "gpu";
    case DeviceKind::accelerator:
      return "accelerator";
  }
  return "?";
}

Device::Device(std::shared_ptr<DeviceHandle> handle) : handle_(std::move(handle)) {}

Device Device::host() { return Device(runtime::host_handle()); }

Device Device::fastest() {
  Device best = host();
  double best_peak = -1;
  std::exception_ptr problem;
  for (const Device& device : devices()) {
    if (device.kind() == DeviceKind::host) continue;
    try {
      const double peak = device.target().peak_gflops;
      if (peak > best_peak) {
        best_peak = peak;
        best = device;
      }
    } catch (const DeviceError&) {
      // A device that fails its self-test is not a choice; asked for by name it throws.
      if (!problem) problem = std::current_exception();
    } catch (const KernelError&) {
      // Nor is one whose compiler rejects the probes.
      if (!problem) problem = std::current_exception();
    }
  }
  // The host stands in where there is no device, not where every one is broken.
  if (best_peak < 0 && problem) std::rethrow_exception(problem);
  return best;
}

Device Device::adopt(cl_context context, cl_device_id device, cl_command_queue queue) {
  const std::string where = "Device::adopt";
  if (context == nullptr || device == nullptr || queue == nullptr) {
    throw DeviceError("context, device and queue must not be null", where);
  }
  const auto queue_info = [&](cl_command_queue_info what, auto value) {
    runtime::check(clGetCommandQueueInfo(queue, what, sizeof(value), &value, nullptr),
                   "clGetCommandQueueInfo", where);
    return value;
  };
  if (queue_info(CL_QUEUE_CONTEXT, cl_context{}) != context) {
    throw DeviceError("the queue belongs to another context", where);
  }
  if (queue_info(CL_QUEUE_DEVICE, cl_device_id{}) != device) {
    throw DeviceError("the queue belongs to another device", where);
  }
  const auto properties = queue_info(CL_QUEUE_PROPERTIES, cl_command_queue_properties{});
  if ((properties & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) != 0) {
    throw DeviceError("the queue executes out of order", where,
                      "create it without CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE");
  }
  return Device(std::make_shared<DeviceHandle>(bc::context(context, true), device,
                                               bc::command_queue(queue, true)));
}

const std::string& Device::name() const { return handle_->name(); }
const std::string& Device::platform() const { return handle_->platform(); }
DeviceKind Device::kind() const { return handle_->kind(); }
const Target& Device::target() const { return handle_->target(); }

std::vector<Device> Device::split(int units) const {
  if (handle_->is_host()) throw DeviceError("the host device cannot be split", "host");
  const int all = handle_->declared().compute_units;
  if (units < 1 || units > all) {
    throw DeviceError(fmt::format("cannot be split into parts of {} compute units", units), name(),
                      fmt::format("it has {}", all));
  }
  // Asked first: some drivers crash in the call instead of refusing it.
  cl_device_partition_property kinds[16] = {};
  std::size_t bytes = 0;
  if (clGetDeviceInfo(handle_->id(), CL_DEVICE_PARTITION_PROPERTIES, sizeof(kinds), kinds,
                      &bytes) != CL_SUCCESS ||
      std::find(kinds, std::end(kinds), CL_DEVICE_PARTITION_EQUALLY) == std::end(kinds)) {
    throw DeviceError("cannot be split: its driver offers no parts", name());
  }
  const cl_device_partition_property properties[] = {CL_DEVICE_PARTITION_EQUALLY, units, 0};
  cl_uint count = 0;
  cl_int code = clCreateSubDevices(handle_->id(), properties, 0, nullptr, &count);
  std::vector<cl_device_id> ids(count);
  if (code == CL_SUCCESS && count > 0) {
    code = clCreateSubDevices(handle_->id(), properties, count, ids.data(), nullptr);
  }
  runtime::check(code, "clCreateSubDevices", name());
  std::vector<Device> parts;
  for (const cl_device_id id : ids) {
    parts.emplace_back(std::make_shared<DeviceHandle>(id, handle_));
  }
  return parts;
}

}  // namespace pinnacle
