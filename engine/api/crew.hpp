// Crew: one thread per member of a team, all running the same task, watched by whoever waits for them.
// Thread safety: run() by one thread at a time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <vector>

namespace pinnacle {

class Crew {
 public:
  explicit Crew(std::size_t size);
  /// Joins the threads, but for those that were given up.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  /// How one member's task ended.
  struct Outcome {
    std::exception_ptr error;  ///< null: well
    bool given_up = false;     ///< it had not ended when patience did: its thread is left alone
  };
  /// Runs task(member) on each member's thread and waits for all. Asks `stuck(member)` of those that
  /// are not done from time to time: who says yes is given up, and `on_stuck` called once for it.
  /// REQUIRES: what a task uses lives as long as the task, also of members that are given up.
  std::vector<Outcome> run(const std::function<void(std::size_t)>& task,
                           const std::function<bool(std::size_t)>& stuck,
                           const std::function<void(std::size_t)>& on_stuck);

 private:
  struct Member;
  std::vector<std::shared_ptr<Member>> members_;
};

}  // namespace pinnacle
