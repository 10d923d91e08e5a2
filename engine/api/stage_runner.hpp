// One stage of a pipeline: its session, the memory in which values enter it, and two sets of outputs,
// so that one run is read while the next one computes.
// Thread safety: one thread at a time; Inbox::take() and give_back() may be called from any.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/session.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "passes/place.hpp"

namespace pinnacle {

/// Where one run's value enters a stage. The host fills `bytes()`.
class StageInput {
 public:
  virtual ~StageInput() = default;
  virtual std::span<std::byte> bytes() = 0;
};

/// The free StageInputs of one input.
class Inbox {
 public:
  void add(std::unique_ptr<StageInput> input);
  /// REQUIRES: fewer are out than there are.
  StageInput& take();
  void give_back(StageInput& input);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<StageInput>> all_;
  std::vector<StageInput*> free_;
};

class StageRunner {
 public:
  virtual ~StageRunner() = default;

  const Session& session() const { return session_; }
  /// One for the stage's input `k`, open.
  virtual std::unique_ptr<StageInput> make_input(std::size_t k) = 0;

  // For each run, in this order; at most two are between start() and done().
  /// Takes the inputs, in the order of the stage's, and begins the run where it can.
  virtual void start(std::vector<StageInput*> inputs) = 0;
  virtual void finish() = 0;  ///< waits for the oldest run
  /// An output of the run that was finished.
  virtual void read(std::size_t output, std::span<std::byte> target) = 0;
  /// Nothing of the finished run is needed any more; its inputs are open again.
  virtual std::vector<StageInput*> done() = 0;

 protected:
  explicit StageRunner(Session session) : session_(std::move(session)) {}
  Session session_;
};

/// throws   what compile() throws
std::unique_ptr<StageRunner> make_stage_runner(const Graph& graph, const Device& device,
                                               const CompileOptions& options);

}  // namespace pinnacle
