// The roofs of the device, measured again beside other work: those in the cache may come from a moment
// when the machine was busy, or not as busy as now; and a copy is faster the nearer the cache that
// holds its arrays, so that only one of the same size is a roof.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/device.hpp>

#include <vector>

#include "bench/timing.hpp"

namespace pinnacle::bench {

struct PeakRun {
  Run run;
  double flop = 0;  ///< of one run
};

/// The probe's kernel as an op in a graph of its own. REQUIRES: an OpenCL device
/// throws   KernelError, DeviceError
PeakRun peak_run(const Device& device);

/// Ways to copy an array, of which the fastest is the roof of ops that move as many bytes.
struct CopyRuns {
  std::vector<Run> runs;
  double bytes = 0;  ///< read and written by one run
};

/// Copies that read and write `bytes` together, or a little more.
/// REQUIRES: an OpenCL device; throws   KernelError, DeviceError, MemoryError
CopyRuns copy_runs(const Device& device, double bytes);
/// By the device's roofs: moving the operands takes longer than the arithmetic.
bool is_memory_bound(const Target& target, double flop, double bytes);

}  // namespace pinnacle::bench
