// SPDX-License-Identifier: Apache-2.0
#include "runtime/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <pinnacle/error.hpp>
#include <utility>

#include "base/text.hpp"

namespace pinnacle::runtime {

DeviceBuffer::DeviceBuffer(const Device& device, std::size_t bytes, const std::string& what,
                           cl_mem_flags flags)
    : device_{device}, bytes_(std::max<std::size_t>(bytes, 4)) {
  DeviceHandle& handle = device.handle();
  cl_int code = CL_SUCCESS;
  const cl_mem made =
      clCreateBuffer(handle.context().get(), CL_MEM_READ_WRITE | flags, bytes_, nullptr, &code);
  if (is_out_of_memory(code) || code == CL_INVALID_BUFFER_SIZE) {
    const auto largest = device_info<cl_ulong>(handle.id(), CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    throw MemoryError(
        fmt::format("{} needs {}; {} are free and one buffer may have {}", what,
                    human_bytes(double(bytes_)), human_bytes(double(handle.available())),
                    human_bytes(double(largest))),
        handle.name(), bytes_, handle.available(), "use a smaller batch or another device");
  }
  check(code, "clCreateBuffer", handle.name());
  buffer_ = bc::buffer(made, false);
  handle.add_allocated(bytes_);
}

DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : device_(std::move(other.device_)),
      buffer_(std::move(other.buffer_)),
      bytes_(std::exchange(other.bytes_, 0)) {
  other.device_.clear();
}

DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(buffer_, other.buffer_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

DeviceBuffer::~DeviceBuffer() {
  if (buffer_.get() != nullptr) device_.front().handle().subtract_allocated(bytes_);
}

void fill_zero(const Device& device, cl_mem buffer, std::size_t bytes) {
  DeviceHandle& handle = device.handle();
  const cl_uchar zero = 0;
  check(clEnqueueFillBuffer(handle.queue(), buffer, &zero, 1, 0, std::max<std::size_t>(bytes, 4), 0,
                            nullptr, nullptr),
        "clEnqueueFillBuffer", handle.name());
  check(clFinish(handle.queue()), "clFinish", handle.name());
}

void upload(const Device& device, cl_mem buffer, std::span<const std::byte> data) {
  if (data.empty()) return;
  DeviceHandle& handle = device.handle();
  check(clEnqueueWriteBuffer(handle.queue(), buffer, CL_TRUE, 0, data.size(), data.data(), 0,
                             nullptr, nullptr),
        "clEnqueueWriteBuffer", handle.name());
}

cl_mem DeviceMemory::get(const PlanBuffer& buffer) {
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(buffer.name); found != entries_.end()) {
    const Entry& entry = found->second;
    if (entry.type.bytes() != buffer.type.bytes()) {
      throw ShapeError(fmt::format("is {} in this memory but {} in this plan",
                                   to_string(entry.type), to_string(buffer.type)),
                       buffer.name, "give the other model a memory of its own");
    }
    return entry.buffer.get();
  }
  Entry entry{DeviceBuffer(device_, buffer.bytes, buffer.name), buffer.type};
  if (buffer.data) {
    upload(device_, entry.buffer.get(), buffer.data->bytes());
  } else {
    fill_zero(device_, entry.buffer.get(), buffer.bytes);
  }
  return entries_.emplace(buffer.name, std::move(entry)).first->second.buffer.get();
}

DeviceMemory::Entry& DeviceMemory::find(std::string_view name) {
  const auto found = entries_.find(name);
  if (found != entries_.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [other, entry] : entries_) known.push_back(other);
  throw ArgumentError("there is no parameter or state of this name", std::string(name),
                      suggestion(name, known));
}

Tensor DeviceMemory::read(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const Entry& entry = find(name);
  Tensor tensor(entry.type.shape, entry.type.dtype);
  if (tensor.bytes().empty()) return tensor;
  DeviceHandle& handle = device_.handle();
  check(clEnqueueReadBuffer(handle.queue(), entry.buffer.get(), CL_TRUE, 0, tensor.bytes().size(),
                            tensor.bytes().data(), 0, nullptr, nullptr),
        "clEnqueueReadBuffer", handle.name());
  return tensor;
}

void DeviceMemory::write(std::string_view name, const Tensor& tensor) {
  const std::lock_guard lock(mutex_);
  const Entry& entry = find(name);
  if (tensor.type() != entry.type) {
    throw ShapeError(
        fmt::format("is {} but was given {}", to_string(entry.type), to_string(tensor.type())),
        std::string(name));
  }
  upload(device_, entry.buffer.get(), tensor.bytes());
  changed();
}

std::vector<std::string> DeviceMemory::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

bool DeviceMemory::contains(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return entries_.find(name) != entries_.end();
}

}  // namespace pinnacle::runtime
