// Finds all platforms and devices, and says in sentences what was wrong on the way.
// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <pinnacle/device.hpp>

#include "base/files.hpp"
#include "base/text.hpp"
#include "runtime/device_handle.hpp"
#include "runtime/opencl_loader.hpp"
#include "runtime/tuned_store.hpp"

namespace pinnacle {
namespace {

using runtime::code_name;
constexpr cl_int kPlatformNotFound = -1001;

// Files in which drivers announce themselves to the loader, as the usual loaders look for them.
std::vector<std::filesystem::path> announcements(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  if (std::filesystem::is_regular_file(folder, error)) return {folder};
  std::filesystem::directory_iterator entries(folder, error);
  if (error) return files;
  for (const auto& entry : entries) {
    if (entry.path().extension() == ".icd") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::filesystem::path announcement_folder() {
  const std::string own = environment("OCL_ICD_VENDORS");
  return own.empty() ? "/etc/OpenCL/vendors" : own;
}

// Loaders skip a driver that does not load without a word; say which and why. Only where the usual
// loader has tried them all before: loading one that it has not is not ours to decide, and two
// drivers with a compiler each may not bear one another.
void find_broken_drivers(std::vector<std::string>& problems) {
  if (!runtime::opencl_library().name.starts_with("libOpenCL.so")) return;
  if (!environment("PINNACLE_OPENCL_LIBRARY").empty()) return;
  for (const std::filesystem::path& file : announcements(announcement_folder())) {
    const std::optional<std::string> text = try_read_file(file);
    const std::string library = text ? trim(split(*text, '\n').front()) : "";
    if (library.empty()) {
      problems.push_back(fmt::format(
          "{} names no driver library; remove it or reinstall its driver", file.string()));
      continue;
    }
    void* handle = ::dlopen(library.c_str(), RTLD_LAZY | RTLD_LOCAL | RTLD_NOLOAD);
    if (handle == nullptr) handle = ::dlopen(library.c_str(), RTLD_LAZY | RTLD_LOCAL);
    if (handle == nullptr) {
      const char* const why = ::dlerror();
      problems.push_back(
          fmt::format("the driver {} of {} does not load ({}); reinstall it or remove that file",
                      library, file.string(), why == nullptr ? "no reason given" : why));
      continue;
    }
    ::dlclose(handle);
  }
}

std::vector<cl_platform_id> platforms(std::vector<std::string>& problems) {
  const runtime::OpenclLibrary& library = runtime::opencl_library();
  if (!library.found) {
    problems.push_back(library.problem);
    return {};
  }
  cl_uint count = 0;
  cl_int code = clGetPlatformIDs(0, nullptr, &count);
  std::vector<cl_platform_id> ids(code == CL_SUCCESS ? count : 0);
  if (!ids.empty()) code = clGetPlatformIDs(count, ids.data(), nullptr);
  if (code != CL_SUCCESS && code != kPlatformNotFound) {
    problems.push_back(fmt::format("clGetPlatformIDs of {} failed with {}; reinstall the loader",
                                   library.name, code_name(code)));
    return {};
  }
  if (ids.empty()) {
    problems.push_back(fmt::format(
        "OpenCL ({}) is there but knows no driver (looked in {}); install one: any CPU runs with "
        "PoCL (Debian: pocl-opencl-icd)",
        library.name, announcement_folder().string()));
  }
  return ids;
}

void add_devices(cl_platform_id platform, Discovery& discovery) {
  const std::string name = runtime::platform_text(platform, CL_PLATFORM_NAME);
  cl_uint count = 0;
  cl_int code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &count);
  std::vector<cl_device_id> ids(code == CL_SUCCESS ? count : 0);
  if (!ids.empty()) code = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, count, ids.data(), nullptr);
  if (code != CL_SUCCESS && code != CL_DEVICE_NOT_FOUND) {
    discovery.problems.push_back(
        fmt::format("platform \"{}\": clGetDeviceIDs failed with {}; reinstall its driver", name,
                    code_name(code)));
    return;
  }
  if (ids.empty()) {
    discovery.problems.push_back(
        fmt::format("platform \"{}\" has no device; its driver found no hardware that it supports, "
                    "or may not open it (see the rights on /dev/dri)",
                    name));
  }
  for (const cl_device_id id : ids) {
    Device device(runtime::root_handle(id));
    if (runtime::device_info<cl_bool>(id, CL_DEVICE_AVAILABLE) == CL_FALSE) {
      discovery.problems.push_back(fmt::format(
          "device \"{}\" of platform \"{}\" says that it is not available; another program may "
          "hold it",
          device.name(), name));
    } else if (runtime::device_info<cl_bool>(id, CL_DEVICE_COMPILER_AVAILABLE) == CL_FALSE) {
      discovery.problems.push_back(fmt::format(
          "device \"{}\" of platform \"{}\" has no kernel compiler; install the full driver",
          device.name(), name));
    } else {
      std::string problem = runtime::load_user_tuning(device.handle()).problem;
      if (!problem.empty()) discovery.problems.push_back(std::move(problem));
      discovery.devices.push_back(std::move(device));
    }
  }
}

}  // namespace

Discovery discover() {
  Discovery discovery;
  for (const cl_platform_id platform : platforms(discovery.problems)) {
    add_devices(platform, discovery);
  }
  find_broken_drivers(discovery.problems);
  discovery.devices.push_back(Device::host());
  return discovery;
}

std::vector<Device> devices() { return discover().devices; }

}  // namespace pinnacle
