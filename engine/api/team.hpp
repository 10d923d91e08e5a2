// Team: the devices that train one model together. Each has a copy of parameters and states and runs
// its share of every batch; gradients are summed, so that all copies stay the same bits as long as the
// devices compute alike. A device that fails is left out, and the step is done again by the rest.
// Thread safety: one thread at a time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/train.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/crew.hpp"
#include "api/training_graph.hpp"
#include "runtime/exchange_group.hpp"

namespace pinnacle {

/// Consecutive rows of a batch.
struct Rows {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// `total` rows in proportion to `speeds`, in their order; shares may be empty.
std::vector<Rows> share_rows(std::int64_t total, std::span<const double> speeds);

/// Parts of 1 in proportion to `speeds`, as multiples of kShareUnit: so that measurements that hardly
/// differ give the same shares. Parts may be 0.
std::vector<double> rounded_shares(std::span<const double> speeds);
inline constexpr double kShareUnit = 1.0 / 64;

class Team {
 public:
  /// `speeds` say how the batch is shared; empty: evenly. What the arguments refer to outlives the team.
  Team(const Model& model, const Dataset& data, const TrainerOptions& options,
       const std::vector<Device>& devices, std::vector<double> speeds);
  ~Team();

  std::size_t size() const { return replicas_.size(); }
  const Device& device(std::size_t i = 0) const { return replicas_[i]->device; }
  Memory& memory() { return replicas_.front()->memory; }

  /// One training step per batch of samples; returns when all have been given to the devices. Indices
  /// stay unchanged until finish().
  /// throws   DeviceError if no device is left; what else a step throws
  void run(std::span<const std::span<const std::int32_t>> batches);
  void finish();  ///< waits

  /// Whether there has been a step, or one was asked for.
  bool has_session() const { return last_batch_ > 0; }
  /// The first device's step of that many samples.
  Session& step(std::int64_t batch);
  /// A session that has parameters and states. REQUIRES: has_session()
  Session& any_step();
  /// What the last step, of that many samples, gave as output.
  Tensor read(std::int64_t batch, std::string_view output);
  /// Contents of parameters and states for every device, now and before its first step.
  void write(const Weights& contents);
  /// What write() gave and no session holds yet.
  const Weights& pending() const { return replicas_.front()->pending; }
  /// Forgets all that is on the devices, should write() have brought newer contents.
  void forget();

  const std::vector<DeviceLoss>& losses() const { return losses_; }
  /// Shares the batches by how long the devices were busy since the last call, if that is predicted to
  /// gain. Returns the new shares, or nothing. Every device keeps at least kShareUnit.
  std::vector<double> rebalance();

 private:
  struct Replica {
    Replica(const Device& d, Feed f) : device(d), memory(d), feed(f) {}
    // Other sessions from now on.
    void retire() {
      if (!steps.empty()) retired = std::move(steps);
      steps.clear();
    }
    Device device;
    Memory memory;
    Feed feed;
    std::map<std::pair<std::int64_t, std::int64_t>, Session> steps;  // by own and all samples
    decltype(steps) retired;  // of earlier devices or shares: their outputs may be read
    Weights pending;
    std::vector<std::byte> staging;
    std::shared_ptr<Exchange> exchange;
    std::atomic<std::int64_t> done = 0;   // steps of this call of run()
    std::atomic<std::int64_t> since = 0;  // when its present step began. Units: ns, steady clock
    std::atomic<bool> given_up = false;
    double busy = 0;  // in steps of several devices, since rebalance(). Units: s
  };
  using Batches = std::span<const std::span<const std::int32_t>>;

  std::vector<Rows> shares(std::int64_t batch) const;
  Session& session(Replica& replica, std::int64_t own, std::int64_t all);
  bool prepare(std::int64_t batch);
  void prepare(Batches batches);
  static void run_step(Replica& replica, const Dataset& data, std::span<const std::int32_t> batch,
                       Rows rows);
  void run_alone(Batches batches);
  std::size_t run_together(Batches batches);
  void together(const std::function<void(Replica&, std::size_t)>& task, const char* what);
  bool is_stuck(const Replica& replica, std::size_t index) const;
  void quarantine(const std::vector<std::pair<std::size_t, std::string>>& lost);
  void assemble();

  const Model& model_;
  const Dataset& data_;
  const TrainerOptions& options_;
  std::vector<double> speeds_;
  std::vector<std::shared_ptr<Replica>> replicas_;
  std::shared_ptr<runtime::ExchangeGroup> group_;
  std::unique_ptr<Crew> crew_;
  std::vector<DeviceLoss> losses_;
  std::int64_t steps_done_ = 0;
  std::int64_t last_batch_ = 0;
  bool has_new_session_ = false;  // whose first run takes longer
};

}  // namespace pinnacle
