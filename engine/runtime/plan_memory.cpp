// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan_memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <pinnacle/error.hpp>
#include <utility>

#include "base/text.hpp"

namespace pinnacle::runtime {
namespace {

using Place = PlanBuffer::Place;

// What the plan adds to the device: all but the persistent buffers that are there already.
std::size_t needed(const Plan& plan, const DeviceMemory& shared) {
  std::size_t bytes = plan.arena_bytes;
  for (const PlanBuffer& buffer : plan.buffers) {
    if (buffer.place == Place::arena) continue;
    if (buffer.place == Place::persistent && shared.contains(buffer.name)) continue;
    bytes += buffer.bytes;
  }
  return bytes;
}

}  // namespace

void fail_memory(const Device& device, const Plan& plan, const std::string& where) {
  const std::size_t asked = plan.peak_bytes();
  const std::size_t available = device.handle().available();
  std::vector<const PlanBuffer*> largest;
  for (const PlanBuffer& buffer : plan.buffers) largest.push_back(&buffer);
  const std::size_t shown = std::min<std::size_t>(5, largest.size());
  std::partial_sort(largest.begin(), largest.begin() + static_cast<std::ptrdiff_t>(shown),
                    largest.end(),
                    [](const PlanBuffer* a, const PlanBuffer* b) { return a->bytes > b->bytes; });
  std::string list;
  for (std::size_t i = 0; i < shown; ++i) {
    list += fmt::format("{}{} {}", i == 0 ? "" : ", ", largest[i]->name,
                        human_bytes(double(largest[i]->bytes)));
  }
  throw MemoryError(
      fmt::format("{}: the plan needs {} but {} are free on {}; its largest buffers: {}", where,
                  human_bytes(double(asked)), human_bytes(double(available)), device.name(), list),
      device.name(), asked, available, "use a smaller batch or another device");
}

PlanMemory::PlanMemory(const Device& device, const Plan& plan, DeviceMemory& shared)
    : device_(device), memory_(plan.buffers.size(), nullptr) {
  if (needed(plan, shared) > device.handle().available())
    fail_memory(device, plan, "out of memory");
  try {
    make_arena(plan);
    for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
      const PlanBuffer& buffer = plan.buffers[i];
      if (buffer.place == Place::arena) continue;
      if (buffer.place == Place::persistent) {
        memory_[i] = shared.get(buffer);
        continue;
      }
      own_.emplace_back(device, buffer.bytes, buffer.name);
      memory_[i] = own_.back().get();
      if (buffer.data) upload(device, memory_[i], buffer.data->bytes());
    }
  } catch (const DeviceError& error) {
    if (is_out_of_memory(error.code())) fail_memory(device, plan, error.what());
    throw;
  } catch (const MemoryError& error) {
    fail_memory(device, plan, error.what());
  }
}

void PlanMemory::make_arena(const Plan& plan) {
  const auto largest = device_info<cl_ulong>(device_.handle().id(), CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  if (plan.arena_bytes <= largest && make_sub_buffers(plan)) return;
  make_separate_buffers(plan);
}

bool PlanMemory::make_sub_buffers(const Plan& plan) {
  std::map<std::pair<std::size_t, std::size_t>, cl_mem> made;  // by (offset, bytes)
  for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
    const PlanBuffer& buffer = plan.buffers[i];
    if (buffer.place != Place::arena) continue;
    if (arena_.get() == nullptr) arena_ = DeviceBuffer(device_, plan.arena_bytes, "the arena");
    cl_mem& sub_buffer = made[{buffer.offset, buffer.bytes}];
    if (sub_buffer == nullptr) {
      const cl_buffer_region region = {buffer.offset, std::max<std::size_t>(buffer.bytes, 1)};
      cl_int code = CL_SUCCESS;
      sub_buffer = clCreateSubBuffer(arena_.get(), CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION,
                                     &region, &code);
      if (sub_buffer == nullptr || code != CL_SUCCESS) {
        sub_buffers_.clear();
        arena_ = DeviceBuffer();
        return false;
      }
      sub_buffers_.emplace_back(sub_buffer, false);
    }
    memory_[i] = sub_buffer;
  }
  return true;
}

// One buffer per offset, as large as its largest range: what shares an offset may be an alias, and
// what merely overlaps is never alive at the same time. Ranges of a buffer are parts of that.
void PlanMemory::make_separate_buffers(const Plan& plan) {
  std::map<std::size_t, std::size_t> bytes_at;
  for (const PlanBuffer& buffer : plan.buffers) {
    if (buffer.place != Place::arena || buffer.part_of >= 0) continue;
    bytes_at[buffer.offset] = std::max(bytes_at[buffer.offset], buffer.bytes);
  }
  std::map<std::size_t, cl_mem> made;
  for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
    const PlanBuffer& buffer = plan.buffers[i];
    if (buffer.place != Place::arena || buffer.part_of >= 0) continue;
    cl_mem& memory = made[buffer.offset];
    if (memory == nullptr) {
      own_.emplace_back(device_, bytes_at[buffer.offset], buffer.name);
      memory = own_.back().get();
    }
    memory_[i] = memory;
  }
  for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
    const PlanBuffer& buffer = plan.buffers[i];
    if (buffer.place != Place::arena || buffer.part_of < 0) continue;
    const auto whole = static_cast<std::size_t>(buffer.part_of);
    const cl_buffer_region region = {buffer.offset - plan.buffers[whole].offset, buffer.bytes};
    cl_int code = CL_SUCCESS;
    memory_[i] = clCreateSubBuffer(memory_[whole], CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION,
                                   &region, &code);
    check(code, "clCreateSubBuffer", device_.name());
    sub_buffers_.emplace_back(memory_[i], false);
  }
}

}  // namespace pinnacle::runtime
