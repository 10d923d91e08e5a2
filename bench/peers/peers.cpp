// SPDX-License-Identifier: Apache-2.0
#include "bench/peers/peers.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "bench/peers/libraries.hpp"

namespace pinnacle::bench {
namespace {

// OpenBLAS lets its threads spin for 2^26 ticks of the processor's clock, oneDNN's OpenMP for a
// few milliseconds.
constexpr std::chrono::milliseconds kPause(40);

}  // namespace

Run peer_run(std::function<void()> work) {
  return [work = std::move(work)](std::int64_t count) {
    const double start = now();
    for (std::int64_t i = 0; i < count; ++i) work();
    const double seconds = now() - start;
    std::this_thread::sleep_for(kPause);
    return seconds;
  };
}

void check_peers_built() {}

void start_peers(int threads) {
  start_openblas(threads);
  start_onednn(threads);
}

std::vector<Peer> make_peers(const ShapeCase& c, std::span<const Tensor> inputs,
                             std::span<const std::string> names) {
  std::vector<Peer> peers;
  for (std::optional<Peer> (*make)(const ShapeCase&, std::span<const Tensor>) :
       {onednn_peer, openblas_peer}) {
    std::optional<Peer> peer = make(c, inputs);
    if (peer && std::find(names.begin(), names.end(), peer->name) != names.end()) {
      peers.push_back(std::move(*peer));
    }
  }
  return peers;
}

}  // namespace pinnacle::bench
