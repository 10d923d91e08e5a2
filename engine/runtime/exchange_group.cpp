// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange_group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "base/moments.hpp"

namespace pinnacle::runtime {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::microseconds kSpin(50);

std::size_t total(const std::vector<std::span<float>>& parts) {
  std::size_t sum = 0;
  for (const std::span<float>& part : parts) sum += part.size();
  return sum;
}

// Calls piece(part, first, count) for the numbers [first, last) of all parts together.
template <class Piece>
void for_pieces(const std::vector<std::span<float>>& parts, std::size_t first, std::size_t last,
                Piece piece) {
  std::size_t start = 0;
  for (std::size_t k = 0; k < parts.size() && start < last; ++k) {
    const std::size_t end = start + parts[k].size();
    const std::size_t from = std::max(first, start);
    const std::size_t to = std::min(last, end);
    if (from < to) piece(k, from - start, to - from);
    start = end;
  }
}

}  // namespace

class ExchangeGroup::Participant final : public Exchange {
 public:
  Participant(ExchangeGroup& group, std::size_t index) : group_(group), index_(index) {}
  void sum(std::string_view name, std::span<const std::span<float>> parts) override {
    group_.sum(index_, name, parts);
  }
  void moments(std::string_view name, std::span<float> mean, std::span<float> variance,
               double share) override {
    group_.moments(index_, name, mean, variance, share);
  }

 private:
  ExchangeGroup& group_;
  std::size_t index_;
};

ExchangeGroup::ExchangeGroup(std::size_t size, std::shared_ptr<Exchange> outer)
    : outer_(std::move(outer)), offers_(size) {
  for (std::size_t i = 0; i < size; ++i) {
    participants_.push_back(std::make_unique<Participant>(*this, i));
  }
}

ExchangeGroup::~ExchangeGroup() = default;

Exchange& ExchangeGroup::participant(std::size_t index) { return *participants_.at(index); }

void ExchangeGroup::stop(const std::string& reason) {
  const std::lock_guard lock(mutex_);
  if (!stopped_) reason_ = reason;
  stopped_ = true;
  all_here_.notify_all();
}

bool ExchangeGroup::is_waiting(std::size_t index) const {
  const std::lock_guard lock(mutex_);
  return offers_.at(index).waiting;
}

std::vector<double> ExchangeGroup::take_waits() {
  const std::lock_guard lock(mutex_);
  std::vector<double> waits;
  for (Offer& offer : offers_) waits.push_back(std::exchange(offer.waited, 0.0));
  return waits;
}

// A round that is complete counts, even if the group is stopped before everyone has noticed: it is
// done for all or for none.
void ExchangeGroup::wait_for_all(std::size_t index) {
  std::unique_lock lock(mutex_);
  const auto lost = [&] { return ParticipantLost(reason_, "exchange"); };
  if (stopped_) throw lost();
  const std::uint64_t round = round_.load();
  if (++here_ == offers_.size()) {
    here_ = 0;
    ++round_;
    all_here_.notify_all();
    return;
  }
  const Clock::time_point start = Clock::now();
  offers_[index].waiting = true;
  // The others are mostly near, and to be woken takes longer than that.
  lock.unlock();
  while (round_.load() == round && Clock::now() - start < kSpin) std::this_thread::yield();
  lock.lock();
  all_here_.wait(lock, [&] { return round_.load() != round || stopped_; });
  offers_[index].waiting = false;
  offers_[index].waited += std::chrono::duration<double>(Clock::now() - start).count();
  if (round_.load() == round) throw lost();
}

void ExchangeGroup::offer(std::size_t index, std::string_view name,
                          std::span<const std::span<float>> parts, double share) {
  Offer& own = offers_[index];  // nobody looks at it before all are here
  own.name = name;
  own.parts.assign(parts.begin(), parts.end());
  own.share = share;
  wait_for_all(index);
  check_same();
}

