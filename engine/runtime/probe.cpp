// The measurements. Every one starts with a tiny run and grows the work until it takes a few
// milliseconds, so that the same code fits a GPU of 60 TFLOP/s and an interpreter of 1 MFLOP/s.
// SPDX-License-Identifier: Apache-2.0
#include "runtime/probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <pinnacle/error.hpp>
#include <vector>

#include "runtime/device_handle.hpp"
#include "runtime/log.hpp"

namespace pinnacle::runtime {
namespace {

// Units: seconds. Long enough next to a launch, short enough to fall between other programs' turns.
constexpr double kEnough = 1.5e-3;
constexpr double kTooMuch = 0.02;  // a run this long is not repeated
constexpr int kChains = 8;         // of the fma kernels

// One measurement, of which a long one is repeated: a stall of a busy machine must not pass for a
// slow device.
template <typename Run>
double steady(const Run& run) {
  double seconds = run();
  for (int again = 0; again < 2 && seconds >= kEnough; ++again) seconds = std::min(seconds, run());
  return seconds;
}

class Bench {
 public:
  explicit Bench(DeviceHandle& device)
      : device_(device), target_(device.declared()), context_(device.context().get()) {
    queue_ = device.new_queue(0);
  }

  const Target& target() const { return target_; }

  bc::kernel kernel(const KernelCall& call) {
    const auto [program, name] = device_.programs().get(call);
    cl_int code = CL_SUCCESS;
    const cl_kernel made = clCreateKernel(program.get(), name.c_str(), &code);
    check(code, "clCreateKernel", device_.name());
    return bc::kernel(made, false);
  }

  bc::buffer buffer(std::size_t bytes) {
    cl_int code = CL_SUCCESS;
    const cl_mem made = clCreateBuffer(context_, CL_MEM_READ_WRITE, bytes, nullptr, &code);
    check(code, "clCreateBuffer", device_.name());
    return bc::buffer(made, false);
  }

  // Kernels do not keep buffers alive: the caller does, until finish().
  void set(const bc::kernel& kernel, const std::vector<Arg>& args,
           const std::vector<bc::buffer>& buffers) {
    cl_uint index = 0;
    for (const Arg& arg : args) {
      cl_int code = CL_SUCCESS;
      if (const auto* ref = std::get_if<BufferRef>(&arg)) {
        const cl_mem memory = buffers[static_cast<std::size_t>(ref->index)].get();
        code = clSetKernelArg(kernel.get(), index, sizeof(memory), &memory);
      } else {
        const std::int32_t value = std::get<std::int32_t>(arg);
        code = clSetKernelArg(kernel.get(), index, sizeof(value), &value);
      }
      check(code, "clSetKernelArg", device_.name());
      ++index;
    }
  }

  void enqueue(const bc::kernel& kernel, std::size_t global, std::size_t local) {
    check(clEnqueueNDRangeKernel(queue_.get(), kernel.get(), 1, nullptr, &global, &local, 0,
                                 nullptr, nullptr),
          "clEnqueueNDRangeKernel", device_.name());
  }
  void finish() { check(clFinish(queue_.get()), "clFinish", device_.name()); }

