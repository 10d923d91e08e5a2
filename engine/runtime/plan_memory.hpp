// The buffers of one plan on one device: one allocation with a sub-buffer per arena range, own
// buffers for constants and ports, shared ones for what is persistent.
// Thread safety: one thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "runtime/memory.hpp"

namespace pinnacle::runtime {

class PlanMemory {
 public:
  /// throws   MemoryError with asked, free and the largest buffers; ShapeError; DeviceError
  PlanMemory(const Device& device, const Plan& plan, DeviceMemory& shared);

  /// The memory of Plan::buffers[index].
  cl_mem operator[](std::size_t index) const { return memory_[index]; }
  std::vector<cl_mem>& all() { return memory_; }

 private:
  void make_arena(const Plan& plan);
  bool make_sub_buffers(const Plan& plan);
  void make_separate_buffers(const Plan& plan);

  Device device_;
  DeviceBuffer arena_;
  std::vector<bc::buffer> sub_buffers_;
  std::vector<DeviceBuffer> own_;
  std::vector<cl_mem> memory_;
};

/// "too much memory", with the plan's largest buffers.
[[noreturn]] void fail_memory(const Device& device, const Plan& plan, const std::string& where);

}  // namespace pinnacle::runtime
