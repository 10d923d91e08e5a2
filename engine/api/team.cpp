// SPDX-License-Identifier: Apache-2.0
#include "api/team.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>

#include "runtime/log.hpp"

namespace pinnacle {
namespace {

// What new shares must gain: less is within what a measurement varies.
constexpr double kLeastRebalanceGain = 1.1;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Feed feed_of(const Device& device, const Dataset& data) {
  const Target& target = device.target();
  const std::size_t bytes = data.x.bytes().size();
  const bool fits = bytes <= target.max_allocation && bytes <= target.global_memory / 4;
  return !target.host && fits ? Feed::resident : Feed::streamed;
}

// Rows in the order of `indices`, one after the other.
void gather_rows(const Tensor& from, std::span<const std::int32_t> indices,
                 std::vector<std::byte>& to) {
  const std::size_t row = from.bytes().size() / static_cast<std::size_t>(from.shape()[0]);
  to.resize(indices.size() * row);
  for (std::size_t i = 0; i < indices.size(); ++i) {
    std::memcpy(to.data() + i * row,
                from.bytes().data() + static_cast<std::size_t>(indices[i]) * row, row);
  }
}

// What went wrong on a device, or "" where it only waited for one that is lost. Rethrows what is no
// device's fault.
std::string fault_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const runtime::ParticipantLost&) {
    return {};
  } catch (const DeviceError& problem) {
    return problem.what();
  } catch (const KernelError& problem) {
    return problem.what();
  } catch (const MemoryError& problem) {
    return problem.what();
  }
}

}  // namespace

std::vector<Rows> share_rows(std::int64_t total, std::span<const double> speeds) {
  const double all = std::accumulate(speeds.begin(), speeds.end(), 0.0);
  std::vector<Rows> shares;
  double sum = 0;
  std::int64_t first = 0;
  for (std::size_t i = 0; i < speeds.size(); ++i) {
    sum += speeds[i];
    const std::int64_t end =
        i + 1 == speeds.size() ? total : std::llround(static_cast<double>(total) * sum / all);
    shares.push_back({first, end - first});
    first = end;
  }
  return shares;
}

std::vector<double> rounded_shares(std::span<const double> speeds) {
  const double all = std::accumulate(speeds.begin(), speeds.end(), 0.0);
  std::vector<double> shares;
  for (const double speed : speeds)
    shares.push_back(std::round(speed / all / kShareUnit) * kShareUnit);
  return shares;
}

Team::Team(const Model& model, const Dataset& data, const TrainerOptions& options,
           const std::vector<Device>& devices, std::vector<double> speeds)
    : model_(model), data_(data), options_(options), speeds_(std::move(speeds)) {
  if (devices.empty()) throw ArgumentError("is empty; expected one device or more", "devices");
  if (speeds_.empty()) speeds_.assign(devices.size(), 1.0);
  for (const Device& device : devices) {
    replicas_.push_back(std::make_shared<Replica>(device, feed_of(device, data)));
  }
  assemble();
}

// Devices may still read what the caller is about to free.
Team::~Team() {
  for (const auto& replica : replicas_) {
    for (auto* sessions : {&replica->steps, &replica->retired}) {
      if (sessions->empty()) continue;
      try {
        sessions->begin()->second.finish();
      } catch (const Error& error) {
        runtime::log(2, "{}: {}", replica->device.name(), error.what());
      }
    }
  }
}

// The exchange and the threads of the devices that there are.
void Team::assemble() {
  crew_.reset();
  group_.reset();
  const bool several = replicas_.size() > 1;
  if (several) {
    group_ = std::make_shared<runtime::ExchangeGroup>(replicas_.size(), options_.peers.exchange);
    crew_ = std::make_unique<Crew>(replicas_.size());
  }
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    Replica& replica = *replicas_[i];
    // A participant lives as long as its group.
    replica.exchange = several ? std::shared_ptr<Exchange>(group_, &group_->participant(i))
                               : options_.peers.exchange;
    replica.retire();
    replica.busy = 0;
  }
}

std::vector<Rows> Team::shares(std::int64_t batch) const {
  const std::vector<double> peers(static_cast<std::size_t>(options_.peers.count), 1.0);
  const Rows own = share_rows(batch, peers)[static_cast<std::size_t>(options_.peers.rank)];
  std::vector<Rows> shares = share_rows(own.count, speeds_);
  for (Rows& rows : shares) rows.first += own.first;
  return shares;
}

