// SPDX-License-Identifier: Apache-2.0
#include "api/crew.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace pinnacle {

struct Crew::Member {
  std::mutex mutex;
  std::condition_variable changed;
  std::function<void()> task;
  std::exception_ptr error;
  bool busy = false;
  bool stop = false;
  std::thread thread;

  // Holds itself alive: a member that is given up outlives its crew.
  static void work(const std::shared_ptr<Member>& self) {
    std::unique_lock lock(self->mutex);
    while (true) {
      self->changed.wait(lock, [&] { return self->busy || self->stop; });
      if (!self->busy) return;
      std::function<void()> task = std::move(self->task);
      lock.unlock();
      std::exception_ptr error;
      try {
        task();
      } catch (...) {
        error = std::current_exception();
      }
      task = nullptr;
      lock.lock();
      self->error = error;
      self->busy = false;
      self->changed.notify_all();
    }
  }
};

Crew::Crew(std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    const auto member = std::make_shared<Member>();
    member->thread = std::thread([member] { Member::work(member); });
    members_.push_back(member);
  }
}

Crew::~Crew() {
  for (const std::shared_ptr<Member>& member : members_) {
    {
      const std::lock_guard lock(member->mutex);
      member->stop = true;
      member->changed.notify_all();
    }
    if (member->thread.joinable()) member->thread.join();
  }
}

std::vector<Crew::Outcome> Crew::run(const std::function<void(std::size_t)>& task,
                                     const std::function<bool(std::size_t)>& stuck,
                                     const std::function<void(std::size_t)>& on_stuck) {
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const std::lock_guard lock(members_[i]->mutex);
    members_[i]->task = [task, i] { task(i); };
    members_[i]->error = nullptr;
    members_[i]->busy = true;
    members_[i]->changed.notify_all();
  }
  constexpr std::chrono::milliseconds kLook(50);
  std::vector<Outcome> outcomes(members_.size());
  bool busy = true;
  while (busy) {
    busy = false;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (outcomes[i].given_up) continue;
      std::unique_lock lock(members_[i]->mutex);
      if (members_[i]->changed.wait_for(lock, kLook, [&] { return !members_[i]->busy; })) continue;
      lock.unlock();
      if (stuck(i)) {
        outcomes[i].given_up = true;
        members_[i]->thread.detach();
        on_stuck(i);
      } else {
        busy = true;
      }
    }
  }
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (outcomes[i].given_up) continue;
    const std::lock_guard lock(members_[i]->mutex);
    outcomes[i].error = std::exchange(members_[i]->error, nullptr);
  }
  return outcomes;
}

}  // namespace pinnacle
