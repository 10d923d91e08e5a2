// SPDX-License-Identifier: Apache-2.0
#include "api/place_training.hpp"

#include <pinnacle/pipeline.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <optional>

#include "api/calibrate.hpp"
#include "api/team.hpp"
#include "base/files.hpp"
#include "base/median.hpp"
#include "base/text.hpp"
#include "runtime/log.hpp"

namespace pinnacle {
namespace {

using Clock = std::chrono::steady_clock;

// A device below this share of the fastest one's peak would get no sample of a usual batch.
constexpr double kLeastPeak = 0.02;
// What several devices must gain over the best one: less is within what a measurement varies.
constexpr double kLeastGain = 1.03;
constexpr double kSeconds = 0.05;
constexpr int kRounds = 5;

struct Named {
  std::string label;
  Device device;
};

// One way to place the job.
struct Candidate {
  std::vector<Named> devices;
  std::vector<double> shares;
  std::string what;
  std::unique_ptr<Team> team;
  std::vector<double> times;  // seconds per step

  double seconds() const { return times.empty() ? INFINITY : median(times); }
};

class Measuring {
 public:
  Measuring(const Model& model, const Dataset& data, const TrainerOptions& options,
            std::int64_t batch)
      : model_(model), options_(options), batch_(std::min(batch, data.size())) {
    data_ = data.rows(0, batch_);
    options_.peers = {};
    options_.on_device_lost = [](const DeviceLoss&) { return false; };
    indices_.resize(static_cast<std::size_t>(batch_));
    std::iota(indices_.begin(), indices_.end(), 0);
  }

  // Seconds per step of each, interleaved; those that cannot run get a note and no times.
  void measure(std::vector<Candidate>& candidates, std::vector<std::string>& notes) {
    for (Candidate& candidate : candidates) {
      if (!candidate.times.empty()) continue;
      attempt(candidate, notes, [&] {
        std::vector<Device> devices;
        for (const Named& named : candidate.devices) devices.push_back(named.device);
        candidate.team = std::make_unique<Team>(model_, data_, options_, devices, candidate.shares);
        steps(*candidate.team, 2);
      });
    }
    for (int round = 0; round < kRounds; ++round) {
      for (Candidate& candidate : candidates) {
        if (candidate.team == nullptr) continue;
        attempt(candidate, notes, [&] {
          const double once = steps(*candidate.team, 1);
          const int count = static_cast<int>(std::clamp(kSeconds / once, 0.0, 200.0));
          candidate.times.push_back(count > 1 ? steps(*candidate.team, count) : once);
        });
      }
    }
    for (Candidate& candidate : candidates) candidate.team.reset();
  }

 private:
  template <class Action>
  void attempt(Candidate& candidate, std::vector<std::string>& notes, const Action& action) {
    try {
      action();
      return;
    } catch (const DeviceError& error) {
      notes.push_back(fmt::format("left out: {}: {}", candidate.what, error.what()));
    } catch (const KernelError& error) {
      notes.push_back(fmt::format("left out: {}: {}", candidate.what, error.what()));
    } catch (const MemoryError& error) {
      notes.push_back(fmt::format("left out: {}: {}", candidate.what, error.what()));
    }
    candidate.team.reset();
    candidate.times.clear();
  }

  double steps(Team& team, int count) {
    const std::vector<std::span<const std::int32_t>> batches(static_cast<std::size_t>(count),
                                                             indices_);
    const Clock::time_point start = Clock::now();
    team.run(batches);
    team.finish();
    return std::chrono::duration<double>(Clock::now() - start).count() / count;
  }

  const Model& model_;
  Dataset data_;
  TrainerOptions options_;
  std::int64_t batch_;
  std::vector<std::int32_t> indices_;
};

std::vector<Named> parts_of(const Named& whole) {
  std::vector<Named> parts;
  if (whole.device.kind() != DeviceKind::cpu || whole.device.target().compute_units < 2)
    return parts;
  try {
    for (const Device& part : whole.device.split(1)) {
      parts.push_back({fmt::format("{} part {}", whole.label, parts.size()), part});
    }
  } catch (const DeviceError&) {
    parts.clear();  // its driver offers none
  }
  return parts;
}

TrainingPlace to_place(const std::vector<Named>& devices, const std::vector<double>& shares) {
  TrainingPlace place;
  place.placement.strategy = Strategy::data;
  const double all = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    place.placement.shares.push_back(
        {.device = devices[i].label, .share = shares[i] / all, .alone_us = 0, .reason = {}});
    place.devices.push_back(devices[i].device);
    place.shares.push_back(shares[i]);
  }
  return place;
}

// The devices of a placement that somebody made, by their names.
TrainingPlace as_given(const Placement& placement, const std::vector<Named>& known) {
  const char* const where = "TrainerOptions::placement";
  if (placement.strategy != Strategy::data || placement.shares.empty()) {
    throw ArgumentError("does not share batches", where, "its strategy must be data");
  }
  std::vector<Named> all = known;
  for (const Named& named : known) {
    for (Named& part : parts_of(named)) all.push_back(std::move(part));
  }
  std::vector<Named> devices;
  std::vector<double> shares;
  for (const BatchShare& share : placement.shares) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const Named& n) { return n.label == share.device; });
    if (found == all.end()) {
      std::vector<std::string> labels;
      for (const Named& named : all) labels.push_back(named.label);
      throw ArgumentError(fmt::format("there is no device \"{}\"", share.device), where,
                          fmt::format("there are: {}", fmt::join(labels, ", ")));
    }
    if (!(share.share > 0)) {
      throw ArgumentError(fmt::format("the share of \"{}\" is {}", share.device, share.share),
                          where, "leave a device out that is to get nothing");
    }
    devices.push_back(*found);
    shares.push_back(share.share);
  }
  TrainingPlace place = to_place(devices, shares);
  place.placement = placement;
  return place;
}

