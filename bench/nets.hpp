// The networks that the bench measures as a whole, with random weights: small ones for digits, and
// the usual ones for images of 224 x 224 as torchvision defines them.
// Thread safety: plain values and functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/layers.hpp>
#include <pinnacle/model.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pinnacle::bench {

struct Net {
  std::string name;
  Shape sample;                     ///< without the batch axis
  std::int64_t classes = 0;         ///< labels are below it
  std::int64_t training_batch = 0;  ///< where --batch does not say
  Layer layer;
};

/// All of them, from small to large.
std::vector<Net> all_nets();
/// throws   ArgumentError with a suggestion if there is no net of that name
Net find_net(std::string_view name);

/// A training step with SGD and momentum. Inputs "x" and "y", labels below net.classes.
Graph step_graph(const Net& net, const Model& model, std::int64_t batch);

/// Products and sums of a graph's convolutions, matrix products and recurrences, gradients included:
/// the usual measure, twice the multiplications.
double product_flop(const Graph& graph);

}  // namespace pinnacle::bench
