// What the bench says of peers if it was built without them.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>

#include "bench/peers/peers.hpp"

namespace pinnacle::bench {

void check_peers_built() {
  throw ArgumentError("this bench was built without oneDNN and OpenBLAS", "--peers",
                      "install libdnnl-dev and libopenblas-pthread-dev (Debian's names), then "
                      "set up the build again, with -Dpeers=enabled to be sure");
}

void set_peer_environment() {}

void start_peers(int) { check_peers_built(); }

std::vector<Peer> make_peers(const ShapeCase&, std::span<const Tensor>,
                             std::span<const std::string>) {
  return {};
}

}  // namespace pinnacle::bench