std::vector<double> shares_of(const std::vector<Candidate>& alone) {
  std::vector<double> speeds;
  for (const Candidate& candidate : alone) speeds.push_back(1 / candidate.seconds());
  return rounded_shares(speeds);
}

std::vector<Candidate> each_alone(const std::vector<Named>& devices) {
  std::vector<Candidate> alone;
  for (const Named& named : devices) {
    alone.push_back(
        {.devices = {named}, .shares = {1}, .what = named.label, .team = {}, .times = {}});
  }
  return alone;
}

// Shares in proportion to measured speed; even among devices of one kind, which need no measurement.
TrainingPlace forced(const std::vector<Named>& devices, Measuring& measuring) {
  TrainingPlace even = to_place(devices, std::vector<double>(devices.size(), 1.0));
  if (all_same_kind(even.devices)) return even;
  std::vector<Candidate> alone = each_alone(devices);
  std::vector<std::string> notes;
  measuring.measure(alone, notes);
  std::vector<Named> able;
  std::erase_if(alone, [](const Candidate& c) { return c.times.empty(); });
  for (const Candidate& candidate : alone) able.push_back(candidate.devices.front());
  if (able.empty()) {
    throw DeviceError(fmt::format("no device can: {}", fmt::join(notes, "; ")), "Trainer");
  }
  std::vector<double> shares = shares_of(alone);
  // Asked for by name, a slow device gets at least something.
  for (double& share : shares) share = std::max(share, kShareUnit);
  TrainingPlace place = to_place(able, shares);
  place.placement.notes = notes;
  for (std::size_t i = 0; i < able.size(); ++i) {
    place.placement.shares[i].alone_us = 1e6 * alone[i].seconds();
    place.placement.shares[i].reason =
        fmt::format("{:.3g} ms a step alone", 1e3 * alone[i].seconds());
  }
  return place;
}

// Devices that are worth a measurement; notes for the others.
std::vector<Named> promising(const std::vector<Named>& devices, std::vector<std::string>& notes) {
  double best = 0;
  for (const Named& named : devices) {
    if (named.device.kind() != DeviceKind::host) {
      best = std::max(best, named.device.target().peak_gflops);
    }
  }
  std::vector<Named> chosen;
  for (const Named& named : devices) {
    if (named.device.kind() == DeviceKind::host) {
      if (best > 0) notes.push_back("left out: host: it runs references");
      if (best > 0) continue;
    } else if (const double peak = named.device.target().peak_gflops; peak < kLeastPeak * best) {
      notes.push_back(
          fmt::format("left out: {} ({}): its peak of {:.1f} GFLOP/s is {:.2g} % of the "
                      "fastest device's",
                      named.label, named.device.platform(), peak, 100 * peak / best));
      continue;
    }
    chosen.push_back(named);
  }
  return chosen;
}

