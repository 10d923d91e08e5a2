// SPDX-License-Identifier: Apache-2.0
#include "runtime/stage_io.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <pinnacle/error.hpp>
#include <vector>

#include "base/median.hpp"

namespace pinnacle::runtime {

TransferQueue::TransferQueue(const Device& device) : device_(device) {
  device_.handle().context();  // makes it
  queue_ = device_.handle().new_queue(0);
}

TransferQueue::~TransferQueue() {
  clFinish(queue_.get());
  wait_until_unused(queue_, std::chrono::milliseconds(200));
}

void TransferQueue::read(const DeviceBuffer& source, std::span<std::byte> target) {
  if (target.empty()) return;
  check(clEnqueueReadBuffer(get(), source.get(), CL_TRUE, 0, target.size(), target.data(), 0,
                            nullptr, nullptr),
        "clEnqueueReadBuffer", device_.name());
}

InputMemory::InputMemory(TransferQueue& queue, std::size_t bytes, const std::string& what)
    // Memory that the host reaches without a copy, where the device has such.
    : queue_(queue),
      what_(what),
      buffer_(queue.device(), bytes, what, CL_MEM_ALLOC_HOST_PTR),
      size_(bytes) {
  open();
}

InputMemory::~InputMemory() {
  if (bytes_.data() != nullptr) {
    clEnqueueUnmapMemObject(queue_.get(), get(), bytes_.data(), 0, nullptr, nullptr);
    clFinish(queue_.get());
  }
}

void InputMemory::open() {
  cl_int code = CL_SUCCESS;
  void* const memory =
      clEnqueueMapBuffer(queue_.get(), get(), CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION, 0,
                         buffer_.bytes(), 0, nullptr, nullptr, &code);
  check(code, "clEnqueueMapBuffer", fmt::format("{}, {}", queue_.device().name(), what_));
  bytes_ = {static_cast<std::byte*>(memory), size_};
}

bc::event InputMemory::close() {
  cl_event event = nullptr;
  check(clEnqueueUnmapMemObject(queue_.get(), get(), bytes_.data(), 0, nullptr, &event),
        "clEnqueueUnmapMemObject", fmt::format("{}, {}", queue_.device().name(), what_));
  bytes_ = {};
  bc::event closed(event, false);
  check(clFlush(queue_.get()), "clFlush", queue_.device().name());
  return closed;
}

void wait(const bc::event& event, const Device& device) {
  const cl_event handle = event.get();
  check(clWaitForEvents(1, &handle), "clWaitForEvents", device.name());
}

namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Microseconds of handing `bytes` over and of reading them back.
std::pair<double, double> time_transfers(TransferQueue& queue, std::size_t bytes) {
  constexpr int kRounds = 9;
  InputMemory in(queue, bytes, "a measured value");
  const DeviceBuffer out(queue.device(), bytes, "a measured value");
  fill_zero(queue.device(), out.get(), bytes);
  std::vector<std::byte> host(bytes);
  std::vector<double> in_us, out_us;
  for (int i = 0; i < kRounds; ++i) {
    const double start = seconds_now();
    wait(in.close(), queue.device());
    const double there = seconds_now();
    queue.read(out, host);
    out_us.push_back(1e6 * (seconds_now() - there));
    in_us.push_back(1e6 * (there - start));
    in.open();
  }
  return {median(in_us), median(out_us)};
}

}  // namespace

TransferTimes measure_transfers(const Device& device) {
  constexpr std::size_t kSmall = 64;
  constexpr std::size_t kLarge = 1 << 20;
  TransferQueue queue(device);
  const auto [in_small, out_small] = time_transfers(queue, kSmall);
  const auto [in_large, out_large] = time_transfers(queue, kLarge);
  return {.in_latency_us = in_small,
          .in_us_per_byte = std::max(0.0, in_large - in_small) / kLarge,
          .out_latency_us = out_small,
          .out_us_per_byte = std::max(0.0, out_large - out_small) / kLarge};
}

}  // namespace pinnacle::runtime