  template <typename F>
  double seconds(F&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    finish();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  // The first run pays for what drivers do at a kernel's first launch.
  double seconds(const bc::kernel& kernel, std::size_t global, std::size_t local) {
    return seconds([&] { enqueue(kernel, global, local); });
  }

  template <typename T>
  void write(const bc::buffer& to, const std::vector<T>& data) {
    check(clEnqueueWriteBuffer(queue_.get(), to.get(), CL_TRUE, 0, data.size() * sizeof(T),
                               data.data(), 0, nullptr, nullptr),
          "clEnqueueWriteBuffer", device_.name());
  }
  template <typename T>
  std::vector<T> read(const bc::buffer& from, std::size_t count) {
    std::vector<T> data(count);
    check(clEnqueueReadBuffer(queue_.get(), from.get(), CL_TRUE, 0, count * sizeof(T), data.data(),
                              0, nullptr, nullptr),
          "clEnqueueReadBuffer", device_.name());
    return data;
  }
  void fill_zero(const bc::buffer& to, std::size_t bytes) {
    const cl_uchar zero = 0;
    check(clEnqueueFillBuffer(queue_.get(), to.get(), &zero, 1, 0, bytes, 0, nullptr, nullptr),
          "clEnqueueFillBuffer", device_.name());
    finish();
  }

 private:
  DeviceHandle& device_;
  Target target_;
  cl_context context_;
  bc::command_queue queue_;
};

// How much more work fills kEnough, given what `seconds` of it took.
int growth(double seconds) {
  return static_cast<int>(std::clamp(1.3 * kEnough / std::max(seconds, 1e-9), 2.0, 16.0));
}

// The kernels of the probe, in one place so that they can be built at once.
int self_test_group(const Target& target) { return target.max_work_group >= 16 ? 16 : 1; }

KernelCall self_test_kernel(const Target& target) {
  KernelCall call("probe/self_test.cl");
  call.define("WG", self_test_group(target));
  return call;
}

KernelCall fma_wide_kernel(int width) {
  KernelCall call("probe/fma_wide.cl");
  call.define("VW", width);
  return call;
}

KernelCall stream_copy_kernel(int lanes) {
  KernelCall call("probe/stream_copy.cl");
  call.define("VW", lanes);
  return call;
}

constexpr int kWidths[] = {4, 8, 16};

void build_all(DeviceHandle& device) {
  std::vector<KernelCall> calls = {self_test_kernel(device.declared()),
                                   KernelCall("probe/empty.cl"), KernelCall("probe/fma_simt.cl"),
                                   KernelCall("probe/count_loop.cl")};
  for (const int width : kWidths) {
    calls.push_back(fma_wide_kernel(width));
    calls.push_back(stream_copy_kernel(width));
  }
  std::vector<const KernelCall*> pointers;
  for (const KernelCall& call : calls) pointers.push_back(&call);
  (void)device.programs().get(pointers);
}

void self_test(Bench& bench, const std::string& name) {
  constexpr int kCount = 1000;  // no multiple of any group size
  const int group = self_test_group(bench.target());
  const int groups = (kCount + group - 1) / group;
  const bc::kernel kernel = bench.kernel(self_test_kernel(bench.target()));
  const std::vector<bc::buffer> buffers = {bench.buffer(kCount * sizeof(float)),
                                           bench.buffer(kCount * sizeof(float)),
                                           bench.buffer(groups * sizeof(float))};
  std::vector<float> x(kCount);
  for (int i = 0; i < kCount; ++i) x[i] = static_cast<float>(i % 17 - 8);
  bench.write(buffers[0], x);
  bench.set(kernel, {BufferRef{{}, 0}, BufferRef{{}, 1}, BufferRef{{}, 2}, kCount},
            {buffers[0], buffers[1], buffers[2]});
  bench.enqueue(kernel, static_cast<std::size_t>(groups * group), static_cast<std::size_t>(group));
  const auto y = bench.read<float>(buffers[1], kCount);
  const auto sums = bench.read<float>(buffers[2], static_cast<std::size_t>(groups));
  std::vector<float> expected_sums(static_cast<std::size_t>(groups));
  for (int i = 0; i < kCount; ++i) {
    const float expected = 3 * x[i] + static_cast<float>(i);
    expected_sums[i / group] += expected;
    if (y[i] != expected) {
      throw DeviceError(fmt::format("the self-test computed {} instead of {}", y[i], expected),
                        name, "its driver miscompiles: update it or choose another device");
    }
  }
  if (sums != expected_sums) {
    throw DeviceError("the self-test's sums through local memory are wrong", name,
                      "its driver miscompiles: update it or choose another device");
  }
}

// The throughput of one fma kernel. Candidates are run in turns, so that a busy moment of the
// machine falls on all of them.
class FmaRun {
 public:
  FmaRun(Bench& bench, const KernelCall& call, int lanes, std::size_t local)
      : bench_(bench),
        kernel_(bench.kernel(call)),
        buffers_({bench.buffer(sizeof(float))}),
        lanes_(lanes),
        local_(local),
        groups_(4 * static_cast<std::size_t>(bench.target().compute_units)) {
    constexpr std::int32_t kMostIterations = 4096;  // far below any loop limit
    run();                                          // drivers finish compiling at a first launch
    double seconds = steady([&] { return run(); });
    while (seconds < kEnough && groups_ < (1u << 22)) {
      const int factor = growth(seconds);
      if (iterations_ < kMostIterations) {
        iterations_ = std::min(kMostIterations, iterations_ * factor);
      } else {
        groups_ *= static_cast<std::size_t>(factor);
      }
      seconds = steady([&] { return run(); });
    }
    best_ = seconds;
  }

