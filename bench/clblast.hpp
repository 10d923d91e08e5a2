// The CLBlast library as a peer: a matrix product that it runs on the same device. The engine calls
// it as it does for the variant of that name.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/graph.hpp>

namespace pinnacle::bench {

/// Whether it can be loaded.
bool has_clblast();
/// The same graph with its matmul nodes run by CLBlast. REQUIRES: has_clblast()
Graph by_clblast(Graph graph);

}  // namespace pinnacle::bench
