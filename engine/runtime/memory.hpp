// Device memory that knows its size and gives it back: buffers, and the persistent ones that plans
// of one device share by name.
// Thread safety: DeviceMemory may be used from any thread; a DeviceBuffer is one owner's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/device.hpp>
#include <pinnacle/tensor.hpp>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/device_handle.hpp"
#include "runtime/opencl.hpp"

namespace pinnacle::runtime {

/// A buffer counted in its device's account.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  /// `what` names it in errors; `flags` say where the memory is to be, beside that it is read and
  /// written.
  /// throws   MemoryError, DeviceError
  DeviceBuffer(const Device& device, std::size_t bytes, const std::string& what,
               cl_mem_flags flags = 0);
  DeviceBuffer(DeviceBuffer&& other) noexcept;
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;
  ~DeviceBuffer();

  cl_mem get() const { return buffer_.get(); }
  std::size_t bytes() const { return bytes_; }

 private:
  std::vector<Device> device_;  // none or one: keeps the handle alive
  bc::buffer buffer_;
  std::size_t bytes_ = 0;
};

// Both wait until it is done.
void fill_zero(const Device& device, cl_mem buffer, std::size_t bytes);
void upload(const Device& device, cl_mem buffer, std::span<const std::byte> data);

/// Parameters and states: created at first use from a plan's buffer, then shared.
class DeviceMemory {
 public:
  explicit DeviceMemory(const Device& device) : device_(device) {}

  const Device& device() const { return device_; }
  /// throws   ShapeError if another plan made it with another size; MemoryError
  cl_mem get(const PlanBuffer& buffer);
  /// throws   ArgumentError if there is none of that name; ShapeError if the type differs
  Tensor read(std::string_view name);
  void write(std::string_view name, const Tensor& tensor);
  std::vector<std::string> names() const;
  bool contains(std::string_view name) const;
  /// Grows whenever contents change: plans then prepare again what they made of them.
  std::uint64_t version() const { return version_; }
  void changed() { ++version_; }

 private:
  struct Entry {
    DeviceBuffer buffer;
    TensorType type;
  };
  Entry& find(std::string_view name);

  Device device_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::atomic<std::uint64_t> version_ = 1;
};

}  // namespace pinnacle::runtime
