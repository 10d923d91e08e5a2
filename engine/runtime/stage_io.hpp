// What a stage of a pipeline reads and writes: memory of its device that the host fills in place,
// outputs, and a queue of its own for moving them while the stage computes.
// Thread safety: a TransferQueue and what is made with it belong to one thread at a time; the bytes
// of an InputMemory may be filled by any thread while it is open.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/device.hpp>

#include <cstddef>
#include <span>
#include <string>

#include "runtime/memory.hpp"
#include "runtime/opencl.hpp"

namespace pinnacle::runtime {

class TransferQueue {
 public:
  // REQUIRES: not the host device.
  explicit TransferQueue(const Device& device);
  TransferQueue(const TransferQueue&) = delete;
  TransferQueue& operator=(const TransferQueue&) = delete;
  ~TransferQueue();  ///< waits for what is on the way

  const Device& device() const { return device_; }
  cl_command_queue get() const { return queue_.get(); }
  /// Copies all of `target.size()` bytes and waits for that. throws DeviceError
  void read(const DeviceBuffer& source, std::span<std::byte> target);

 private:
  Device device_;
  bc::command_queue queue_;
};

/// Memory for one value. Open, it is the host's: whatever reads another device writes right into it,
/// so that a value crosses a border in one transfer. Closed, it is the device's. Begins open.
class InputMemory {
 public:
  /// `what` names it in errors. throws MemoryError, DeviceError
  InputMemory(TransferQueue& queue, std::size_t bytes, const std::string& what);
  InputMemory(const InputMemory&) = delete;
  InputMemory& operator=(const InputMemory&) = delete;
  ~InputMemory();

  std::span<std::byte> bytes() const { return bytes_; }
  cl_mem get() const { return buffer_.get(); }
  void open();  ///< its old contents are lost
  /// Begins to hand it over; the event says when it is there.
  bc::event close();

 private:
  TransferQueue& queue_;
  std::string what_;
  DeviceBuffer buffer_;
  std::size_t size_ = 0;
  std::span<std::byte> bytes_;
};

/// Waits for an event of this device. throws DeviceError
void wait(const bc::event& event, const Device& device);

/// What moving a value between the host and a device takes: latency and per byte.
struct TransferTimes {
  double in_latency_us = 0, in_us_per_byte = 0;
  double out_latency_us = 0, out_us_per_byte = 0;
};
/// A few transfers of two sizes, medians. throws MemoryError, DeviceError
TransferTimes measure_transfers(const Device& device);

}  // namespace pinnacle::runtime
