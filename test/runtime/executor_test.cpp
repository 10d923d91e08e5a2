// Plans written by hand, run on every device.
// SPDX-License-Identifier: Apache-2.0
#include "runtime/executor.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <pinnacle/error.hpp>

#include "device_list.hpp"
#include "runtime/clblast.hpp"
#include "support.hpp"

using namespace pinnacle;
using runtime::DeviceMemory;
using runtime::Executor;
using Place = PlanBuffer::Place;

namespace {

BufferRef ref(int index) { return {BufferRef::Space::buffer, index}; }

Step step_of(Call call) {
  Step step;
  step.node = "node";
  step.op = "op";
  step.calls.push_back(std::move(call));
  return step;
}

std::string message_of(const Device& device, Plan plan) {
  try {
    Executor executor(device, std::move(plan), nullptr, false);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a chain through the arena computes, again and again") {
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    Executor executor(device, test::chain_plan(257, 5), nullptr, false);
    std::vector<float> x(257);
    for (int repeat = 0; repeat < 3; ++repeat) {
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) + repeat;
      executor.write("x", std::as_bytes(std::span(x)), false);
      executor.enqueue();
      std::vector<float> y(257);
      executor.read_into("y", std::as_writable_bytes(std::span(y)), false);
      executor.finish();
      for (std::size_t i = 0; i < x.size(); ++i) CHECK(y[i] == 32 * x[i] + 31);
    }
  }
}

TEST_CASE("zero, copy, constants, scalars, local memory and empty ranges") {
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    Plan plan;
    plan.buffers = {test::plan_buffer("c", 8, Place::constant),
                    test::plan_buffer("a", 8, Place::arena),
                    test::plan_buffer("y", 8, Place::external)};
    plan.buffers[0].data = std::make_shared<const Tensor>(Tensor({8}, {1, 2, 3, 4, 5, 6, 7, 8}));
    plan.arena_bytes = 4096;
    plan.outputs = {{"y", 2}};
    KernelCall sum("own/reverse.cl");
    sum.source =
        "__kernel void reverse(__global const float* x, __global float* y, __local float* t) {\n"
        "  const int i = (int)get_local_id(0);\n"
        "  t[i] = x[i];\n"
        "  barrier(CLK_LOCAL_MEM_FENCE);\n"
        "  y[i] += t[7 - i];\n"
        "}\n";
    sum.arg(ref(1)).arg(ref(2)).arg(LocalBytes{8 * sizeof(float)}).range({8, 1, 1}, {8, 1, 1});
    KernelCall nothing = test::scale_call(0, 2, 100.0f, 0.0f, 8);
    nothing.range({0, 1, 1}, {1, 1, 1});
    plan.steps = {step_of(CopyCall{ref(0), ref(1)}), step_of(ZeroCall{ref(2)}), step_of(sum),
                  step_of(nothing)};
    Executor executor(device, plan, nullptr, false);
    executor.enqueue();
    executor.enqueue();
    CHECK(executor.read("y") == Tensor({8}, {8, 7, 6, 5, 4, 3, 2, 1}));
  }
}

TEST_CASE("persistent buffers are shared by name") {
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    Plan plan;
    plan.buffers = {test::plan_buffer("w", 4, Place::persistent)};
    plan.buffers[0].data = std::make_shared<const Tensor>(Tensor({4}, {1, 2, 3, 4}));
    plan.steps = {step_of(test::scale_call(0, 0, 2.0f, 0.0f, 4))};
    const auto memory = std::make_shared<DeviceMemory>(device);
    Executor first(device, plan, memory, false);
    Executor second(device, plan, memory, true);
    first.enqueue();
    second.enqueue();
    first.enqueue();
    CHECK(second.read_persistent("w") == Tensor({4}, {8, 16, 24, 32}));
    first.write_persistent("w", Tensor({4}, {0, 0, 0, 1}));
    CHECK(second.read_persistent("w") == Tensor({4}, {0, 0, 0, 1}));
    CHECK(first.persistent_names() == std::vector<std::string>{"w"});
    CHECK_THROWS_AS((void)first.read_persistent("v"), ArgumentError);
    CHECK_THROWS_AS(first.write_persistent("w", Tensor({5}, {1, 2, 3, 4, 5})), ShapeError);
    plan.buffers[0] = test::plan_buffer("w", 5, Place::persistent);
    CHECK_THROWS_AS(Executor(device, plan, memory, false), ShapeError);
  }
}