// Of a device without a row of its own the first one of the batch goes along, without weight: so it
// stays in step with the others.
Session& Team::session(Replica& replica, std::int64_t own, std::int64_t all) {
  const auto known = replica.steps.find({own, all});
  if (known != replica.steps.end()) return known->second;
  CompileOptions how = options_.compile;
  how.exchange = replica.exchange;
  const Share share{.batch = all,
                    .of_batch = static_cast<double>(own) / static_cast<double>(all),
                    .exchanges = replica.exchange != nullptr,
                    .synchronize = options_.synchronize_batch_norm};
  Session made = compile(
      training_graph(model_, data_, options_, std::max<std::int64_t>(own, 1), replica.feed, share),
      replica.device, how, replica.memory);
  has_new_session_ = true;
  Session& session = replica.steps.emplace(std::pair(own, all), std::move(made)).first->second;
  for (const auto& [name, tensor] : replica.pending) session.write_state(name, tensor);
  replica.pending.clear();
  return session;
}

Session& Team::step(std::int64_t batch) {
  while (!prepare(batch)) {
  }
  return session(*replicas_.front(), shares(batch).front().count, batch);
}

Session& Team::any_step() {
  const auto& steps = replicas_.front()->steps;
  return steps.empty() ? step(last_batch_) : replicas_.front()->steps.begin()->second;
}

Tensor Team::read(std::int64_t batch, std::string_view output) {
  Replica& replica = *replicas_.front();
  for (auto& [key, session] : replica.steps.empty() ? replica.retired : replica.steps) {
    if (key.second == batch) return session.read(output);
  }
  throw ArgumentError(fmt::format("no step of {} samples has run", batch), std::string(output));
}

// The sessions of all devices for batches of that size: here, because a driver's compiler may not like
// to be asked by several threads. Returns false if a device was lost, and all sessions with it.
bool Team::prepare(std::int64_t batch) {
  last_batch_ = batch;
  const std::vector<Rows> rows = shares(batch);
  std::vector<std::pair<std::size_t, std::string>> lost;
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    try {
      session(*replicas_[i], rows[i].count, batch);
    } catch (const Error&) {
      if (replicas_.size() == 1) throw;
      lost.emplace_back(i, fault_of(std::current_exception()));
    }
  }
  if (lost.empty()) return true;
  quarantine(lost);
  return false;
}

void Team::prepare(Batches batches) {
  for (std::size_t i = 0; i < batches.size();) {
    i = prepare(static_cast<std::int64_t>(batches[i].size())) ? i + 1 : 0;
  }
}

void Team::run_step(Replica& replica, const Dataset& data, std::span<const std::int32_t> batch,
                    Rows rows) {
  const auto all = static_cast<std::int64_t>(batch.size());
  Session& session = replica.steps.at({rows.count, all});
  const std::span<const std::int32_t> own =
      rows.count == 0 ? batch.first(1)
                      : batch.subspan(static_cast<std::size_t>(rows.first),
                                      static_cast<std::size_t>(rows.count));
  if (replica.feed == Feed::resident) {
    session.write("indices", std::as_bytes(own), false);
  } else {
    gather_rows(data.x, own, replica.staging);
    session.write("x", replica.staging);
    gather_rows(data.y, own, replica.staging);
    session.write("y", replica.staging);
  }
  session.enqueue();
}

void Team::run(Batches batches) {
  while (!batches.empty()) {
    prepare(batches);
    for (const auto& replica : replicas_) replica->retired.clear();
    if (replicas_.size() == 1) {
      run_alone(batches);
      return;
    }
    const std::size_t done = run_together(batches);
    steps_done_ += static_cast<std::int64_t>(done);
    batches = batches.subspan(done);
  }
}

void Team::run_alone(Batches batches) {
  for (const auto& batch : batches) {
    run_step(*replicas_.front(), data_, batch,
             shares(static_cast<std::int64_t>(batch.size())).front());
    ++steps_done_;
  }
}

// Returns how many steps are done: all, or those before a device was lost.
std::size_t Team::run_together(Batches batches) {
  for (const auto& replica : replicas_) replica->done = 0;
  group_->take_waits();
  const bool counts = !std::exchange(has_new_session_, false);
  std::vector<std::vector<Rows>> rows;
  for (const auto& batch : batches) rows.push_back(shares(static_cast<std::int64_t>(batch.size())));
  together(
      [&data = data_, batches, rows, counts](Replica& replica, std::size_t index) {
        const std::int64_t start = now_ns();
        for (std::size_t k = 0; k < rows.size() && !replica.given_up; ++k) {
          replica.since = now_ns();
          run_step(replica, data, batches[k], rows[k][index]);
          ++replica.done;
        }
        if (counts) replica.busy += 1e-9 * static_cast<double>(now_ns() - start);
      },
      "a step");
  if (counts && group_ != nullptr) {
    const std::vector<double> waits = group_->take_waits();
    for (std::size_t i = 0; i < replicas_.size(); ++i) replicas_[i]->busy -= waits[i];
  }
  std::int64_t done = 0;
  for (const auto& replica : replicas_) done = std::max<std::int64_t>(done, replica->done);
  return static_cast<std::size_t>(done);
}

