// Discovery, selection, splitting, adopting, and what the probe finds.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <pinnacle/device.hpp>
#include <pinnacle/error.hpp>

#include "device_list.hpp"
#include "runtime/device_handle.hpp"
#include "runtime/executor.hpp"
#include "runtime/probe.hpp"
#include "support.hpp"

using namespace pinnacle;
using test::ScopedFolder;
using test::ScopedVariable;

TEST_CASE("the host device is always there, last and equal to itself") {
  const std::vector<Device> all = devices();
  REQUIRE(!all.empty());
  CHECK(all.back() == Device::host());
  CHECK(all.back().kind() == DeviceKind::host);
  CHECK(all.back().target().host);
  CHECK(devices() == all);  // the same handles
  CHECK_THROWS_AS((void)Device::host().split(1), DeviceError);
}

TEST_CASE("devices are chosen by index, name, kind and lists") {
  const std::vector<Device> all = devices();
  for (std::size_t i = 0; i < all.size(); ++i) {
    CHECK(select_devices(fmt::format("{}", i)) == std::vector<Device>{all[i]});
    CHECK(select_devices(fmt::format(" {} , {}", i, i)) == std::vector<Device>{all[i]});
  }
  CHECK(select_devices("host") == std::vector<Device>{Device::host()});
  CHECK(select_devices("HOST,0").front() == Device::host());
  CHECK(select_devices("all").size() == std::max<std::size_t>(1, all.size() - 1));
  CHECK(select_devices("fastest").size() == 1);
  const std::string& name = all.front().name();
  CHECK(select_device(name.substr(0, 5)) == all.front());
  const ScopedVariable variable("PINNACLE_DEVICE", "host");
  CHECK(select_device() == Device::host());
}

