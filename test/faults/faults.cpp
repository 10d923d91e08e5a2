// A layer between the OpenCL loader and the drivers that makes calls fail, hang, or find smaller limits.
// README.md has the rules. Every call goes through one template, so that each can be counted and failed.
// Thread safety: rules are read once; counters are atomic.
// SPDX-License-Identifier: Apache-2.0
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <CL/cl_icd.h>
#include <CL/cl_layer.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

// The calls of OpenCL 1.2 that an engine without images uses.
// clang-format off
#define CALLS(X)                                                                          \
  X(clGetPlatformInfo) X(clGetDeviceIDs) X(clGetDeviceInfo) X(clCreateSubDevices)         \
  X(clRetainDevice) X(clReleaseDevice) X(clCreateContext) X(clRetainContext)              \
  X(clReleaseContext) X(clGetContextInfo) X(clCreateCommandQueue) X(clRetainCommandQueue) \
  X(clReleaseCommandQueue) X(clGetCommandQueueInfo) X(clCreateBuffer) X(clCreateSubBuffer) \
  X(clRetainMemObject) X(clReleaseMemObject) X(clGetMemObjectInfo)                        \
  X(clCreateProgramWithSource) X(clCreateProgramWithBinary) X(clRetainProgram)            \
  X(clReleaseProgram) X(clBuildProgram) X(clGetProgramInfo) X(clGetProgramBuildInfo)      \
  X(clCreateKernel) X(clRetainKernel) X(clReleaseKernel) X(clSetKernelArg)                \
  X(clGetKernelInfo) X(clGetKernelWorkGroupInfo) X(clGetKernelArgInfo) X(clWaitForEvents) \
  X(clGetEventInfo) X(clGetEventProfilingInfo) X(clSetEventCallback) X(clRetainEvent)     \
  X(clReleaseEvent) X(clFlush) X(clFinish) X(clEnqueueReadBuffer) X(clEnqueueWriteBuffer) \
  X(clEnqueueCopyBuffer) X(clEnqueueFillBuffer) X(clEnqueueMapBuffer)                     \
  X(clEnqueueUnmapMemObject) X(clEnqueueNDRangeKernel) X(clEnqueueMarkerWithWaitList)     \
  X(clEnqueueBarrierWithWaitList)
// clang-format on