  bool is_slow() const { return best_ > kTooMuch; }
  void repeat() {
    if (!is_slow()) best_ = std::min(best_, run());
  }
  double gflops() const {
    return 2e-9 * kChains * lanes_ * iterations_ * static_cast<double>(groups_ * local_) / best_;
  }

 private:
  double run() {
    bench_.set(kernel_, {BufferRef{}, iterations_}, buffers_);
    return bench_.seconds(kernel_, groups_ * local_, local_);
  }

  Bench& bench_;
  bc::kernel kernel_;
  std::vector<bc::buffer> buffers_;
  int lanes_;
  std::size_t local_;
  std::size_t groups_;
  std::int32_t iterations_ = 4;
  double best_ = 0;
};

// Wide or simt, lanes and peak. A CPU driver runs work-items one after the other, so explicit
// vectors win there by their width; a GPU runs them on its lanes, so one work-item per group loses
// by that factor. Half is far from both, so the answer does not change from run to run.
void measure_arithmetic(Bench& bench, int native_width, Measured& result) {
  const std::size_t local = std::min<std::size_t>(64, bench.target().max_work_group);
  std::vector<FmaRun> runs;  // simt, then wide by width
  runs.emplace_back(bench, KernelCall("probe/fma_simt.cl"), 1, local);
  for (const int width : kWidths) {
    runs.emplace_back(bench, fma_wide_kernel(width), width, 1);
    if (runs.back().gflops() < 0.05 * runs.front().gflops()) break;  // hopeless: a GPU
  }
  for (int round = 0; round < 12; ++round) {
    for (FmaRun& run : runs) run.repeat();
  }
  const double simt = runs.front().gflops();
  double wide = 0;
  for (std::size_t i = 1; i < runs.size(); ++i) wide = std::max(wide, runs[i].gflops());
  result.peak_gflops = std::max(simt, wide);
  result.family = wide >= 0.5 * simt ? Family::wide : Family::simt;
  result.vector_width = 4;
  if (result.family == Family::wide) {
    // The widest that is nearly as fast as any: its registers hold more. One that the hardware has
    // to split runs out of registers in this very loop and is slower. The width that the driver
    // calls native is taken on weaker evidence: the choice decides the order in which sums are
    // added, so it must not change from one measurement on a busy machine to the next.
    for (std::size_t i = 1; i < runs.size(); ++i) {
      const bool native = kWidths[i - 1] == native_width;
      if (runs[i].gflops() >= 0.93 * wide) result.vector_width = kWidths[i - 1];
      if (native && runs[i].gflops() >= 0.6 * wide) {
        result.vector_width = native_width;
        break;
      }
    }
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    log(2, "  {} {} lanes: {:.1f} GFLOP/s", i == 0 ? "simt" : "wide", i == 0 ? 1 : kWidths[i - 1],
        runs[i].gflops());
  }
}

void measure_launch(Bench& bench, Measured& result) {
  const bc::kernel kernel = bench.kernel(KernelCall("probe/empty.cl"));
  const std::vector<bc::buffer> buffers = {bench.buffer(sizeof(std::int32_t))};
  bench.set(kernel, {BufferRef{}, 0}, buffers);
  bench.seconds(kernel, 1, 1);
  int count = 8;
  const auto run = [&] {
    return bench.seconds([&] {
      for (int i = 0; i < count; ++i) bench.enqueue(kernel, 1, 1);
    });
  };
  double best = steady(run) / count;
  while (best * count < kEnough && count < 4096) {
    count *= 4;
    best = steady(run) / count;
  }
  for (int i = 0; i < 3 && best * count < kTooMuch; ++i) best = std::min(best, run() / count);
  result.launch_us = best * 1e6;
}

void measure_bandwidth(Bench& bench, DeviceHandle& device, Measured& result) {
  const Target& target = bench.target();
  const bool wide = result.family == Family::wide;
  const int lanes = wide ? result.vector_width : 4;
  const bc::kernel kernel = bench.kernel(stream_copy_kernel(lanes));

  constexpr std::size_t kUnit = 1 << 16;  // bytes that one work-group copies
  const std::size_t local = wide ? 1 : std::min<std::size_t>(64, target.max_work_group);
  const auto set = [&](const std::vector<bc::buffer>& buffers, std::size_t groups) {
    const auto count = static_cast<std::int32_t>(kUnit / sizeof(float) / lanes / local);
    const auto items = static_cast<std::int32_t>(groups * local);
    bench.set(kernel,
              {BufferRef{{}, 0}, BufferRef{{}, 1}, count, wide ? count : 1, wide ? 1 : items},
              buffers);
  };
  // Well beyond the caches, but modest on small and slow devices.
  const auto cache = device_info<cl_ulong>(device.id(), CL_DEVICE_GLOBAL_MEM_CACHE_SIZE);
  std::size_t bytes = std::clamp<std::size_t>(4 * cache, 64u << 20, 128u << 20);
  bytes = std::min({bytes, target.max_allocation / 2, target.global_memory / 8});
  {
    const std::vector<bc::buffer> buffers = {bench.buffer(4 * kUnit), bench.buffer(4 * kUnit)};
    bench.fill_zero(buffers[0], 4 * kUnit);
    set(buffers, 4);
    bench.seconds(kernel, 4 * local, local);
    const double per_byte =
        steady([&] { return bench.seconds(kernel, 4 * local, local); }) / (4.0 * kUnit);
    const auto affordable = static_cast<std::size_t>(4 * kTooMuch / per_byte);
    bytes = std::min(bytes, affordable);
  }
  const std::size_t groups = std::max<std::size_t>(1, bytes / kUnit);
  bytes = groups * kUnit;
  const std::vector<bc::buffer> buffers = {bench.buffer(bytes), bench.buffer(bytes)};
  bench.fill_zero(buffers[0], bytes);
  set(buffers, groups);
  bench.seconds(kernel, groups * local, local);
  int repeats = 1;
  const auto run = [&] {
    return bench.seconds([&] {
      for (int i = 0; i < repeats; ++i) bench.enqueue(kernel, groups * local, local);
    }) / repeats;
  };
  double best = steady(run);
  if (best < kEnough / 2) repeats = 8;
  for (int i = 0; i < 6 && best < 4 * kTooMuch; ++i) best = std::min(best, run());
  result.bandwidth_gbs = 2.0 * static_cast<double>(bytes) / best / 1e9;
}

// Some drivers leave a loop silently when a work-item's loops together reach a limit. The longest
// loop is tried in stages, because an interpreter would take seconds for it.
void measure_loop_limit(Bench& bench, Measured& result) {
  const bc::kernel kernel = bench.kernel(KernelCall("probe/count_loop.cl"));
  const std::vector<bc::buffer> buffers = {bench.buffer(5 * sizeof(std::int32_t))};
  double per_iteration = 0;
  for (const std::int32_t n : {1000, 1000, 10000, 80000, 200000}) {
    if (per_iteration * n > 0.5) break;
    bench.write<std::int32_t>(buffers[0], {0, 1, 1, 1, 1});
    bench.set(kernel, {BufferRef{}, n}, buffers);
    per_iteration = bench.seconds(kernel, 1, 1) / n;
    const std::int32_t counted = bench.read<std::int32_t>(buffers[0], 1)[0];
    if (counted < n) {
      // How nested loops add up differs a little: stay 2 % below.
      result.loop_limit = std::max<std::int64_t>(1, std::int64_t{counted} * 98 / 100);
      break;
    }
    if (n == 1000) per_iteration = 0;  // mostly the launch
  }
}

}  // namespace

Measured probe(DeviceHandle& device) {
  Bench bench(device);
  Measured result;
  const auto timed = [&](const char* what, auto&& measure) {
    const auto start = std::chrono::steady_clock::now();
    measure();
    log(2, "probe of {}: {} took {:.0f} ms", device.name(), what,
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count());
  };
  timed("build", [&] { build_all(device); });
  timed("self-test", [&] { self_test(bench, device.name()); });
  timed("launch", [&] { measure_launch(bench, result); });
  cl_uint native_width = 0;
  clGetDeviceInfo(device.id(), CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof(native_width),
                  &native_width, nullptr);
  timed("arithmetic", [&] { measure_arithmetic(bench, static_cast<int>(native_width), result); });
  timed("bandwidth", [&] { measure_bandwidth(bench, device, result); });
  timed("loop limit", [&] { measure_loop_limit(bench, result); });
  return result;
}

}  // namespace pinnacle::runtime
