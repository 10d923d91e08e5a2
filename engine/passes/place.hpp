// Pipelines over several devices: where to cut a graph, and the graph of each part.
// Thread safety: plain functions on their arguments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <pinnacle/graph.hpp>
#include <pinnacle/placement.hpp>

namespace pinnacle {

/// What moving one value takes.
struct TransferCost {
  double latency_us = 0;
  double us_per_byte = 0;
};

/// What a graph's nodes take on one device.
struct NodeCosts {
  std::string device;
  std::vector<double> us;  ///< by node; 0 for those that are part of another's step
  /// By node: it has a step of its own in a plan for the whole graph.
  std::vector<bool> own_step;
  TransferCost in;         ///< a value from the host
  TransferCost out;        ///< a value to the host
  std::size_t memory = 0;  ///< bytes; 0: no limit
};

/// How many runs a stage may hold at once: copies of each value that enters it.
inline constexpr int kRunsInFlight = 5;

/// Cuts the graph into at most as many stages as there are devices, contiguous and in the devices'
/// order, so that the slowest stage is as fast as can be: its nodes, and the values that cross its
/// borders. A stage begins where the node has a step of its own on every device and does not take
/// apart a chain of pointwise nodes, so that what the passes join stays together. Devices that would
/// not help are left out, with a note. Dynamic programming over the cuts.
/// throws   ArgumentError for a graph without nodes or with updates; MemoryError if no cut fits
Placement place_pipeline(const Graph& graph, std::span<const NodeCosts> devices);

/// The nodes before which a stage may begin, 0 among them, in order.
std::vector<int> cut_positions(const Graph& graph, std::span<const NodeCosts> devices);

/// A part of a graph as a graph: values that cross its borders are its inputs and outputs.
struct StageGraph {
  Graph graph;
  /// The whole graph's values that these inputs and outputs are.
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
};
/// Nodes [first, last); persistent values and constants come along, their contents shared. Ports
/// have the values' names, or others where two values are called alike.
StageGraph stage_graph(const Graph& graph, int first, int last);

}  // namespace pinnacle
