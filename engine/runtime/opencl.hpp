// The one place where OpenCL and Boost.Compute headers come in. Boost.Compute's classes own the
// handles (RAII); calls go through the C functions and check(), so that an error can name its call.
// SPDX-License-Identifier: Apache-2.0
#pragma once

// The floor is OpenCL 1.2; Boost.Compute 1.74 compiles to what the headers declare for it.
#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>

#include <boost/compute/buffer.hpp>
#include <boost/compute/command_queue.hpp>
#include <boost/compute/context.hpp>
#include <boost/compute/device.hpp>
#include <boost/compute/event.hpp>
#include <boost/compute/kernel.hpp>
#include <boost/compute/program.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace pinnacle::runtime {

namespace bc = boost::compute;

/// "CL_INVALID_VALUE"; "code -9999" for one that no header names.
std::string code_name(cl_int code);

/// throws   DeviceError with the call and the name of the code
[[noreturn]] void fail(cl_int code, std::string_view call, const std::string& where);

inline void check(cl_int code, std::string_view call, const std::string& where) {
  if (code != CL_SUCCESS) [[unlikely]] {
    fail(code, call, where);
  }
}

/// True for the codes by which drivers say that memory ran out.
bool is_out_of_memory(cl_int code);

/// A text or plain property of a device; empty or zero if the driver does not know it.
std::string device_text(cl_device_id device, cl_device_info what);
template <typename T>
T device_info(cl_device_id device, cl_device_info what) {
  T value{};
  if (clGetDeviceInfo(device, what, sizeof(T), &value, nullptr) != CL_SUCCESS) return T{};
  return value;
}
std::string platform_text(cl_platform_id platform, cl_platform_info what);

}  // namespace pinnacle::runtime