// By everyone for all, so that nobody goes on.
void ExchangeGroup::check_same() const {
  const Offer& first = offers_.front();
  for (std::size_t i = 1; i < offers_.size(); ++i) {
    const Offer& other = offers_[i];
    const bool same =
        std::equal(first.parts.begin(), first.parts.end(), other.parts.begin(), other.parts.end(),
                   [](const auto& a, const auto& b) { return a.size() == b.size(); });
    if (first.name == other.name && same) continue;
    throw Error(
        fmt::format("participant 0 exchanges \"{}\" of {} numbers, participant {} \"{}\" of {}",
                    first.name, total(first.parts), i, other.name, total(other.parts)),
        "exchange", "all must run the same graph but for their share of the batch");
  }
}

// The sums of this participant's slice, written to everyone.
void ExchangeGroup::add_slice(std::size_t index) {
  const std::vector<std::span<float>>& shape = offers_.front().parts;
  const std::size_t all = total(shape);
  const std::size_t count = offers_.size();
  const std::size_t first = all * index / count;
  const std::size_t last = all * (index + 1) / count;
  constexpr std::size_t kBlock = 1024;  // stays in the nearest cache
  std::array<float, kBlock> sums{};
  for_pieces(shape, first, last, [&](std::size_t part, std::size_t from, std::size_t size) {
    for (std::size_t done = 0; done < size; done += kBlock) {
      const std::size_t block = std::min(kBlock, size - done);
      const auto numbers = [&](const Offer& offer) {
        return offer.parts[part].data() + from + done;
      };
      std::copy_n(numbers(offers_.front()), block, sums.data());
      for (std::size_t i = 1; i < count; ++i) {
        const float* more = numbers(offers_[i]);
        for (std::size_t j = 0; j < block; ++j) sums[j] += more[j];
      }
      for (const Offer& offer : offers_) std::copy_n(sums.data(), block, numbers(offer));
    }
  });
}

// What the first participant has now.
void ExchangeGroup::fetch(std::size_t index) {
  const std::vector<std::span<float>>& from = offers_.front().parts;
  for (std::size_t k = 0; k < from.size(); ++k) {
    std::copy(from[k].begin(), from[k].end(), offers_[index].parts[k].begin());
  }
}

// The same with other processes, by the first participant for all of this group.
template <class Action>
void ExchangeGroup::beyond(std::size_t index, Action action) {
  if (outer_ == nullptr) return;
  if (index == 0) action(*outer_);
  if (offers_.size() == 1) return;
  wait_for_all(index);
  if (index != 0) fetch(index);
  wait_for_all(index);
}

void ExchangeGroup::sum(std::size_t index, std::string_view name,
                        std::span<const std::span<float>> parts) {
  if (offers_.size() > 1) {
    offer(index, name, parts, 0);
    add_slice(index);
    wait_for_all(index);
  }
  beyond(index, [&](Exchange& outer) { outer.sum(name, parts); });
}

void ExchangeGroup::moments(std::size_t index, std::string_view name, std::span<float> mean,
                            std::span<float> variance, double share) {
  const std::array<std::span<float>, 2> parts = {mean, variance};
  offer(index, name, parts, share);
  // Everyone computes all of them: they are few.
  const auto share_of = [&](std::size_t i) { return offers_[i].share; };
  double all = 0;
  for (std::size_t i = 0; i < offers_.size(); ++i) all += share_of(i);
  std::vector<float> means(mean.size());
  std::vector<float> variances(mean.size());
  for (std::size_t c = 0; c < mean.size(); ++c) {
    const Moments joined = join_moments(
        offers_.size(),
        [&](std::size_t i) {
          return Moments{static_cast<double>(offers_[i].parts[0][c]),
                         static_cast<double>(offers_[i].parts[1][c])};
        },
        share_of);
    means[c] = static_cast<float>(joined.mean);
    variances[c] = static_cast<float>(joined.variance);
  }
  wait_for_all(index);
  std::copy(means.begin(), means.end(), mean.begin());
  std::copy(variances.begin(), variances.end(), variance.begin());
  beyond(index, [&](Exchange& outer) { outer.moments(name, mean, variance, all); });
}

}  // namespace pinnacle::runtime
