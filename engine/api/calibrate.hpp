// What a graph's nodes and transfers take on devices, by measurement.
// Thread safety: uses the devices' queues.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/session.hpp>

#include <string>
#include <vector>

#include "passes/place.hpp"

namespace pinnacle {

/// Whether what one takes for something the other takes, too: as cores of one CPU do.
bool is_same_kind(const Device& a, const Device& b);
bool all_same_kind(const std::vector<Device>& devices);

/// The costs of all nodes on each device, which gets the label at its place. Devices of one kind are
/// measured once. `notes` gets what could not be measured.
/// throws   what compile() throws, but for want of memory: then costs are estimated from the roofs
std::vector<NodeCosts> calibrate(const Graph& graph, const std::vector<Device>& devices,
                                 const std::vector<std::string>& labels,
                                 const CompileOptions& options, std::vector<std::string>& notes);

}  // namespace pinnacle
