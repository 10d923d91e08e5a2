// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/peaks.hpp"

#include <pinnacle/error.hpp>

#include <memory>
#include <vector>

#include "runtime/device_handle.hpp"

namespace pinnacle::bench {
namespace {

// A buffer and a queue of its own.
struct Lane {
  explicit Lane(const Device& of, std::size_t bytes) : device(of) {
    runtime::DeviceHandle& handle = device.handle();
    queue = handle.new_queue(0);
    cl_int code = CL_SUCCESS;
    const cl_mem made =
        clCreateBuffer(handle.context().get(), CL_MEM_READ_WRITE, bytes, nullptr, &code);
    runtime::check(code, "clCreateBuffer", device.name());
    buffer = runtime::bc::buffer(made, false);
  }
  void finish() { runtime::check(clFinish(queue.get()), "clFinish", device.name()); }

  Device device;
  runtime::bc::command_queue queue;
  runtime::bc::buffer buffer;
};

}  // namespace

Run transfer_run(const Device& device, Direction direction, std::size_t bytes) {
  auto lane = std::make_shared<Lane>(device, bytes);
  auto memory = std::make_shared<std::vector<std::byte>>(bytes);
  const bool to_device = direction == Direction::to_device;
  return [lane, memory, to_device](std::int64_t count) {
    const double start = now();
    for (std::int64_t i = 0; i < count; ++i) {
      const cl_int code =
          to_device ? clEnqueueWriteBuffer(lane->queue.get(), lane->buffer.get(), CL_TRUE, 0,
                                           memory->size(), memory->data(), 0, nullptr, nullptr)
                    : clEnqueueReadBuffer(lane->queue.get(), lane->buffer.get(), CL_TRUE, 0,
                                          memory->size(), memory->data(), 0, nullptr, nullptr);
      runtime::check(code, to_device ? "clEnqueueWriteBuffer" : "clEnqueueReadBuffer",
                     lane->device.name());
    }
    lane->finish();  // a write may be done for the host before it is for the device
    return now() - start;
  };
}

Run launch_run(const Device& device) {
  auto lane = std::make_shared<Lane>(device, sizeof(std::int32_t));
  const auto [program, name] = device.handle().programs().get(KernelCall("probe/empty.cl"));
  cl_int code = CL_SUCCESS;
  const cl_kernel made = clCreateKernel(program.get(), name.c_str(), &code);
  runtime::check(code, "clCreateKernel", device.name());
  const runtime::bc::kernel kernel(made, false);
  const cl_mem memory = lane->buffer.get();
  const cl_int nothing = 0;
  code = clSetKernelArg(made, 0, sizeof(memory), &memory);
  runtime::check(code, "clSetKernelArg", device.name());
  code = clSetKernelArg(made, 1, sizeof(nothing), &nothing);
  runtime::check(code, "clSetKernelArg", device.name());
  return [lane, kernel](std::int64_t count) {
    const std::size_t one = 1;
    const double start = now();
    for (std::int64_t i = 0; i < count; ++i) {
      runtime::check(clEnqueueNDRangeKernel(lane->queue.get(), kernel.get(), 1, nullptr, &one, &one,
                                            0, nullptr, nullptr),
                     "clEnqueueNDRangeKernel", lane->device.name());
    }
    lane->finish();
    return now() - start;
  };
}

}  // namespace pinnacle::bench