bool Team::is_stuck(const Replica& replica, std::size_t index) const {
  const double seconds = 1e-9 * static_cast<double>(now_ns() - replica.since);
  return options_.step_limit > 0 && seconds > options_.step_limit && !group_->is_waiting(index);
}

// Runs the task for each device on its thread, and leaves out those that fail.
void Team::together(const std::function<void(Replica&, std::size_t)>& task, const char* what) {
  const auto group = group_;
  const auto replicas = replicas_;
  for (const auto& replica : replicas) replica->since = now_ns();
  const std::vector<Crew::Outcome> outcomes = crew_->run(
      [task, group, replicas](std::size_t i) {
        try {
          task(*replicas[i], i);
        } catch (const std::exception& error) {
          group->stop(fmt::format("{} is lost: {}", replicas[i]->device.name(), error.what()));
          throw;
        }
      },
      [this](std::size_t i) { return is_stuck(*replicas_[i], i); },
      [&](std::size_t i) {
        replicas[i]->given_up = true;
        group->stop(fmt::format("{} took longer for {} than {} s", replicas[i]->device.name(), what,
                                options_.step_limit));
      });
  std::vector<std::pair<std::size_t, std::string>> lost;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].given_up) {
      lost.emplace_back(i, fmt::format("took longer for {} than {} s", what, options_.step_limit));
    } else if (outcomes[i].error) {
      std::string fault = fault_of(outcomes[i].error);
      if (!fault.empty()) lost.emplace_back(i, std::move(fault));
    }
  }
  if (!lost.empty()) {
    quarantine(lost);
  } else if (std::any_of(outcomes.begin(), outcomes.end(),
                         [](const auto& outcome) { return outcome.error != nullptr; })) {
    // Only other processes can be the cause.
    for (const auto& outcome : outcomes) {
      if (outcome.error) std::rethrow_exception(outcome.error);
    }
  }
}

void Team::quarantine(const std::vector<std::pair<std::size_t, std::string>>& lost) {
  for (auto it = lost.rbegin(); it != lost.rend(); ++it) {
    const auto at = static_cast<std::ptrdiff_t>(it->first);
    const Device device = replicas_[it->first]->device;
    replicas_.erase(replicas_.begin() + at);
    speeds_.erase(speeds_.begin() + at);
    const DeviceLoss loss{.device = device.name(),
                          .reason = it->second,
                          .step = steps_done_,
                          .left = static_cast<int>(replicas_.size())};
    losses_.push_back(loss);
    runtime::log(1, "{} is left out after {} steps: {}", loss.device, loss.step, loss.reason);
    const bool go_on = !options_.on_device_lost || options_.on_device_lost(loss);
    if (replicas_.empty() || !go_on) {
      throw DeviceError(
          fmt::format("is lost after {} steps: {}", loss.step, loss.reason), loss.device,
          replicas_.empty() ? "no other device is left" : "on_device_lost stopped it");
    }
  }
  assemble();
}

void Team::finish() {
  if (replicas_.size() == 1) {
    if (has_session()) any_step().finish();
    return;
  }
  together(
      [](Replica& replica, std::size_t) {
        if (!replica.steps.empty()) replica.steps.begin()->second.finish();
      },
      "finishing");
}

void Team::write(const Weights& contents) {
  for (const auto& replica : replicas_) {
    if (replica->steps.empty()) {
      for (const auto& [name, tensor] : contents) replica->pending[name] = tensor;
    } else {
      for (const auto& [name, tensor] : contents) {
        replica->steps.begin()->second.write_state(name, tensor);
      }
    }
  }
}

void Team::forget() {
  for (const auto& replica : replicas_) {
    if (replica->steps.empty()) replica->memory = Memory(replica->device);
  }
}

std::vector<double> Team::rebalance() {
  std::vector<double> seen;  // speeds
  double longest = 0;
  for (std::size_t i = 0; i < replicas_.size(); ++i) {
    const double busy = std::exchange(replicas_[i]->busy, 0.0);
    if (busy <= 0) return {};
    seen.push_back(speeds_[i] / busy);
    longest = std::max(longest, busy);
  }
  // What all would be busy if they were so for the same time.
  const auto sum = [](const std::vector<double>& numbers) {
    return std::accumulate(numbers.begin(), numbers.end(), 0.0);
  };
  if (seen.size() < 2 || longest < kLeastRebalanceGain * sum(speeds_) / sum(seen)) return {};
  speeds_ = rounded_shares(seen);
  for (double& speed : speeds_) speed = std::max(speed, kShareUnit);
  for (const auto& replica : replicas_) replica->retire();
  return speeds_;
}

}  // namespace pinnacle
