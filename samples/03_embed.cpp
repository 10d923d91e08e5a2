// A program that owns its OpenCL context, queue and buffers lets Pinnacle work in them: no copies,
// the program's queue, its events. Here a network filters a frame that the program itself uploads.
// SPDX-License-Identifier: Apache-2.0
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <fmt/format.h>
#include <pinnacle/pinnacle.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include "command_line.hpp"

namespace pn = pinnacle;

void check(cl_int code, const char* call) {
  if (code != CL_SUCCESS) {
    throw pn::DeviceError(fmt::format("{} failed with {}", call, code), "03_embed", {}, code);
  }
}

/// The first device that any platform has.
cl_device_id first_device() {
  cl_uint count = 0;
  clGetPlatformIDs(0, nullptr, &count);  // fails where there is no driver: count stays 0
  std::vector<cl_platform_id> platforms(count);
  if (count > 0) check(clGetPlatformIDs(count, platforms.data(), nullptr), "clGetPlatformIDs");
  for (const cl_platform_id platform : platforms) {
    cl_device_id device = nullptr;
    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, nullptr) == CL_SUCCESS) {
      return device;
    }
  }
  throw pn::DeviceError("there is no OpenCL device", "03_embed",
                        "install a driver; any CPU runs with PoCL (Debian: pocl-opencl-icd)");
}

/// Runs the network on the program's own objects and returns the largest deviation from the host.
float run() {
  constexpr std::int64_t kSize = 64;
  const pn::TensorType frame_type{{1, kSize, kSize}, pn::DType::f32};
  const pn::Layer filter = pn::conv2d({.filters = 8, .kernel = 3, .padding = 1}) | pn::relu |
                           pn::conv2d({.filters = 1, .kernel = 3, .padding = 1});
  const pn::Model model(filter, frame_type);
  pn::Tensor frame({1, 1, kSize, kSize});
  for (std::size_t i = 0; i < frame.f32().size(); ++i) {
    frame.f32()[i] = std::sin(0.1f * static_cast<float>(i));
  }
  const std::size_t bytes = frame.bytes().size();

  // What such a program has anyway.
  const cl_device_id device = first_device();
  cl_int code = CL_SUCCESS;
  const cl_context context = clCreateContext(nullptr, 1, &device, nullptr, nullptr, &code);
  check(code, "clCreateContext");
  const cl_command_queue queue = clCreateCommandQueue(context, device, 0, &code);
  check(code, "clCreateCommandQueue");
  const cl_mem noisy = clCreateBuffer(context, CL_MEM_READ_ONLY, bytes, nullptr, &code);
  check(code, "clCreateBuffer");
  const cl_mem clean = clCreateBuffer(context, CL_MEM_READ_WRITE, bytes, nullptr, &code);
  check(code, "clCreateBuffer");

  pn::Tensor result(frame.shape());
  {
    const pn::Device adopted = pn::Device::adopt(context, device, queue);
    pn::Session session = pn::compile(model, adopted);
    fmt::print("{}: {} kernels on the program's own queue\n", adopted.name(),
               session.plan().kernel_count());

    // Nothing below waits until the last read: upload, network and download follow by events.
    cl_event uploaded = nullptr;
    check(clEnqueueWriteBuffer(queue, noisy, CL_FALSE, 0, bytes, frame.bytes().data(), 0, nullptr,
                               &uploaded),
          "clEnqueueWriteBuffer");
    const cl_event filtered = session.enqueue({{"x", noisy}, {"y", clean}}, {&uploaded, 1});
    check(clEnqueueReadBuffer(queue, clean, CL_TRUE, 0, bytes, result.bytes().data(), 1, &filtered,
                              nullptr),
          "clEnqueueReadBuffer");
    clReleaseEvent(uploaded);
    clReleaseEvent(filtered);
  }
  clReleaseMemObject(clean);
  clReleaseMemObject(noisy);
  clReleaseCommandQueue(queue);
  clReleaseContext(context);

  // The host device computes the same in double precision.
  const pn::Tensor expected = pn::compile(model, pn::Device::host())(frame);
  float largest = 0;
  for (std::size_t i = 0; i < expected.f32().size(); ++i) {
    largest = std::max(largest, std::fabs(result.f32()[i] - expected.f32()[i]));
  }
  return largest;
}

int main(int argc, char** argv) {
  CLI::App app("Runs a network in buffers and on a queue that the program owns.");
  if (const std::optional<int> code = samples::parse(app, argc, argv)) return *code;
  try {
    const float difference = run();
    fmt::print("largest difference from the host's result: {:.1e}\n", difference);
    return difference < 1e-4f ? 0 : 1;
  } catch (const pn::Error& error) {
    fmt::print(stderr, "03_embed: {}\n", error.what());
    return 1;
  }
}
