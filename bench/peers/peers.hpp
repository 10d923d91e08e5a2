// Other libraries on the same work: oneDNN and OpenBLAS, if the bench was built with them. They run
// on the processor, with as many threads as the OpenCL device has compute units.
//
// Threads that wait. Both libraries let idle threads spin after a call, which helps their next one.
// - OpenBLAS: 2^26 ticks, and it yields. It keeps that; each of its runs ends, after the clock was
//   read, with a pause in which its threads fall asleep, so that they take no core from the next.
// - OpenMP, under oneDNN: some milliseconds without yielding. On a machine with anything else to do
//   a thread then spins while the one that it waits for has no core: products of 0.1 ms took 10.
//   A short spin (GOMP_SPINCOUNT=1000, about 10 us) is as fast on small shapes as the long one
//   (2 us for 128 x 10 x 128, against 12 without any) and as steady on a busy machine as none.
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
