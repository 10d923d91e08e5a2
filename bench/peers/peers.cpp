// SPDX-License-Identifier: Apache-2.0
#include "bench/peers/peers.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/files.hpp"
#include "bench/peers/libraries.hpp"

namespace pinnacle::bench {
Run peer_run(std::function<void()> work) {
  return [work = std::move(work)](std::int64_t count) {
    const double start = now();
    for (std::int64_t i = 0; i < count; ++i) work();
    return now() - start;
  };
}

void check_peers_built() {}

void set_peer_environment() {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  ::setenv("GOMP_SPINCOUNT", "1000", 1);
  std::string words = try_read_file("/proc/self/cmdline").value_or("");
  std::vector<char*> arguments;
  for (std::size_t at = 0; at < words.size(); at = words.find('\0', at) + 1) {
    arguments.push_back(words.data() + at);
    if (words.find('\0', at) == std::string::npos) return;  // not what it should be: go on as is
  }
  if (arguments.empty()) return;
  arguments.push_back(nullptr);
  ::execv("/proc/self/exe", arguments.data());
}

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