TEST_CASE("a wrong choice lists what there is") {
  const auto message = [](const std::string& spec) -> std::string {
    try {
      (void)select_devices(spec);
    } catch (const ArgumentError& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK(message("99").find("there is no device 99") != std::string::npos);
  CHECK(message("99").find("host (Pinnacle, host)") != std::string::npos);
  CHECK(message("fastets").find("did you mean fastest?") != std::string::npos);
  CHECK(message("99999999999999999999999").find("there is no device") != std::string::npos);
  CHECK(message("warp drive").find("named like \"warp drive\"") != std::string::npos);
  CHECK(message(" , ").find("no device is named") != std::string::npos);
  const ScopedVariable variable("PINNACLE_DEVICE", "nonsense");
  try {
    (void)select_device();
    FAIL("no error");
  } catch (const ArgumentError& error) {
    CHECK(error.where() == "PINNACLE_DEVICE");
  }
}

TEST_CASE("targets are measured and plausible") {
  for (const Device& device : test::test_devices()) {
    const Target& target = device.target();
    CAPTURE(to_text(target));
    CHECK(target.peak_gflops > 0);
    CHECK(target.bandwidth_gbs > 0);
    CHECK(target.launch_us > 0);
    CHECK((target.vector_width == 4 || target.vector_width == 8 || target.vector_width == 16));
    CHECK(target.max_work_group >= 1);
    CHECK(target.max_allocation > 0);
    CHECK(target.buffer_alignment >= 128);
    if (device.platform() == "Portable Computing Language") {
      CHECK(target.family == Family::wide);
      CHECK(target.loop_limit == 0);
    }
  }
}

TEST_CASE("measurements survive as text, and damage is noticed") {
  runtime::Measured measured;
  measured.family = Family::wide;
  measured.vector_width = 16;
  measured.peak_gflops = 512.25;
  measured.bandwidth_gbs = 60.5;
  measured.launch_us = 1.25;
  measured.loop_limit = 64000;
  const std::string key = "device = x\n";
  const std::string text = runtime::to_text(measured, key);
  const auto back = runtime::parse_measured(text, key);
  REQUIRE(back);
  CHECK(back->family == Family::wide);
  CHECK(back->vector_width == 16);
  CHECK(back->peak_gflops == 512.25);
  CHECK(back->loop_limit == 64000);
  CHECK_FALSE(runtime::parse_measured(text, "device = y\n"));
  for (std::size_t i = 0; i < text.size(); ++i) {
    CHECK_FALSE(runtime::parse_measured(text.substr(0, i), key));
    std::string damaged = text;
    damaged[i] = damaged[i] == '7' ? '8' : '7';
    CHECK_FALSE(runtime::parse_measured(damaged, key));
  }
}

TEST_CASE("a device is split into parts that run") {
  for (const Device& device : test::test_devices()) {
    const int units = device.target().compute_units;
    CAPTURE(device.name());
    CHECK_THROWS_AS((void)device.split(0), DeviceError);
    CHECK_THROWS_AS((void)device.split(units + 1), DeviceError);
    std::vector<Device> parts;
    try {
      parts = device.split(1);
    } catch (const DeviceError& error) {
      MESSAGE("skipped: " << std::string(error.what()));
      continue;
    }
    CHECK(parts.size() == static_cast<std::size_t>(units));
    CHECK_FALSE(parts.front() == device);
    CHECK(parts.front().target().compute_units == 1);
    for (const Device& part : parts) {
      runtime::Executor executor(part, test::chain_plan(10, 2), nullptr, false);
      const Tensor x({10}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
      executor.write("x", x.bytes(), true);
      executor.enqueue();
      CHECK(executor.read("y").f32()[9] == 39.0f);
    }
  }
}

// A driver that lets go of a part on its own thread, after the part is gone, reads freed memory.
TEST_CASE("parts come and go") {
  const int rounds = test::small_only() ? 3 : 1500;
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    for (int i = 0; i < rounds; ++i) {
      std::vector<Device> parts;
      try {
        parts = device.split(1);
      } catch (const DeviceError& error) {
        break;  // named by the test above
      }
      for (const Device& part : parts) {
        cl_command_queue queue = part.handle().queue();
        cl_int code = CL_SUCCESS;
        const cl_mem memory =
            clCreateBuffer(part.handle().context().get(), CL_MEM_READ_WRITE, 64, nullptr, &code);
        REQUIRE(code == CL_SUCCESS);
        std::array<std::byte, 64> bytes{};
        CHECK(clEnqueueWriteBuffer(queue, memory, CL_TRUE, 0, bytes.size(), bytes.data(), 0,
                                   nullptr, nullptr) == CL_SUCCESS);
        clReleaseMemObject(memory);
      }
    }
  }
}

TEST_CASE("a caller's context and queue are adopted and outlive their owner") {
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    const cl_device_id id = device.handle().id();
    cl_int code = 0;
    const cl_context context = clCreateContext(nullptr, 1, &id, nullptr, nullptr, &code);
    REQUIRE(code == 0);
    const cl_context other = clCreateContext(nullptr, 1, &id, nullptr, nullptr, &code);
    const cl_command_queue queue = clCreateCommandQueue(context, id, 0, &code);
    REQUIRE(code == 0);
    CHECK_THROWS_AS((void)Device::adopt(other, id, queue), DeviceError);
    CHECK_THROWS_AS((void)Device::adopt(context, nullptr, queue), DeviceError);
    const Device adopted = Device::adopt(context, id, queue);
    clReleaseCommandQueue(queue);
    clReleaseContext(context);
    clReleaseContext(other);
    CHECK(adopted.name() == device.name());
    CHECK_FALSE(adopted == device);
    runtime::Executor executor(adopted, test::chain_plan(4, 1), nullptr, false);
    executor.write("x", Tensor({4}, {1, 2, 3, 4}).bytes(), true);
    executor.enqueue();
    CHECK(executor.read("y") == Tensor({4}, {3, 5, 7, 9}));
  }
}

// Prints what discovery finds; run as a child process under another environment.
TEST_CASE("child: discovery" * doctest::skip()) {
  const Discovery found = discover();
  for (const Device& device : found.devices) {
    fmt::print("device {} loop limit {}\n", device.name(), device.target().loop_limit);
  }
  for (const std::string& problem : found.problems) fmt::print("problem {}\n", problem);
  CHECK(Device::fastest().name() != "");
  std::fflush(stdout);
}

TEST_CASE("no driver, a broken driver, no OpenCL at all: each a sentence, never a crash") {
  const ScopedFolder folder;
  const std::string empty = (folder.path() / "empty").string();
  std::filesystem::create_directory(empty);
  folder.write("broken/foo.icd", "/nonexistent/libfoo.so\n");
  folder.write("broken/void.icd", "\n");
  const auto text = folder.write("broken/text.so", "not a library");
  folder.write("broken/text.icd", text.string() + "\n");

  auto child = test::run_child("child: discovery", "OCL_ICD_VENDORS=" + empty);
  CAPTURE(child.output);
  CHECK(child.status == 0);
  CHECK(child.output.find("device host") != std::string::npos);
  if (child.output.find("cannot be loaded") != std::string::npos) {
    MESSAGE("skipped: there is no OpenCL loader");
  } else {
    CHECK(child.output.find("knows no driver") != std::string::npos);
    const std::string broken = (folder.path() / "broken").string();
    child = test::run_child("child: discovery", "OCL_ICD_VENDORS=" + broken);
    CHECK(child.status == 0);
    CHECK(child.output.find("/nonexistent/libfoo.so of") != std::string::npos);
    CHECK(child.output.find("text.icd does not load") != std::string::npos);
    CHECK(child.output.find("names no driver library") != std::string::npos);
  }
  for (const std::string& library : {std::string("/nonexistent.so"), std::string("libm.so.6")}) {
    child = test::run_child("child: discovery", "PINNACLE_OPENCL_LIBRARY=" + library);
    CHECK(child.status == 0);
    CHECK(child.output.find("problem the OpenCL library cannot be loaded") != std::string::npos);
    CHECK(child.output.find("device host") != std::string::npos);
  }
}

TEST_CASE("a silent loop limit is found by measurement") {
  const ScopedFolder folder;
  const auto child = test::run_child(
      "child: discovery", "RUSTICL_ENABLE=llvmpipe PINNACLE_CACHE=" + folder.path().string());
  CAPTURE(child.output);
  CHECK(child.status == 0);
  const std::size_t line = child.output.find("device llvmpipe");
  if (line == std::string::npos) {
    MESSAGE("skipped: llvmpipe is not here");
    return;
  }
  const std::size_t number = child.output.find("loop limit ", line) + 11;
  const int limit = std::atoi(child.output.c_str() + number);
  CHECK(limit > 60000);
  CHECK(limit < 65536);
}
