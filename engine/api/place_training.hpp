// Which devices train together, and with which shares of a batch: measured on the job's own steps.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/placement.hpp>
#include <pinnacle/train.hpp>

#include <cstdint>
#include <vector>

namespace pinnacle {

struct TrainingPlace {
  Placement placement;
  std::vector<Device> devices;  ///< those of placement.shares
  std::vector<double> shares;
};

/// As TrainerOptions::strategy says. `automatic` takes what is measured to be fastest: one of the
/// devices, a CPU's parts, or several together. What was measured is remembered in the user's cache.
/// throws   ArgumentError, UnsupportedError (strategies that do not train); DeviceError if no device
///          can
TrainingPlace place_training(const Model& model, const Dataset& data, const TrainerOptions& options,
                             const std::vector<Device>& devices, std::int64_t batch);

}  // namespace pinnacle
