// Forwarders for OpenCL's functions. Each resolves its target once, from the first of
//   PINNACLE_OPENCL_LIBRARY (nothing else is tried if it is set),
//   what the process already exports: a program that links OpenCL, or a preloaded tool,
//   libOpenCL.so.1, libOpenCL.so.
// The forwarders have hidden visibility: they are never the answer to anybody's symbol search, and
// a program that links libOpenCL itself keeps calling its own.
// SPDX-License-Identifier: Apache-2.0
#include "runtime/opencl_loader.hpp"

#define CL_TARGET_OPENCL_VERSION 120
#pragma GCC visibility push(hidden)
#include <CL/cl.h>
#pragma GCC visibility pop

#include <dlfcn.h>
#include <fmt/format.h>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <tuple>
#include <type_traits>

#include "base/files.hpp"

namespace pinnacle::runtime {
namespace {

struct Loaded {
  void* handle = nullptr;  // never closed: drivers keep threads and exit handlers
  OpenclLibrary library;
};

Loaded load_library() {
  Loaded loaded;
  const std::string own = environment("PINNACLE_OPENCL_LIBRARY");
  if (own.empty()) {
    void* const exported = ::dlsym(RTLD_DEFAULT, "clGetPlatformIDs");
    if (exported != nullptr && exported != reinterpret_cast<void*>(&::clGetPlatformIDs)) {
      loaded.handle = RTLD_DEFAULT;
      loaded.library = {true, "the program itself", {}};
      return loaded;
    }
  }
  const std::string names[] = {own.empty() ? "libOpenCL.so.1" : own, "libOpenCL.so"};
  std::string first_problem;
  for (const std::string& name : names) {
    loaded.handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (loaded.handle != nullptr) {
      if (::dlsym(loaded.handle, "clGetPlatformIDs") != nullptr) {
        loaded.library = {true, name, {}};
        return loaded;
      }
      first_problem = name + " has no clGetPlatformIDs";
      ::dlclose(loaded.handle);
    } else if (first_problem.empty()) {
      const char* const text = ::dlerror();
      first_problem = text == nullptr ? name + " does not load" : text;
    }
    if (!own.empty()) break;
  }
  loaded.handle = nullptr;
  loaded.library.problem =
      fmt::format("the OpenCL library cannot be loaded ({}); {}", first_problem,
                  own.empty() ? "install a loader (Debian: ocl-icd-libopencl1) "
                                "and a driver, or name one with "
                                "PINNACLE_OPENCL_LIBRARY"
                              : "PINNACLE_OPENCL_LIBRARY names it");
  return loaded;
}

const Loaded& loaded() {
  static const Loaded result = load_library();
  return result;
}

cl_int missing_code() {
  return loaded().library.found ? CL_INVALID_OPERATION : -1001;  // CL_PLATFORM_NOT_FOUND_KHR
}

template <typename F>
struct Signature;
template <typename R, typename... A>
struct Signature<R(A...)> {
  using Result = R;
  template <std::size_t I>
  using Parameter = std::tuple_element_t<I, std::tuple<A...>>;
};

void set_error(cl_int* code) {
  if (code != nullptr) *code = missing_code();
}
template <typename T>
void set_error(T) {}

template <typename R, typename... A>
R forward(R (*function)(A...), std::type_identity_t<A>... arguments) {
  if (function != nullptr) return function(arguments...);
  if constexpr (std::is_same_v<R, cl_int>) {
    return missing_code();
  } else {
    (set_error(arguments), ...);  // a creating function's only cl_int* is its error code
    return nullptr;
  }
}

// References that a driver refused to count. The library's copies of handles give back what they never
// got, which would free an object that is in use: so it is not passed on.
class Refused {
 public:
  void add(const void* object) {
    const std::lock_guard lock(mutex_);
    ++count_[object];
    any_ = true;
  }
  bool take(const void* object) {
    if (!any_) return false;
    const std::lock_guard lock(mutex_);
    const auto found = count_.find(object);
    if (found == count_.end()) return false;
    if (--found->second == 0) count_.erase(found);
    return true;
  }

 private:
  std::atomic<bool> any_ = false;
  std::mutex mutex_;
  std::map<const void*, int> count_;
};

Refused& refused() {
  static Refused* const instance = std::make_unique<Refused>().release();  // handles may go at exit
  return *instance;
}

cl_int retained(cl_int code, const void* object) {
  if (code != CL_SUCCESS) refused().add(object);
  return code;
}

}  // namespace

const OpenclLibrary& opencl_library() { return loaded().library; }

void* opencl_function(const char* name) {
  if (!loaded().library.found) return nullptr;
  return ::dlsym(loaded().handle, name);
}

}  // namespace pinnacle::runtime

