// What bounds a device, as runs that can be repeated: transfers and launches through OpenCL itself,
// with nothing of a plan around them.
// Thread safety: plain functions; one thread per device.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/device.hpp>

#include <cstddef>

#include "bench/timing.hpp"

namespace pinnacle::bench {

enum class Direction : std::uint8_t { to_device, from_device };

/// Copies of `bytes` between memory of the host and a buffer, one after the other.
/// REQUIRES: an OpenCL device; throws   DeviceError
Run transfer_run(const Device& device, Direction direction, std::size_t bytes);
/// Empty kernels back to back. REQUIRES: an OpenCL device; throws   KernelError, DeviceError
Run launch_run(const Device& device);

}  // namespace pinnacle::bench