TEST_CASE("profiles hold a time for each call") {
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    Executor executor(device, test::chain_plan(100, 3), nullptr, true);
    CHECK(executor.profile().empty());
    executor.write("x", Tensor(Shape{100}).bytes(), true);
    executor.enqueue();
    const auto times = executor.profile();
    REQUIRE(times.size() == 3);
    for (int i = 0; i < 3; ++i) {
      CHECK(times[i].step == i);
      CHECK(times[i].call == 0);
      CHECK(times[i].microseconds >= 0);
      CHECK(times[i].microseconds < 1e6);
    }
  }
}

TEST_CASE("the caller's buffers are bound for one run, with its events") {
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    Executor executor(device, test::chain_plan(4, 2), nullptr, false);
    executor.write("x", Tensor({4}, {0, 0, 0, 0}).bytes(), true);
    const cl_context context = device.handle().context().get();
    float x[4] = {1, 2, 3, 4};
    cl_int code = 0;
    const cl_mem in =
        clCreateBuffer(context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, sizeof(x), x, &code);
    const cl_mem out = clCreateBuffer(context, CL_MEM_READ_WRITE, sizeof(x), nullptr, &code);
    const cl_mem small = clCreateBuffer(context, CL_MEM_READ_WRITE, 4, nullptr, &code);
    REQUIRE(code == CL_SUCCESS);
    const cl_event first = executor.enqueue({{"x", in}, {"y", out}}, {});
    const cl_event done = executor.enqueue({{"x", in}, {"y", out}}, std::span(&first, 1));
    CHECK(clWaitForEvents(1, &done) == CL_SUCCESS);
    clReleaseEvent(first);
    clReleaseEvent(done);
    float y[4] = {};
    clEnqueueReadBuffer(device.handle().queue(), out, CL_TRUE, 0, sizeof(y), y, 0, nullptr,
                        nullptr);
    CHECK(y[0] == 7.0f);
    CHECK(y[3] == 19.0f);
    executor.enqueue();  // on its own buffers again
    CHECK(executor.read("y") == Tensor({4}, {3, 3, 3, 3}));
    CHECK_THROWS_AS((void)executor.enqueue({{"z", in}}, {}), ArgumentError);
    CHECK_THROWS_AS((void)executor.enqueue({{"x", small}}, {}), ShapeError);
    for (const cl_mem memory : {in, out, small}) clReleaseMemObject(memory);
  }
}

TEST_CASE("wrong plans and wrong use are errors that say what and where") {
  CHECK_THROWS_AS(Executor(Device::host(), Plan(), nullptr, false), DeviceError);
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    Executor executor(device, test::chain_plan(4, 1), nullptr, false);
    CHECK_THROWS_AS(executor.write("z", Tensor(Shape{4}).bytes(), true), ArgumentError);
    CHECK_THROWS_AS(executor.write("x", Tensor(Shape{5}).bytes(), true), ShapeError);
    CHECK_THROWS_AS((void)executor.read("x"), ArgumentError);

    Plan plan = test::chain_plan(4, 1);
    std::get<KernelCall>(plan.steps[0].calls[0]).args.pop_back();
    CHECK(message_of(device, plan)
              .find("own/scale.cl: kernel \"scale\" has 5 arguments but is given 4") !=
          std::string::npos);
    plan = test::chain_plan(4, 1);
    std::get<KernelCall>(plan.steps[0].calls[0]).kernel = "scala";
    CHECK(message_of(device, plan).find("defines no kernel \"scala\"") != std::string::npos);
    plan = test::chain_plan(4, 1);
    std::get<KernelCall>(plan.steps[0].calls[0]).local = {1u << 20, 1, 1};
    std::get<KernelCall>(plan.steps[0].calls[0]).global = {1u << 20, 1, 1};
    Executor too_wide(device, plan, nullptr, false);
    try {
      too_wide.enqueue();
      FAIL("no error");
    } catch (const DeviceError& error) {
      CHECK(error.code() != 0);
      CHECK(std::string(error.what()).find("clEnqueueNDRangeKernel failed with CL_INVALID_WORK") !=
            std::string::npos);
    }
  }
}

TEST_CASE("a plan that does not fit says how much is asked, free and largest") {
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    Plan plan;
    PlanBuffer buffer = test::plan_buffer("huge", 4, Place::constant);
    buffer.bytes = device.target().global_memory + 1;
    plan.buffers = {test::plan_buffer("small", 4, Place::external), buffer};
    try {
      Executor executor(device, plan, nullptr, false);
      FAIL("no error");
    } catch (const MemoryError& error) {
      CHECK(error.asked() > device.target().global_memory);
      CHECK(error.available() <= device.target().global_memory);
      CHECK(std::string(error.what()).find("its largest buffers: huge") != std::string::npos);
    }
  }
}

