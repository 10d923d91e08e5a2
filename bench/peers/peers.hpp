// Other libraries on the same work: oneDNN and OpenBLAS, if the bench was built with them. They run
// on the processor, with as many threads as the OpenCL device has compute units.
//
// Threads that wait. Both libraries let idle threads spin after a call, which helps their next one.
// - OpenBLAS: 2^26 ticks or more, and it yields. With two threads on two cores, its idle thread then
//   took half a core from the turns of all others (1024 cubed at half of their speed). It gets 2^15
//   ticks, about 10 us (OPENBLAS_THREAD_TIMEOUT).
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
/// Starts this program again, with the same arguments, if a variable has to be set that a library
/// reads while it is loaded. What the user has set stays.
void set_peer_environment();
/// Loads the libraries. `threads` is for all work that follows.
/// throws DeviceError if a library is not there
void start_peers(int threads);
/// Those of `names` that have the op. `inputs` must outlive them.
std::vector<Peer> make_peers(const ShapeCase& c, std::span<const Tensor> inputs,
                             std::span<const std::string> names);

}  // namespace pinnacle::bench