// One line per function: its number of parameters; types come from the header's declaration.
#define P(f, i) pinnacle::runtime::Signature<decltype(f)>::Parameter<i> p##i
#define FORWARD(f, parameters, ...)                                             \
  pinnacle::runtime::Signature<decltype(f)>::Result f parameters {              \
    static auto* const function =                                               \
        reinterpret_cast<decltype(f)*>(pinnacle::runtime::opencl_function(#f)); \
    return pinnacle::runtime::forward(function, __VA_ARGS__);                   \
  }
#define F1(f) FORWARD(f, (P(f, 0)), p0)
#define COUNTED(retain, release)                                                            \
  cl_int retain(P(retain, 0)) {                                                             \
    static auto* const function =                                                           \
        reinterpret_cast<decltype(retain)*>(pinnacle::runtime::opencl_function(#retain));   \
    return pinnacle::runtime::retained(pinnacle::runtime::forward(function, p0), p0);       \
  }                                                                                         \
  cl_int release(P(release, 0)) {                                                           \
    static auto* const function =                                                           \
        reinterpret_cast<decltype(release)*>(pinnacle::runtime::opencl_function(#release)); \
    if (pinnacle::runtime::refused().take(p0)) return CL_SUCCESS;                           \
    return pinnacle::runtime::forward(function, p0);                                        \
  }
#define F2(f) FORWARD(f, (P(f, 0), P(f, 1)), p0, p1)
#define F3(f) FORWARD(f, (P(f, 0), P(f, 1), P(f, 2)), p0, p1, p2)
#define F4(f) FORWARD(f, (P(f, 0), P(f, 1), P(f, 2), P(f, 3)), p0, p1, p2, p3)
#define F5(f) FORWARD(f, (P(f, 0), P(f, 1), P(f, 2), P(f, 3), P(f, 4)), p0, p1, p2, p3, p4)
#define F6(f) \
  FORWARD(f, (P(f, 0), P(f, 1), P(f, 2), P(f, 3), P(f, 4), P(f, 5)), p0, p1, p2, p3, p4, p5)
#define F7(f)                                                                                     \
  FORWARD(f, (P(f, 0), P(f, 1), P(f, 2), P(f, 3), P(f, 4), P(f, 5), P(f, 6)), p0, p1, p2, p3, p4, \
          p5, p6)
#define F9(f)                                                                                   \
  FORWARD(f, (P(f, 0), P(f, 1), P(f, 2), P(f, 3), P(f, 4), P(f, 5), P(f, 6), P(f, 7), P(f, 8)), \
          p0, p1, p2, p3, p4, p5, p6, p7, p8)
#define F10(f)                                                                                    \
  FORWARD(                                                                                        \
      f,                                                                                          \
      (P(f, 0), P(f, 1), P(f, 2), P(f, 3), P(f, 4), P(f, 5), P(f, 6), P(f, 7), P(f, 8), P(f, 9)), \
      p0, p1, p2, p3, p4, p5, p6, p7, p8, p9)

#pragma GCC visibility push(hidden)
extern "C" {
F3(clGetPlatformIDs)
F5(clGetPlatformInfo)
F5(clGetDeviceIDs)
F5(clGetDeviceInfo)
F5(clCreateSubDevices)
COUNTED(clRetainDevice, clReleaseDevice)
F6(clCreateContext)
COUNTED(clRetainContext, clReleaseContext)
F5(clGetContextInfo)
F4(clCreateCommandQueue)
COUNTED(clRetainCommandQueue, clReleaseCommandQueue)
F5(clGetCommandQueueInfo)
F5(clCreateBuffer)
F5(clCreateSubBuffer)
COUNTED(clRetainMemObject, clReleaseMemObject)
F5(clGetMemObjectInfo)
F5(clCreateProgramWithSource)
F7(clCreateProgramWithBinary)
COUNTED(clRetainProgram, clReleaseProgram)
F6(clBuildProgram)
F5(clGetProgramInfo)
F6(clGetProgramBuildInfo)
F3(clCreateKernel)
COUNTED(clRetainKernel, clReleaseKernel)
F4(clSetKernelArg)
F5(clGetKernelInfo)
F6(clGetKernelWorkGroupInfo)
F6(clGetKernelArgInfo)
F2(clWaitForEvents)
F5(clGetEventInfo)
F5(clGetEventProfilingInfo)
F4(clSetEventCallback)
COUNTED(clRetainEvent, clReleaseEvent)
F1(clFlush)
F1(clFinish)
F9(clEnqueueReadBuffer)
F9(clEnqueueWriteBuffer)
F9(clEnqueueCopyBuffer)
F9(clEnqueueFillBuffer)
F10(clEnqueueMapBuffer)
F6(clEnqueueUnmapMemObject)
F9(clEnqueueNDRangeKernel)
F4(clEnqueueMarkerWithWaitList)
F4(clEnqueueBarrierWithWaitList)
}
#pragma GCC visibility pop
