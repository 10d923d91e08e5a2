// The OpenCL devices that a device test runs on.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <pinnacle/device.hpp>

#include <vector>

#include "base/files.hpp"

namespace pinnacle::test {

/// What PINNACLE_DEVICE names, else every OpenCL device. At least one, or the test fails.
inline std::vector<Device> test_devices() {
  const std::string spec = environment("PINNACLE_DEVICE");
  std::vector<Device> found;
  for (const Device& device : spec.empty() ? devices() : select_devices(spec)) {
    if (device.kind() != DeviceKind::host) found.push_back(device);
  }
  REQUIRE_MESSAGE(!found.empty(), "no OpenCL device");
  return found;
}

/// True on devices where only small shapes are worth the time (slow interpreters).
inline bool small_only() { return !environment("PINNACLE_TEST_SMALL").empty(); }

}  // namespace pinnacle::test