TrainingPlace fastest_way(const std::vector<Named>& devices, Measuring& measuring) {
  std::vector<std::string> notes;
  const std::vector<Named> chosen = promising(devices, notes);
  std::vector<Candidate> candidates = each_alone(chosen);
  for (const Named& named : chosen) {
    std::vector<Named> parts = parts_of(named);
    if (parts.empty()) continue;
    std::vector<double> even(parts.size(), 1.0);
    candidates.push_back({.devices = std::move(parts),
                          .shares = std::move(even),
                          .what = fmt::format("{} in parts", named.label),
                          .team = {},
                          .times = {}});
  }
  measuring.measure(candidates, notes);
  const std::vector<Candidate> alone(
      std::make_move_iterator(candidates.begin()),
      std::make_move_iterator(candidates.begin() + static_cast<std::ptrdiff_t>(chosen.size())));
  std::vector<Candidate> ways(
      std::make_move_iterator(candidates.begin() + static_cast<std::ptrdiff_t>(chosen.size())),
      std::make_move_iterator(candidates.end()));
  for (const Candidate& one : alone) {
    ways.push_back(
        {.devices = one.devices, .shares = {1}, .what = one.what, .team = {}, .times = one.times});
  }
  std::erase_if(ways, [](const Candidate& c) { return c.times.empty(); });
  if (ways.empty()) {
    throw DeviceError(fmt::format("no device can train this: {}", fmt::join(notes, "; ")),
                      "Trainer");
  }
  // All together, if more than one can.
  Candidate all{.devices = {}, .shares = {}, .what = "all together", .team = {}, .times = {}};
  std::vector<double> speeds;
  for (const Candidate& one : alone) {
    if (one.times.empty()) continue;
    all.devices.push_back(one.devices.front());
    speeds.push_back(1 / one.seconds());
  }
  all.shares = rounded_shares(speeds);
  for (std::size_t i = all.shares.size(); i-- > 0;) {
    if (all.shares[i] > 0) continue;
    notes.push_back(fmt::format("left out: {}: {:.3g} times as slow as the fastest",
                                all.devices[i].label,
                                *std::max_element(speeds.begin(), speeds.end()) / speeds[i]));
    all.devices.erase(all.devices.begin() + static_cast<std::ptrdiff_t>(i));
    all.shares.erase(all.shares.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (all.devices.size() > 1) {
    std::vector<Candidate> more;
    more.push_back(std::move(all));
    measuring.measure(more, notes);
    if (!more.front().times.empty()) ways.push_back(std::move(more.front()));
  }
  const auto faster = [](const Candidate& a, const Candidate& b) {
    return a.seconds() < b.seconds();
  };
  const auto best_alone =
      std::min_element(ways.begin(), ways.end(), [&](const Candidate& a, const Candidate& b) {
        if ((a.devices.size() == 1) != (b.devices.size() == 1)) return a.devices.size() == 1;
        return faster(a, b);
      });
  auto best = std::min_element(ways.begin(), ways.end(), faster);
  if (best_alone->devices.size() == 1 && best->seconds() * kLeastGain > best_alone->seconds()) {
    best = best_alone;
  }
  TrainingPlace place = to_place(best->devices, best->shares);
  place.placement.predicted_us = 1e6 * best->seconds();
  for (const Candidate& way : ways) {
    notes.push_back(fmt::format("{} {}: {:.3f} ms a step", &way == &*best ? "taken:" : "measured:",
                                way.what, 1e3 * way.seconds()));
  }
  place.placement.notes = std::move(notes);
  return place;
}

// What decides about the fastest way.
std::string key_of(const Model& model, const TrainerOptions& options,
                   const std::vector<Named>& devices, std::int64_t batch) {
  std::string key =
      fmt::format("placement 1 batch {} of {} optimizer {} {}\n", batch, options.peers.count,
                  options.optimizer.name, options.synchronize_batch_norm);
  for (const Named& named : devices) {
    const Target& target = named.device.target();
    key += fmt::format("{} {} {} {} {:.2g}\n", named.label, target.platform, target.driver,
                       target.compute_units, target.peak_gflops);
  }
  return key + to_text(model.inference_graph(1));
}

std::filesystem::path file_of(const std::string& key) {
  const std::filesystem::path base = cache_folder();
  if (base.empty()) return base;
  return base / "placements" / fmt::format("{:016x}.json", hash64(key));
}

std::optional<TrainingPlace> remembered(const std::filesystem::path& file,
                                        const std::vector<Named>& devices) {
  if (file.empty() || !try_read_file(file)) return std::nullopt;
  try {
    return as_given(load_placement(file), devices);
  } catch (const Error& error) {
    runtime::log(1, "a placement is not used: {}", error.what());
    return std::nullopt;
  }
}

void remember(const Placement& placement, const std::filesystem::path& file) {
  if (file.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(file.parent_path(), ignored);
  try {
    save_placement(placement, file);
  } catch (const FileError& error) {
    runtime::log(1, "the placement is not kept: {}", error.what());
  }
}

}  // namespace

TrainingPlace place_training(const Model& model, const Dataset& data, const TrainerOptions& options,
                             const std::vector<Device>& devices, std::int64_t batch) {
  const std::vector<std::string> labels = device_labels(devices);
  std::vector<Named> named;
  for (std::size_t i = 0; i < devices.size(); ++i) named.push_back({labels[i], devices[i]});
  if (options.placement) return as_given(*options.placement, named);
  const std::int64_t own = std::max<std::int64_t>(1, batch / options.peers.count);
  Measuring measuring(model, data, options, own);
  switch (options.strategy) {
    case Strategy::data:
      return forced(named, measuring);
    case Strategy::automatic:
      break;
    case Strategy::pipeline:
    case Strategy::hybrid:
      throw UnsupportedError("training shares batches", {std::string(to_string(options.strategy))},
                             "TrainerOptions::strategy");
  }
  const std::filesystem::path file = file_of(key_of(model, options, named, own));
  if (std::optional<TrainingPlace> known = remembered(file, named)) return std::move(*known);
  TrainingPlace place = fastest_way(named, measuring);
  remember(place.placement, file);
  return place;
}

}  // namespace pinnacle
