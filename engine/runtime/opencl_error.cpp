// Names of OpenCL's codes, and errors that carry them.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <pinnacle/error.hpp>

#include "base/text.hpp"
#include "runtime/opencl.hpp"

namespace pinnacle::runtime {
namespace {

constexpr cl_int kPlatformNotFound = -1001;  // CL_PLATFORM_NOT_FOUND_KHR

struct CodeName {
  cl_int code;
  const char* name;
};

#define PINNACLE_CODE(name) \
  { name, #name }
constexpr CodeName kCodes[] = {
    {0, "CL_SUCCESS"},
    {kPlatformNotFound, "CL_PLATFORM_NOT_FOUND_KHR"},
    PINNACLE_CODE(CL_DEVICE_NOT_FOUND),
    PINNACLE_CODE(CL_DEVICE_NOT_AVAILABLE),
    PINNACLE_CODE(CL_COMPILER_NOT_AVAILABLE),
    PINNACLE_CODE(CL_MEM_OBJECT_ALLOCATION_FAILURE),
    PINNACLE_CODE(CL_OUT_OF_RESOURCES),
    PINNACLE_CODE(CL_OUT_OF_HOST_MEMORY),
    PINNACLE_CODE(CL_PROFILING_INFO_NOT_AVAILABLE),
    PINNACLE_CODE(CL_MEM_COPY_OVERLAP),
    PINNACLE_CODE(CL_IMAGE_FORMAT_MISMATCH),
    PINNACLE_CODE(CL_IMAGE_FORMAT_NOT_SUPPORTED),
    PINNACLE_CODE(CL_BUILD_PROGRAM_FAILURE),
    PINNACLE_CODE(CL_MAP_FAILURE),
    PINNACLE_CODE(CL_MISALIGNED_SUB_BUFFER_OFFSET),
    PINNACLE_CODE(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
    PINNACLE_CODE(CL_COMPILE_PROGRAM_FAILURE),
    PINNACLE_CODE(CL_LINKER_NOT_AVAILABLE),
    PINNACLE_CODE(CL_LINK_PROGRAM_FAILURE),
    PINNACLE_CODE(CL_DEVICE_PARTITION_FAILED),
    PINNACLE_CODE(CL_KERNEL_ARG_INFO_NOT_AVAILABLE),
    PINNACLE_CODE(CL_INVALID_VALUE),
    PINNACLE_CODE(CL_INVALID_DEVICE_TYPE),
    PINNACLE_CODE(CL_INVALID_PLATFORM),
    PINNACLE_CODE(CL_INVALID_DEVICE),
    PINNACLE_CODE(CL_INVALID_CONTEXT),
    PINNACLE_CODE(CL_INVALID_QUEUE_PROPERTIES),
    PINNACLE_CODE(CL_INVALID_COMMAND_QUEUE),
    PINNACLE_CODE(CL_INVALID_HOST_PTR),
    PINNACLE_CODE(CL_INVALID_MEM_OBJECT),
    PINNACLE_CODE(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR),
    PINNACLE_CODE(CL_INVALID_IMAGE_SIZE),
    PINNACLE_CODE(CL_INVALID_SAMPLER),
    PINNACLE_CODE(CL_INVALID_BINARY),
    PINNACLE_CODE(CL_INVALID_BUILD_OPTIONS),
    PINNACLE_CODE(CL_INVALID_PROGRAM),
    PINNACLE_CODE(CL_INVALID_PROGRAM_EXECUTABLE),
    PINNACLE_CODE(CL_INVALID_KERNEL_NAME),
    PINNACLE_CODE(CL_INVALID_KERNEL_DEFINITION),
    PINNACLE_CODE(CL_INVALID_KERNEL),
    PINNACLE_CODE(CL_INVALID_ARG_INDEX),
    PINNACLE_CODE(CL_INVALID_ARG_VALUE),
    PINNACLE_CODE(CL_INVALID_ARG_SIZE),
    PINNACLE_CODE(CL_INVALID_KERNEL_ARGS),
    PINNACLE_CODE(CL_INVALID_WORK_DIMENSION),
    PINNACLE_CODE(CL_INVALID_WORK_GROUP_SIZE),
    PINNACLE_CODE(CL_INVALID_WORK_ITEM_SIZE),
    PINNACLE_CODE(CL_INVALID_GLOBAL_OFFSET),
    PINNACLE_CODE(CL_INVALID_EVENT_WAIT_LIST),
    PINNACLE_CODE(CL_INVALID_EVENT),
    PINNACLE_CODE(CL_INVALID_OPERATION),
    PINNACLE_CODE(CL_INVALID_GL_OBJECT),
    PINNACLE_CODE(CL_INVALID_BUFFER_SIZE),
    PINNACLE_CODE(CL_INVALID_MIP_LEVEL),
    PINNACLE_CODE(CL_INVALID_GLOBAL_WORK_SIZE),
    PINNACLE_CODE(CL_INVALID_PROPERTY),
    PINNACLE_CODE(CL_INVALID_IMAGE_DESCRIPTOR),
    PINNACLE_CODE(CL_INVALID_COMPILER_OPTIONS),
    PINNACLE_CODE(CL_INVALID_LINKER_OPTIONS),
    PINNACLE_CODE(CL_INVALID_DEVICE_PARTITION_COUNT),
};
#undef PINNACLE_CODE

std::string hint_for(cl_int code) {
  switch (code) {
    case kPlatformNotFound:
      return "install an OpenCL driver; any CPU runs with PoCL (Debian: pocl-opencl-icd)";
    case CL_COMPILER_NOT_AVAILABLE:
      return "this driver cannot compile kernels; choose another device";
    case CL_DEVICE_NOT_AVAILABLE:
      return "the device is there but in use or switched off";
    default:
      return {};
  }
}

}  // namespace

std::string code_name(cl_int code) {
  for (const CodeName& entry : kCodes) {
    if (entry.code == code) return entry.name;
  }
  return fmt::format("code {}", code);
}

void fail(cl_int code, std::string_view call, const std::string& where) {
  throw DeviceError(fmt::format("{} failed with {} ({})", call, code_name(code), code), where,
                    hint_for(code), code);
}

bool is_out_of_memory(cl_int code) {
  return code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_RESOURCES ||
         code == CL_OUT_OF_HOST_MEMORY;
}

std::string device_text(cl_device_id device, cl_device_info what) {
  std::size_t size = 0;
  if (clGetDeviceInfo(device, what, 0, nullptr, &size) != CL_SUCCESS || size == 0) return {};
  std::string text(size, '\0');
  if (clGetDeviceInfo(device, what, size, text.data(), nullptr) != CL_SUCCESS) return {};
  return trim(text.c_str());
}

std::string platform_text(cl_platform_id platform, cl_platform_info what) {
  std::size_t size = 0;
  if (clGetPlatformInfo(platform, what, 0, nullptr, &size) != CL_SUCCESS || size == 0) return {};
  std::string text(size, '\0');
  if (clGetPlatformInfo(platform, what, size, text.data(), nullptr) != CL_SUCCESS) return {};
  return trim(text.c_str());
}

}  // namespace pinnacle::runtime
