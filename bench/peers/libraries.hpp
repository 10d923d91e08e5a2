// The peers one by one; see peers.hpp.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>

#include "bench/peers/peers.hpp"

namespace pinnacle::bench {

/// `work` so many times, timed. Units: s.
Run peer_run(std::function<void()> work);

/// throws DeviceError
void start_openblas(int threads);
/// Nothing if it does not have the op.
std::optional<Peer> openblas_peer(const ShapeCase& c, std::span<const Tensor> inputs);

void start_onednn(int threads);
/// The same. throws DeviceError if it should have the op and fails
std::optional<Peer> onednn_peer(const ShapeCase& c, std::span<const Tensor> inputs);

}  // namespace pinnacle::bench
