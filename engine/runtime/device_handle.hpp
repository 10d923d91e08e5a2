// What stands behind a Device: its OpenCL handles, made on first use, its programs, its measured
// Target and the account of its memory.
// Thread safety: all members may be called from any thread; the queues that they return are used
// by one thread at a time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/device.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/opencl.hpp"
#include "runtime/program_cache.hpp"

namespace pinnacle::runtime {

class DeviceHandle {
 public:
  /// The reference device: no OpenCL behind it.
  DeviceHandle();
  /// A device of a platform.
  explicit DeviceHandle(cl_device_id device);
  /// A part of `parent`, which it keeps alive; takes over the caller's reference.
  DeviceHandle(cl_device_id part, std::shared_ptr<DeviceHandle> parent);
  /// A device whose context and queue the caller owns.
  DeviceHandle(bc::context context, cl_device_id device, bc::command_queue queue);
  /// Waits until the driver has let go of what finished, see device_handle.cpp.
  ~DeviceHandle();
  DeviceHandle(const DeviceHandle&) = delete;
  DeviceHandle& operator=(const DeviceHandle&) = delete;

  bool is_host() const { return device_.id() == nullptr; }
  const std::string& name() const { return name_; }
  const std::string& platform() const { return platform_; }
  const std::string& platform_version() const { return platform_version_; }
  const std::string& driver() const { return driver_; }
  DeviceKind kind() const { return kind_; }
  bool is_part() const { return parent_ != nullptr; }
  cl_device_id id() const { return device_.id(); }

  // REQUIRES: not the host device, below.
  /// throws   DeviceError
  const bc::context& context();
  cl_command_queue queue();
  /// A second queue of the same context that records times; the first one must be finished before
  /// it is used and it before the first one is used again.
  cl_command_queue profiling_queue();
  bc::command_queue new_queue(cl_command_queue_properties properties);
  ProgramCache& programs();

  /// throws   DeviceError if the device fails its self-test
  const Target& target();
  /// What the driver declares, without measuring anything.
  Target declared() const;

  /// Bytes that the engine holds on this device now.
  std::size_t allocated() const { return allocated_.load(); }
  void add_allocated(std::size_t bytes) { allocated_ += bytes; }
  void subtract_allocated(std::size_t bytes) { allocated_ -= bytes; }
  /// What is left of the device's memory, as far as the engine knows. Units: bytes.
  std::size_t available() const;

 private:
  void describe();
  void open();

  // The order matters: what is made of something is destroyed before it.
  std::shared_ptr<DeviceHandle> parent_;
  bc::device device_;
  bool adopted_ = false;
  std::string name_ = "host";
  std::string platform_ = "Pinnacle";
  std::string platform_version_;
  std::string driver_;
  DeviceKind kind_ = DeviceKind::host;

  std::mutex open_mutex_;
  std::mutex target_mutex_;
  bc::context context_;
  bc::command_queue queue_;
  bc::command_queue profiling_queue_;
  std::unique_ptr<ProgramCache> programs_;
  std::unique_ptr<const Target> target_;
  std::atomic<std::size_t> allocated_ = 0;
};

/// The handle of a platform's device: the same one for the same id, for the whole process.
std::shared_ptr<DeviceHandle> root_handle(cl_device_id device);
/// Waits, for a while, until nobody else holds the queue: to be called before it is let go.
/// A driver may wake who waits for a command before it lets go of the command's queue, on a thread of
/// its own. If that is the last reference, queue, context and device go on that thread: PoCL 3.1 then
/// reads a part (a sub-device) that is freed already, and frees compiler data that is in use elsewhere.
void wait_until_unused(const bc::command_queue& queue, std::chrono::milliseconds most);

/// The parts of a root device of one compute unit each: the same ones for the whole process, made
/// by `split` at first.
std::vector<std::shared_ptr<DeviceHandle>> unit_handles(
    DeviceHandle& root, const std::function<std::vector<std::shared_ptr<DeviceHandle>>()>& split);
/// The one host device.
std::shared_ptr<DeviceHandle> host_handle();

}  // namespace pinnacle::runtime