TEST_CASE("memory is given back") {
  for (const Device& device : test::test_devices()) {
    const std::size_t before = device.handle().allocated();
    {
      Executor executor(device, test::chain_plan(1000, 3), nullptr, false);
      CHECK(device.handle().allocated() > before);
    }
    CHECK(device.handle().allocated() == before);
  }
}

TEST_CASE("an arena larger than one allocation falls apart into buffers") {
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    Plan plan = test::chain_plan(64, 4);
    plan.arena_bytes = device.target().max_allocation + 4096;  // as if other buffers filled it
    if (plan.arena_bytes > device.target().global_memory / 2) {
      MESSAGE("skipped: " << device.name() << " allows one buffer as large as its memory");
      continue;
    }
    Executor executor(device, plan, nullptr, false);
    executor.write("x", Tensor(Shape{64}).bytes(), true);
    executor.enqueue();
    CHECK(executor.read("y").f32()[63] == 15.0f);
  }
}

TEST_CASE("CLBlast multiplies, whatever the result's memory held before") {
  if (!runtime::clblast_available()) {
    MESSAGE("skipped: " << runtime::clblast_problem());
    return;
  }
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    if (device.target().peak_gflops < 1) {
      MESSAGE("skipped: " << device.name() << " is too slow");
      continue;
    }
    for (const int size : {5, 33}) {
      for (const int variant : {0, 3, 5}) {  // few: each costs CLBlast seconds of compiling
        const int batch = variant & 4 ? 3 : 1;
        const int m = size, n = size + 1, k = size + 2;
        ClblastGemmCall call;
        call.m = m, call.n = n, call.k = k, call.batch = batch;
        call.transpose_a = (variant & 1) != 0;
        call.transpose_b = (variant & 2) != 0;
        call.a = ref(0), call.b = ref(1), call.c = ref(2);
        Plan plan;
        plan.buffers = {test::plan_buffer("a", batch * m * k, Place::external),
                        test::plan_buffer("b", batch * k * n, Place::external),
                        test::plan_buffer("c", batch * m * n, Place::external)};
        plan.inputs = {{"a", 0}, {"b", 1}, {"c", 2}};
        plan.outputs = {{"c", 2}};
        plan.steps = {step_of(call)};
        Executor executor(device, plan, nullptr, false);
        Tensor a(Shape{batch * m * k}), b(Shape{batch * k * n}), c(Shape{batch * m * n});
        for (std::size_t i = 0; i < a.f32().size(); ++i) a.f32()[i] = float(i % 7) - 3;
        for (std::size_t i = 0; i < b.f32().size(); ++i) b.f32()[i] = float(i % 5) - 2;
        for (float& v : c.f32()) v = std::numeric_limits<float>::quiet_NaN();
        executor.write("a", a.bytes(), true);
        executor.write("b", b.bytes(), true);
        executor.write("c", c.bytes(), true);
        executor.enqueue();
        c = executor.read("c");
        int wrong = 0;
        for (int z = 0; z < batch; ++z) {
          for (int i = 0; i < m; ++i) {
            for (int j = 0; j < n; ++j) {
              float sum = 0;
              for (int l = 0; l < k; ++l) {
                sum += a.f32()[z * m * k + (call.transpose_a ? l * m + i : i * k + l)] *
                       b.f32()[z * k * n + (call.transpose_b ? j * k + l : l * n + j)];
              }
              wrong += c.f32()[(z * m + i) * n + j] == sum ? 0 : 1;
            }
          }
        }
        CAPTURE(size);
        CAPTURE(variant);
        CHECK(wrong == 0);
      }
    }
  }
}

TEST_CASE("enqueueing costs little host time per kernel") {
  for (const Device& device : test::test_devices()) {
    if (device.target().launch_us > 20) continue;  // not this test's device
    constexpr int kKernels = 200;
    Executor executor(device, test::chain_plan(64, kKernels), nullptr, false);
    executor.write("x", Tensor(Shape{64}).bytes(), true);
    executor.enqueue();
    executor.finish();
    double best = 1e9;
    for (int repeat = 0; repeat < 20; ++repeat) {
      const auto start = std::chrono::steady_clock::now();
      executor.enqueue();
      const std::chrono::duration<double, std::micro> time =
          std::chrono::steady_clock::now() - start;
      executor.finish();
      best = std::min(best, time.count() / kKernels);
    }
    MESSAGE(device.name() << ": " << best << " us of host time per kernel");
    CHECK(best < 20);  // a shared machine; the bench tool holds the real target
  }
}
