// What the fuse pass needs to know of pointwise nodes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/graph.hpp>

#include <string>

namespace pinnacle {

/// A pointwise node as an expression of its inputs: "leaky_relu{0.01}(x0)".
/// REQUIRES: node.def->pointwise
std::string pointwise_expression(const Node& node);

}  // namespace pinnacle
