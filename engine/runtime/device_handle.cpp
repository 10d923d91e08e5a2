// SPDX-License-Identifier: Apache-2.0
#include "runtime/device_handle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <pinnacle/error.hpp>
#include <thread>

#include "runtime/probe.hpp"
#include "runtime/tuned_store.hpp"

namespace pinnacle::runtime {
namespace {

DeviceKind kind_of(cl_device_id device) {
  const auto type = device_info<cl_device_type>(device, CL_DEVICE_TYPE);
  if ((type & CL_DEVICE_TYPE_GPU) != 0) return DeviceKind::gpu;
  if ((type & CL_DEVICE_TYPE_CPU) != 0) return DeviceKind::cpu;
  return DeviceKind::accelerator;
}

// The process's root devices. Never destroyed, on purpose: drivers have exit handlers of their own,
// and releasing a context after them crashes some.
struct Registry {
  std::mutex mutex;
  std::map<cl_device_id, std::shared_ptr<DeviceHandle>> roots;
  std::map<DeviceHandle*, std::vector<std::shared_ptr<DeviceHandle>>> units;
  std::shared_ptr<DeviceHandle> host = std::make_shared<DeviceHandle>();
};

Registry& registry() {
  static Registry* const instance = std::make_unique<Registry>().release();
  return *instance;
}

}  // namespace

std::shared_ptr<DeviceHandle> root_handle(cl_device_id device) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  std::shared_ptr<DeviceHandle>& handle = all.roots[device];
  if (!handle) handle = std::make_shared<DeviceHandle>(device);
  return handle;
}

std::shared_ptr<DeviceHandle> host_handle() { return registry().host; }

std::vector<std::shared_ptr<DeviceHandle>> unit_handles(
    DeviceHandle& root, const std::function<std::vector<std::shared_ptr<DeviceHandle>>()>& split) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  auto& units = all.units[&root];
  if (units.empty()) units = split();
  return units;
}

DeviceHandle::DeviceHandle() = default;

DeviceHandle::DeviceHandle(cl_device_id device) : device_(device) { describe(); }

DeviceHandle::DeviceHandle(cl_device_id part, std::shared_ptr<DeviceHandle> parent)
    : parent_(std::move(parent)), device_(part, false) {
  describe();
}

DeviceHandle::DeviceHandle(bc::context context, cl_device_id device, bc::command_queue queue)
    : device_(device), adopted_(true), context_(std::move(context)), queue_(std::move(queue)) {
  describe();
}

