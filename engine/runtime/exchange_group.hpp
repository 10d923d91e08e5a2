// ExchangeGroup: the threads of one process that drive the devices of one job, as participants of an
// exchange. Sums are made in place, each participant a slice of the numbers of all.
// Thread safety: the group may be used by any thread; each participant by its own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/error.hpp>
#include <pinnacle/exchange.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace pinnacle::runtime {

/// Thrown by who waits for a participant that is lost: nothing is wrong with its own device.
class ParticipantLost : public DeviceError {
 public:
  using DeviceError::DeviceError;
};

class ExchangeGroup {
 public:
  /// `outer` (may be null) joins the group's sums with those of other processes.
  explicit ExchangeGroup(std::size_t size, std::shared_ptr<Exchange> outer = nullptr);
  ~ExchangeGroup();

  /// The group outlives its participants.
  Exchange& participant(std::size_t index);

  /// Whoever waits, and whoever comes from now on, gets ParticipantLost.
  void stop(const std::string& reason);
  /// Whether this one waits for others now.
  bool is_waiting(std::size_t index) const;
  /// Seconds that each has waited for others since the last call.
  std::vector<double> take_waits();

 private:
  class Participant;
  struct Offer {  // what a participant brings
    std::string name;
    std::vector<std::span<float>> parts;
    double share = 0;
    bool waiting = false;
    double waited = 0;  // seconds
  };

  void sum(std::size_t index, std::string_view name, std::span<const std::span<float>> parts);
  void moments(std::size_t index, std::string_view name, std::span<float> mean,
               std::span<float> variance, double share);
  void offer(std::size_t index, std::string_view name, std::span<const std::span<float>> parts,
             double share);
  void check_same() const;
  void wait_for_all(std::size_t index);
  void add_slice(std::size_t index);
  void fetch(std::size_t index);
  template <class Action>
  void beyond(std::size_t index, Action action);

  std::shared_ptr<Exchange> outer_;
  std::vector<std::unique_ptr<Participant>> participants_;
  mutable std::mutex mutex_;
  std::condition_variable all_here_;
  std::vector<Offer> offers_;
  std::size_t here_ = 0;
  std::atomic<std::uint64_t> round_ = 0;
  bool stopped_ = false;
  std::string reason_;
};

}  // namespace pinnacle::runtime