namespace {

#define INDEX(f) i_##f,
enum Index : std::size_t { CALLS(INDEX) kCount };
#define NAME(f) #f,
constexpr std::array<const char*, kCount> kNames = {CALLS(NAME)};

struct Rule {
  std::size_t call = 0;
  long first = 1;
  bool later_too = false;
  int part = -1;  // -1: any device
  bool hangs = false;
  int code = 0;
  double seconds = 600;
};

struct Layer {
  cl_icd_dispatch target{};
  cl_icd_dispatch own{};
  std::vector<Rule> rules;
  std::map<std::string, long> limits;
  std::string count_file;
  std::array<std::atomic<long>, kCount> uses{};
  std::vector<std::atomic<long>> rule_uses;
  std::mutex mutex;
  std::vector<cl_device_id> parts;  // in the order in which they were made
};
Layer& layer() {
  static Layer* const instance = new Layer;  // as long as the process: drivers call at its end
  return *instance;
}

[[noreturn]] void refuse(const std::string& rule, const char* why) {
  std::fprintf(stderr, "PINNACLE_FAULTS: \"%s\" %s; test/faults/README.md has the rules\n",
               rule.c_str(), why);
  std::_Exit(2);
}

std::size_t index_of(const std::string& name, const std::string& rule) {
  const auto found =
      std::find_if(kNames.begin(), kNames.end(), [&](const char* n) { return name == n; });
  if (found == kNames.end()) refuse(rule, "names no call of the layer");
  return static_cast<std::size_t>(found - kNames.begin());
}

void read_rule(const std::string& text) {
  std::istringstream words(text);
  std::string verb;
  if (!(words >> verb)) return;
  Layer& l = layer();
  if (verb == "count") {
    if (!(words >> l.count_file)) refuse(text, "names no file");
    return;
  }
  if (verb == "limit") {
    std::string what;
    long value = 0;
    if (!(words >> what >> value) || value < 0) refuse(text, "needs a name and a number");
    for (const char* known : {"local_memory", "work_group", "allocation", "sub_devices", "fp64"}) {
      if (what == known) l.limits[what] = value;
    }
    if (l.limits.count(what) == 0) refuse(text, "limits nothing that the layer knows");
    return;
  }
  if (verb != "fail" && verb != "hang")
    refuse(text, "begins with none of fail, hang, limit, count");
  std::string call;
  std::string use;
  if (!(words >> call >> use)) refuse(text, "needs a call and a number");
  Rule rule{.call = index_of(call, text), .hangs = verb == "hang", .code = CL_OUT_OF_RESOURCES};
  char* end = nullptr;
  rule.first = std::strtol(use.c_str(), &end, 10);
  rule.later_too = *end == '+';
  if (rule.first < 1 || (*end != '\0' && std::strcmp(end, "+") != 0)) {
    refuse(text, "needs a number from 1 on, or such a number and +");
  }
  std::string word;
  while (words >> word) {
    if (word == "on") {
      std::string part;
      if (!(words >> part >> rule.part) || part != "part") refuse(text, "expects \"on part I\"");
    } else if (rule.hangs) {
      rule.seconds = std::atof(word.c_str());
    } else {
      rule.code = std::atoi(word.c_str());
      if (rule.code >= 0) refuse(text, "has a code that is no error");
    }
  }
  l.rules.push_back(rule);
}

// ---- Which device a call is for ------------------------------------------------------------------

cl_device_id device_of(cl_device_id device) { return device; }
cl_device_id device_of(cl_command_queue queue) {
  cl_device_id device = nullptr;
  if (queue != nullptr) {
    layer().target.clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof device, &device, nullptr);
  }
  return device;
}
cl_device_id device_of(cl_context context) {
  cl_device_id device = nullptr;
  if (context != nullptr) {
    layer().target.clGetContextInfo(context, CL_CONTEXT_DEVICES, sizeof device, &device, nullptr);
  }
  return device;
}
cl_device_id device_of(cl_mem memory) {
  cl_context context = nullptr;
  layer().target.clGetMemObjectInfo(memory, CL_MEM_CONTEXT, sizeof context, &context, nullptr);
  return device_of(context);
}
cl_device_id device_of(cl_program program) {
  cl_context context = nullptr;
  layer().target.clGetProgramInfo(program, CL_PROGRAM_CONTEXT, sizeof context, &context, nullptr);
  return device_of(context);
}
cl_device_id device_of(cl_kernel kernel) {
  cl_context context = nullptr;
  layer().target.clGetKernelInfo(kernel, CL_KERNEL_CONTEXT, sizeof context, &context, nullptr);
  return device_of(context);
}
cl_device_id device_of(cl_event event) {
  cl_context context = nullptr;
  layer().target.clGetEventInfo(event, CL_EVENT_CONTEXT, sizeof context, &context, nullptr);
  return device_of(context);
}
cl_device_id device_of(const cl_device_id* list) { return list == nullptr ? nullptr : *list; }
cl_device_id device_of(const cl_event* list) {
  return list == nullptr ? nullptr : device_of(*list);
}
template <class T>
cl_device_id device_of(T) {
  return nullptr;
}

template <class... A>
bool is_for(int part, A... arguments) {
  if (part < 0) return true;
  cl_device_id device = nullptr;
  ((device = device == nullptr ? device_of(arguments) : device), ...);
  Layer& l = layer();
  const std::lock_guard lock(l.mutex);
  const auto at = static_cast<std::size_t>(part);
  return device != nullptr && at < l.parts.size() && l.parts[at] == device;
}

// ---- Every call ----------------------------------------------------------------------------------

template <class... A>
std::optional<cl_int> fault(std::size_t call, A... arguments) {
  Layer& l = layer();
  ++l.uses[call];
  for (std::size_t r = 0; r < l.rules.size(); ++r) {
    const Rule& rule = l.rules[r];
    if (rule.call != call || !is_for(rule.part, arguments...)) continue;
    const long use = ++l.rule_uses[r];
    if (use != rule.first && !(rule.later_too && use > rule.first)) continue;
    if (!rule.hangs) return rule.code;
    std::this_thread::sleep_for(std::chrono::duration<double>(rule.seconds));
  }
  return std::nullopt;
}

void set_error(cl_int* code, cl_int value) {
  if (code != nullptr) *code = value;
}
template <class T>
void set_error(T, cl_int) {}