void wait_until_unused(const bc::command_queue& queue, std::chrono::milliseconds most) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + most;
  cl_uint references = 0;
  while (queue.get() != nullptr &&
         clGetCommandQueueInfo(queue.get(), CL_QUEUE_REFERENCE_COUNT, sizeof references,
                               &references, nullptr) == CL_SUCCESS &&
         references > 1 && Clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

DeviceHandle::~DeviceHandle() {
  programs_.reset();
  // A queue of the caller's may well have other references.
  const std::chrono::milliseconds most(adopted_ ? 5 : 200);
  wait_until_unused(queue_, most);
  wait_until_unused(profiling_queue_, most);
}

void DeviceHandle::describe() {
  name_ = device_text(id(), CL_DEVICE_NAME);
  driver_ = device_text(id(), CL_DRIVER_VERSION);
  if (const auto platform = device_info<cl_platform_id>(id(), CL_DEVICE_PLATFORM)) {
    platform_ = platform_text(platform, CL_PLATFORM_NAME);
    platform_version_ = platform_text(platform, CL_PLATFORM_VERSION);
  }
  kind_ = kind_of(id());
}

void DeviceHandle::open() {
  const std::lock_guard lock(open_mutex_);
  if (context_.get() == nullptr) {
    const cl_context_properties properties[] = {
        CL_CONTEXT_PLATFORM,
        reinterpret_cast<cl_context_properties>(
            device_info<cl_platform_id>(id(), CL_DEVICE_PLATFORM)),
        0};
    const cl_device_id device = id();
    cl_int code = CL_SUCCESS;
    const cl_context context = clCreateContext(properties, 1, &device, nullptr, nullptr, &code);
    check(code, "clCreateContext", name_);
    context_ = bc::context(context, false);
  }
  if (queue_.get() == nullptr) queue_ = new_queue(0);
  if (!programs_) {
    programs_ = std::make_unique<ProgramCache>(
        context_.get(), id(), name_, fmt::format("{}\n{}\n{}", name_, platform_version_, driver_));
  }
}

bc::command_queue DeviceHandle::new_queue(cl_command_queue_properties properties) {
  cl_int code = CL_SUCCESS;
  const cl_command_queue queue = clCreateCommandQueue(context_.get(), id(), properties, &code);
  check(code, "clCreateCommandQueue", name_);
  return bc::command_queue(queue, false);
}

const bc::context& DeviceHandle::context() {
  open();
  return context_;
}

cl_command_queue DeviceHandle::queue() {
  open();
  return queue_.get();
}

cl_command_queue DeviceHandle::profiling_queue() {
  open();
  const std::lock_guard lock(open_mutex_);
  if (profiling_queue_.get() == nullptr) profiling_queue_ = new_queue(CL_QUEUE_PROFILING_ENABLE);
  return profiling_queue_.get();
}

ProgramCache& DeviceHandle::programs() {
  open();
  return *programs_;
}

Target DeviceHandle::declared() const {
  Target target;
  target.name = name_;
  target.platform = platform_;
  target.driver = driver_;
  target.host = is_host();
  if (is_host()) return target;
  const cl_device_id device = id();
  target.compute_units = static_cast<int>(
      std::max<cl_uint>(1, device_info<cl_uint>(device, CL_DEVICE_MAX_COMPUTE_UNITS)));
  target.max_work_group =
      std::max<std::size_t>(1, device_info<std::size_t>(device, CL_DEVICE_MAX_WORK_GROUP_SIZE));
  std::size_t sizes[16] = {};
  const auto dimensions = device_info<cl_uint>(device, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS);
  if (dimensions <= std::size(sizes) &&
      clGetDeviceInfo(device, CL_DEVICE_MAX_WORK_ITEM_SIZES, dimensions * sizeof(std::size_t),
                      sizes, nullptr) == CL_SUCCESS) {
    for (std::size_t i = 0; i < 3; ++i) {
      target.max_work_item[i] = std::max<std::size_t>(1, sizes[i]);
    }
  }
  target.local_memory = device_info<cl_ulong>(device, CL_DEVICE_LOCAL_MEM_SIZE);
  target.global_memory = device_info<cl_ulong>(device, CL_DEVICE_GLOBAL_MEM_SIZE);
  target.max_allocation = device_info<cl_ulong>(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
  target.buffer_alignment =
      std::max<std::size_t>(128, device_info<cl_uint>(device, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8);
  target.unified_memory = device_info<cl_bool>(device, CL_DEVICE_HOST_UNIFIED_MEMORY) != 0;
  target.has_half =
      device_text(device, CL_DEVICE_EXTENSIONS).find("cl_khr_fp16") != std::string::npos;
  return target;
}

const Target& DeviceHandle::target() {
  const std::lock_guard lock(target_mutex_);
  if (!target_) {
    Target target = declared();
    if (!is_host()) {
      apply(measured(*this), target);
      target.tuned = tuned_choices(*this, target);
    }
    target_ = std::make_unique<const Target>(std::move(target));
  }
  return *target_;
}

std::size_t DeviceHandle::available() const {
  const auto total =
      static_cast<std::size_t>(device_info<cl_ulong>(id(), CL_DEVICE_GLOBAL_MEM_SIZE));
  return total - std::min(total, allocated());
}

}  // namespace pinnacle::runtime
