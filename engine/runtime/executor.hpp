// Executor: one plan on one device, ready to run. Kernels are built and their arguments set once;
// a run walks a list of prepared enqueues without allocating and without waiting.
// Thread safety: one thread at a time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/device.hpp>
#include <pinnacle/exchange.hpp>

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/memory.hpp"
#include "runtime/opencl.hpp"
#include "runtime/plan_memory.hpp"
#include "runtime/program_cache.hpp"

namespace pinnacle::runtime {

/// The device time of one call of one step of the last run.
struct StepProfile {
  int step = 0;
  int call = 0;
  double microseconds = 0;
  double start = 0;  ///< after the run's first call began. Units: us
};

class Executor {
 public:
  /// `profile` runs on a queue that records times; such runs wait for the device at both ends.
  /// `exchange` is what the plan's ExchangeCalls are done with; without one nothing is exchanged.
  /// throws   KernelError, FileError, MemoryError, ShapeError, DeviceError
  Executor(const Device& device, Plan plan, std::shared_ptr<DeviceMemory> memory, bool profile,
           std::shared_ptr<Exchange> exchange = nullptr);

  const Plan& plan() const { return plan_; }
  const Device& device() const { return device_; }

  /// Copies to an input before later runs. Not blocking: `data` stays unchanged until finish().
  /// throws   ArgumentError if there is no such input; ShapeError if the size differs
  void write(std::string_view input, std::span<const std::byte> data, bool blocking);
  /// One run, without waiting, but for other participants where the plan exchanges.
  void enqueue();
  void finish();
  Tensor read(std::string_view output);  ///< waits
  void read_into(std::string_view output, std::span<std::byte> data, bool blocking);

  /// One run on the caller's memory for the named inputs and outputs, after `wait_list`. The caller
  /// releases the event.
  /// throws   ArgumentError, ShapeError, DeviceError
  cl_event enqueue(const std::vector<std::pair<std::string, cl_mem>>& buffers,
                   std::span<const cl_event> wait_list);

  Tensor read_persistent(std::string_view name);
  void write_persistent(std::string_view name, const Tensor& tensor);
  std::vector<std::string> persistent_names() const;

  /// throws   DeviceError if a time is not available
  std::vector<StepProfile> profile() const;

 private:
  // One enqueue. A null kernel means a call of the step that is no kernel.
  struct Prepared {
    const Call* source = nullptr;
    cl_kernel kernel = nullptr;
    cl_uint dimensions = 1;
    std::size_t global[3] = {1, 1, 1};
    std::size_t local[3] = {1, 1, 1};
    int step = 0;
    int call = 0;
    std::size_t due = 0;  // of an exchange: the prepared call that needs it first
    int together = -1;    // likewise: the buffer that holds its results and nothing else; -1: none
  };
  // An exchange that has begun: its numbers are on their way to the host.
  struct Pending {
    const Prepared* prepared = nullptr;
    std::vector<std::span<float>> parts;
    std::vector<std::pair<cl_mem, void*>> mapped;
    bc::event there;
  };
  // Where a kernel takes a buffer.
  struct Binding {
    cl_kernel kernel = nullptr;
    cl_uint argument = 0;
  };

  void prepare();
  void prepare(const std::vector<Call>& calls, int step, std::vector<Prepared>& into);
  void build_programs();
  void run_once();
  cl_int enqueue(const Prepared& prepared, cl_event* event);
  void prepare_kernel(const KernelCall& call, Prepared& prepared);
  void run();
  cl_int run_other(const Prepared& prepared, cl_event* event);
  cl_int run_on_host(const HostCall& call, cl_event* event);
  void find_due_exchanges();
  int buffer_of_all(const std::vector<BufferRef>& parts) const;
  void* map(Pending& pending, std::size_t buffer, std::size_t bytes);
  void begin_exchange(const Prepared& prepared);
  void finish_exchanges(std::size_t before);
  void finish_exchange(Pending& pending);
  void give_back(Pending& pending, cl_event* event);
  void bind(std::size_t buffer, cl_mem memory);
  [[noreturn]] void fail_run(const Prepared& prepared, cl_int code);
  std::size_t port(const std::vector<PlanPort>& ports, std::string_view name,
                   std::string_view kind) const;
  void enter_profiling();
  void log_times() const;

  Device device_;
  Plan plan_;
  std::shared_ptr<DeviceMemory> shared_;
  bool profile_;
  cl_command_queue queue_ = nullptr;
  PlanMemory memory_;
  std::vector<bc::kernel> kernels_;
  std::unordered_map<const KernelCall*, ProgramKernel> programs_;  // only while preparing
  std::vector<Prepared> once_;                                     // Step::prepare of all steps
  std::uint64_t once_version_ = 0;
  std::vector<Prepared> prepared_;
  std::vector<std::vector<Binding>> bindings_;  // by buffer
  std::vector<bc::event> events_;               // by prepared call, only while profiling
  std::vector<double> host_us_;                 // likewise: what the host took, 0 for kernels
  std::shared_ptr<Exchange> exchange_;
  std::deque<Pending> pending_;
  decltype(&clEnqueueNDRangeKernel) enqueue_kernel_ = nullptr;
};

}  // namespace pinnacle::runtime
