// The device `host`: a graph run by the double references, node by node.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <vector>

#include <pinnacle/exchange.hpp>
#include <pinnacle/op.hpp>

namespace pinnacle {

/// Runs every node. `values` holds the inputs, parameters and states by id (constants are taken
/// from the graph) and receives everything else. Updates are not applied.
/// `exchange` is what all_reduce nodes are done with, in f32; null: a participant alone.
/// throws Error if a value is missing
void run_on_host(const Graph& graph, std::map<ValueId, Array>& values,
                 Exchange* exchange = nullptr);

/// Work in the middle of a plan: the node by its reference, for devices on which no variant runs it.
Lowering lower_to_host(const OpView& op);

}  // namespace pinnacle
