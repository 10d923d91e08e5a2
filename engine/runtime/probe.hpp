// What a device can do, measured: widths, roofs, launch cost, the kernel family that fits, silent
// loop limits, and whether it computes at all. Measured once per driver, then read from
// cache_folder()/devices.
// Thread safety: one call per device at a time (DeviceHandle sees to it).
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/plan.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pinnacle::runtime {

class DeviceHandle;

struct Measured {
  Family family = Family::simt;
  int vector_width = 4;
  double peak_gflops = 0;
  double bandwidth_gbs = 0;
  double launch_us = 0;
  std::int64_t loop_limit = 0;
};

/// Runs the kernels of clkernels/probe/; 0.3 to 3 seconds.
/// throws   DeviceError if a known answer is wrong; KernelError
Measured probe(DeviceHandle& device);

/// The same from the cache if it was measured before.
Measured measured(DeviceHandle& device);
void apply(const Measured& from, Target& to);

// The cache's text form.
/// What a measurement is valid for, one property a line.
std::string probe_key(const DeviceHandle& device);
std::string to_text(const Measured& measured, std::string_view key);
/// Nothing if the text is damaged or of another key.
std::optional<Measured> parse_measured(std::string_view text, std::string_view key);

}  // namespace pinnacle::runtime
