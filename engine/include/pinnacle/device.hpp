// Devices: finding, choosing and describing what can run a plan.
// Thread safety: Device is a cheap handle that may be copied across threads; each device's queue is
// used by one thread at a time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/plan.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

// OpenCL's handles, so that this header needs no OpenCL header.
typedef struct _cl_context* cl_context;              // NOLINT
typedef struct _cl_device_id* cl_device_id;          // NOLINT
typedef struct _cl_command_queue* cl_command_queue;  // NOLINT
typedef struct _cl_event* cl_event;                  // NOLINT
typedef struct _cl_mem* cl_mem;                      // NOLINT

namespace pinnacle {

namespace runtime {
class DeviceHandle;
}

enum class DeviceKind : std::uint8_t { host, cpu, gpu, accelerator };
std::string_view to_string(DeviceKind kind);

/// One device: a handle. Its context and queue are made on first use.
class Device {
 public:
  /// The device with the highest measured FMA peak; `host` if there is no OpenCL device.
  /// throws   the first device's DeviceError or KernelError if none passes its self-test
  static Device fastest();
  /// The reference device: double-precision loops in C++, always there.
  static Device host();
  /// A device, context and in-order queue that the caller owns; they are retained.
  /// throws   DeviceError if they do not belong together
  static Device adopt(cl_context context, cl_device_id device, cl_command_queue queue);

  const std::string& name() const;
  const std::string& platform() const;
  DeviceKind kind() const;
  /// Limits and measured roofs. Measured at the first call on this machine (about a second), then
  /// read from the user's cache.
  /// throws   DeviceError if the device fails its self-test
  const Target& target() const;
  /// Parts of `units` compute units each (clCreateSubDevices).
  /// throws   DeviceError if the device cannot be split
  std::vector<Device> split(int units) const;

  bool operator==(const Device& other) const { return handle_ == other.handle_; }

  explicit Device(std::shared_ptr<runtime::DeviceHandle> handle);  // for the engine
  runtime::DeviceHandle& handle() const { return *handle_; }       // for the engine
  const std::shared_ptr<runtime::DeviceHandle>& shared_handle() const { return handle_; }

 private:
  std::shared_ptr<runtime::DeviceHandle> handle_;
};

/// Every OpenCL device of every platform, in the platforms' order, then `host`. Never throws for
/// want of OpenCL: see discover() for what was wrong.
std::vector<Device> devices();

/// What discovery met: platforms without devices, broken drivers, no OpenCL at all.
struct Discovery {
  std::vector<Device> devices;
  std::vector<std::string> problems;  ///< one sentence each, with what to do
};
Discovery discover();

/// The devices that `spec` names: an index ("0"), a part of a device or platform name ("radeon",
/// case does not matter), "fastest", "all", "cpu", "gpu", "host", "sub:0" (the first core of the CPU
/// device as a device of its own, which then is the same one each time), or several joined by commas.
/// throws   ArgumentError that lists what there is; DeviceError if the CPU device cannot be split
std::vector<Device> select_devices(std::string_view spec);
/// The first of them. An empty spec means the environment variable PINNACLE_DEVICE, or "fastest".
/// throws   ArgumentError that lists what there is
Device select_device(std::string_view spec = {});

}  // namespace pinnacle

template <>
struct fmt::formatter<pinnacle::Device> : fmt::formatter<std::string> {
  auto format(const pinnacle::Device& device, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(pinnacle::to_text(device.target()), context);
  }
};
