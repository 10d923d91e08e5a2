// Other libraries on the same work: oneDNN and OpenBLAS, if the bench was built with them. They run
// on the processor, with as many threads as the OpenCL device has compute units.
//
// Threads that wait. Both libraries let their idle threads spin for a while after a call, which
// helps their next call and would take a core from whoever is measured next. Switching that off
// would slow them down, so they keep their defaults, and each run of theirs ends, after the clock
// was read, with a pause in which their threads fall asleep.
// Thread safety: one thread at a time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/shape_sets.hpp"
#include "bench/timing.hpp"

namespace pinnacle::bench {

struct Peer {
  std::string name;
  Run run;
  /// The op's first output of the last run, row-major.
  std::function<Tensor()> result;
};

/// throws ArgumentError naming the packages, if the bench was built without them
void check_peers_built();
/// Loads the libraries. `threads` is for all work that follows.
/// throws DeviceError if a library is not there
void start_peers(int threads);
/// Those of `names` that have the op. `inputs` must outlive them.
std::vector<Peer> make_peers(const ShapeCase& c, std::span<const Tensor> inputs,
                             std::span<const std::string> names);

}  // namespace pinnacle::bench