template <class R, class... A>
R failed(cl_int code, A... arguments) {
  if constexpr (std::is_same_v<R, cl_int>) {
    return code;
  } else {
    (set_error(arguments, code), ...);  // a creating call's only cl_int* is its error code
    return nullptr;
  }
}

template <auto Member, std::size_t Call>
struct Through;
template <class R, class... A, R (CL_API_CALL* cl_icd_dispatch::*Member)(A...), std::size_t Call>
struct Through<Member, Call> {
  static R CL_API_CALL call(A... arguments) {
    if (const auto code = fault(Call, arguments...)) return failed<R>(*code, arguments...);
    return (layer().target.*Member)(arguments...);
  }
};
#define THROUGH(f) Through<&cl_icd_dispatch::f, i_##f>::call

// ---- Limits --------------------------------------------------------------------------------------

std::optional<std::size_t> limit(const char* name) {
  const auto found = layer().limits.find(name);
  if (found == layer().limits.end()) return std::nullopt;
  return static_cast<std::size_t>(found->second);
}

template <class T>
void at_most(void* value, std::size_t bytes, std::size_t most) {
  auto* numbers = static_cast<T*>(value);
  for (std::size_t i = 0; numbers != nullptr && i < bytes / sizeof(T); ++i) {
    numbers[i] = std::min<T>(numbers[i], static_cast<T>(most));
  }
}

cl_int CL_API_CALL get_device_info(cl_device_id device, cl_device_info what, std::size_t size,
                                   void* value, std::size_t* size_ret) {
  std::size_t written = 0;
  const cl_int code = THROUGH(clGetDeviceInfo)(device, what, size, value, &written);
  if (size_ret != nullptr) *size_ret = written;
  if (code != CL_SUCCESS) return code;
  if (const auto most = limit("local_memory"); most && what == CL_DEVICE_LOCAL_MEM_SIZE) {
    at_most<cl_ulong>(value, written, *most);
  }
  if (const auto most = limit("allocation"); most && what == CL_DEVICE_MAX_MEM_ALLOC_SIZE) {
    at_most<cl_ulong>(value, written, *most);
  }
  if (const auto most = limit("work_group");
      most && (what == CL_DEVICE_MAX_WORK_GROUP_SIZE || what == CL_DEVICE_MAX_WORK_ITEM_SIZES)) {
    at_most<std::size_t>(value, written, *most);
  }
  if (limit("sub_devices") && what == CL_DEVICE_PARTITION_PROPERTIES) {
    at_most<cl_device_partition_property>(value, written, 0);
  }
  if (limit("fp64") && what == CL_DEVICE_DOUBLE_FP_CONFIG) {
    at_most<cl_device_fp_config>(value, written, 0);
  }
  if (limit("fp64") && what == CL_DEVICE_EXTENSIONS && value != nullptr) {
    if (char* const at = std::strstr(static_cast<char*>(value), "cl_khr_fp64")) {
      std::memset(at, ' ', std::strlen("cl_khr_fp64"));
    }
  }
  return code;
}

cl_int CL_API_CALL get_kernel_work_group_info(cl_kernel kernel, cl_device_id device,
                                              cl_kernel_work_group_info what, std::size_t size,
                                              void* value, std::size_t* size_ret) {
  const cl_int code =
      THROUGH(clGetKernelWorkGroupInfo)(kernel, device, what, size, value, size_ret);
  if (const auto most = limit("work_group");
      most && code == CL_SUCCESS && what == CL_KERNEL_WORK_GROUP_SIZE) {
    at_most<std::size_t>(value, sizeof(std::size_t), *most);
  }
  return code;
}

// Without fp64 the name of the type is unknown, but where the source asks for the extension first.
cl_program CL_API_CALL create_program(cl_context context, cl_uint count, const char** sources,
                                      const std::size_t* lengths, cl_int* code) {
  if (!limit("fp64")) {
    return THROUGH(clCreateProgramWithSource)(context, count, sources, lengths, code);
  }
  static const std::string before =
      "#undef cl_khr_fp64\n#define double this_device_knows_no_double\n#line 1\n";
  std::vector<const char*> texts = {before.c_str()};
  std::vector<std::size_t> sizes = {before.size()};
  for (cl_uint i = 0; i < count; ++i) {
    const bool given = lengths != nullptr && lengths[i] != 0;
    texts.push_back(sources[i]);
    sizes.push_back(given ? lengths[i] : std::strlen(sources[i]));
  }
  return THROUGH(clCreateProgramWithSource)(context, count + 1, texts.data(), sizes.data(), code);
}

