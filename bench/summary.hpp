// What many ratios come to: geometric mean, least, and the whole time of a net.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

namespace pinnacle::bench {

/// 0 of nothing. REQUIRES: all positive
double geometric_mean(std::span<const double> values);

/// One measured shape next to its best peer.
struct Compared {
  std::string group;
  double ms = 0;
  double peer_ms = 0;  ///< the fastest peer
  int count = 1;       ///< how often a net has it
};

struct Summary {
  std::string group;
  int shapes = 0;
  double geomean = 0;  ///< of peer_ms / ms, every shape alike
  double min = 0;
  double total = 0;  ///< all shapes as often as the net has them: peers' time / our time
};

/// One for each group, in the order in which they first appear.
std::vector<Summary> summarize(std::span<const Compared> rows);

}  // namespace pinnacle::bench
