// Exchange: what the participants of one job do together: devices of one process, or processes.
// Each of them calls the same functions in the same order and waits in them for the others.
// Thread safety: each participant has an object of its own and calls it from one thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace pinnacle {

class Exchange {
 public:
  virtual ~Exchange() = default;

  /// Every number becomes the sum of all participants' numbers, added in the order of the
  /// participants: all get the same bits, run after run.
  ///   name     what is exchanged; participants that name different things are out of step
  ///   parts    as many of the same sizes for every participant
  /// throws   Error if the participants are out of step; DeviceError if one is lost
  virtual void sum(std::string_view name, std::span<const std::span<float>> parts) = 0;

  /// Mean and biased variance of each participant's samples become those of all samples.
  ///   share    this participant's part of the samples; all shares together are 1
  /// source   Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983, eq. 2.1
  /// throws   as sum()
  virtual void moments(std::string_view name, std::span<float> mean, std::span<float> variance,
                       double share) = 0;
};

}  // namespace pinnacle