cl_mem CL_API_CALL create_buffer(cl_context context, cl_mem_flags flags, std::size_t size,
                                 void* host, cl_int* code) {
  if (const auto most = limit("allocation"); most && size > *most) {
    return failed<cl_mem>(CL_INVALID_BUFFER_SIZE, code);
  }
  return THROUGH(clCreateBuffer)(context, flags, size, host, code);
}

cl_int CL_API_CALL enqueue_kernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                                  const std::size_t* offset, const std::size_t* global,
                                  const std::size_t* local, cl_uint waits,
                                  const cl_event* wait_list, cl_event* event) {
  if (const auto most = limit("work_group"); most && local != nullptr) {
    std::size_t items = 1;
    for (cl_uint i = 0; i < dimensions; ++i) items *= local[i];
    if (items > *most) return CL_INVALID_WORK_GROUP_SIZE;
  }
  if (const auto most = limit("local_memory")) {
    cl_ulong bytes = 0;
    layer().target.clGetKernelWorkGroupInfo(kernel, device_of(queue), CL_KERNEL_LOCAL_MEM_SIZE,
                                            sizeof bytes, &bytes, nullptr);
    if (bytes > *most) return CL_OUT_OF_RESOURCES;
  }
  return THROUGH(clEnqueueNDRangeKernel)(queue, kernel, dimensions, offset, global, local, waits,
                                         wait_list, event);
}

cl_int CL_API_CALL create_sub_devices(cl_device_id device,
                                      const cl_device_partition_property* properties, cl_uint count,
                                      cl_device_id* parts, cl_uint* count_ret) {
  if (limit("sub_devices")) return CL_DEVICE_PARTITION_FAILED;
  const cl_int code = THROUGH(clCreateSubDevices)(device, properties, count, parts, count_ret);
  if (code == CL_SUCCESS && parts != nullptr) {
    Layer& l = layer();
    const std::lock_guard lock(l.mutex);
    l.parts.insert(l.parts.end(), parts, parts + count);
  }
  return code;
}

void write_counts() {
  Layer& l = layer();
  if (l.count_file.empty()) return;
  std::ofstream file(l.count_file);
  for (std::size_t i = 0; i < kCount; ++i) {
    if (l.uses[i] > 0) file << kNames[i] << ' ' << l.uses[i] << '\n';
  }
}

}  // namespace

extern "C" {

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, std::size_t size, void* value,
                                               std::size_t* size_ret) {
  if (what != CL_LAYER_API_VERSION) return CL_INVALID_VALUE;
  const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
  if (value != nullptr) {
    if (size < sizeof version) return CL_INVALID_VALUE;
    std::memcpy(value, &version, sizeof version);
  }
  if (size_ret != nullptr) *size_ret = sizeof version;
  return CL_SUCCESS;
}

CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint entries, const cl_icd_dispatch* target,
                                            cl_uint* entries_ret, const cl_icd_dispatch** own) {
  Layer& l = layer();
  std::memcpy(static_cast<void*>(&l.target), target,
              std::min(sizeof l.target, entries * sizeof(void*)));
  std::memcpy(static_cast<void*>(&l.own), static_cast<const void*>(&l.target), sizeof l.own);
#define SET(f) l.own.f = THROUGH(f);
  CALLS(SET)
  l.own.clGetDeviceInfo = get_device_info;
  l.own.clGetKernelWorkGroupInfo = get_kernel_work_group_info;
  l.own.clCreateProgramWithSource = create_program;
  l.own.clCreateBuffer = create_buffer;
  l.own.clEnqueueNDRangeKernel = enqueue_kernel;
  l.own.clCreateSubDevices = create_sub_devices;
  const char* const rules = std::getenv("PINNACLE_FAULTS");
  std::istringstream list(rules == nullptr ? "" : rules);
  for (std::string rule; std::getline(list, rule, ';');) read_rule(rule);
  l.rule_uses = std::vector<std::atomic<long>>(l.rules.size());
  std::atexit(write_counts);
  *entries_ret = static_cast<cl_uint>(sizeof l.own / sizeof(void*));
  *own = &l.own;
  return CL_SUCCESS;
}

}  // extern "C"
