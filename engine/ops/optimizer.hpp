// Optimizers' updates as seen by the pass that groups them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>

#include <pinnacle/op.hpp>

namespace pinnacle {

/// Updates of one parameter that may become one node: its inputs are theirs in turn without `steps`,
/// which comes last; its outputs are theirs in turn.
struct UpdateGroup {
  std::size_t most = 1;  ///< parameters of one node
};
/// Nothing if the node is not the update of one parameter.
std::optional<UpdateGroup> update_group(const Node& node);

}  // namespace pinnacle
