// The peak of fused multiply-adds, measured again beside other work: the one in the cache may come
// from a moment when the machine was busy, or not as busy as now.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/device.hpp>

#include "bench/timing.hpp"

namespace pinnacle::bench {

struct PeakRun {
  Run run;
  double flop = 0;  ///< of one run
};

/// The probe's kernel as an op in a graph of its own. REQUIRES: an OpenCL device
/// throws   KernelError, DeviceError
PeakRun peak_run(const Device& device);

}  // namespace pinnacle::bench
