// pinnacle-bench tune: finds and keeps the fastest variant and parameters of shapes on a device.
// Every finished shape is saved at once, so that an interrupted run goes on where it was.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>

#include <algorithm>
#include <cmath>

#include "base/files.hpp"
#include "base/text.hpp"
#include "bench/commands.hpp"
#include "bench/environment.hpp"
#include "bench/output.hpp"
#include "bench/table.hpp"
#include "bench/timing.hpp"
#include "bench/tune_search.hpp"
#include "runtime/device_handle.hpp"

namespace pinnacle::bench {
namespace {

using runtime::TunedEntry;
using runtime::TunedFile;
using Entries = std::map<std::string, TunedEntry>;

std::string microseconds(double us) { return number(us) + " us"; }

std::string minutes(double seconds) {
  return seconds < 90 ? fmt::format("{:.0f} s", seconds) : fmt::format("{:.0f} min", seconds / 60);
}

std::string verdict(const SearchResult& result) {
  const TunedEntry& e = result.entry;
  if (e.setting == result.heuristic) {
    return fmt::format("  {}, the heuristic's choice, is the fastest of {}: {}\n", e.setting,
                       result.candidates, microseconds(e.microseconds));
  }
  return fmt::format(
      "  {} is the fastest of {}: {}; the heuristic's {}: {}, {:.2f} times as long\n", e.setting,
      result.candidates, microseconds(e.microseconds), result.heuristic,
      microseconds(e.heuristic_microseconds), e.heuristic_microseconds / e.microseconds);
}

// heuristic time / tuned time, the geometric mean.
double mean_gain(const Entries& entries, const std::vector<TuneWork>& works) {
  double sum = 0;
  int count = 0;
  for (const TuneWork& work : works) {
    const auto entry = entries.find(work.key);
    if (entry == entries.end()) continue;
    sum += std::log(entry->second.heuristic_microseconds / entry->second.microseconds);
    ++count;
  }
  return count == 0 ? 1 : std::exp(sum / count);
}

// throws   FileError, ParseError; ArgumentError if the file is of another device
void import_file(const std::string& name, const Device& device) {
  const TunedFile file = runtime::parse_tuned(read_file(name), name);
  const runtime::TunedOn here = runtime::tuned_on(device.handle(), device.target());
  if (file.device.id != here.id) {
    throw ArgumentError(
        fmt::format("was measured on {} ({}, driver {}); this is {} ({}, driver {})",
                    file.device.name, file.device.platform, file.device.driver, here.name,
                    here.platform, here.driver),
        name, "tune on this device, or choose another with --device");
  }
  const Entries own = runtime::load_user_tuning(device.handle()).entries;
  Entries wanted;
  int stale = 0;
  for (const auto& [key, entry] : file.entries) {
    const auto known = own.find(key);
    if (!runtime::is_current(entry)) {
      ++stale;
    } else if (known == own.end() || entry.microseconds < known->second.microseconds) {
      wanted.emplace(key, entry);
    }
  }
  runtime::save_user_tuning(device.handle(), device.target(), wanted);
  Output().text(fmt::format("{}: {} of {} choices taken over, {} are of other kernels\n", name,
                            wanted.size(), file.entries.size(), stale));
}

// throws   FileError
void export_file(const std::string& name, const Device& device, double least_gain) {
  TunedFile file{.device = runtime::tuned_on(device.handle(), device.target()),
                 .entries = runtime::load_user_tuning(device.handle()).entries};
  std::erase_if(file.entries, [&](const auto& item) {
    const TunedEntry& entry = item.second;
    return entry.heuristic_microseconds < (1 + least_gain / 100) * entry.microseconds;
  });
  write_file_atomically(name, runtime::to_text(file));
  Output().text(fmt::format("{}: {} choices\n", name, file.entries.size()));
}

class Tuner {
 public:
  Tuner(const Device& device, const TuneOptions& options)
      : device_(device),
        options_(options),
        search_(target_of(device), fmt::format("{}", device_index(device)),
                {.seconds = options.seconds, .time_limit = options.time_limit}) {}

  int run() {
    const std::vector<TuneWork> works = select_work(options_.work, device_.target());
    const Entries known = runtime::load_user_tuning(device_.handle()).entries;
    std::vector<const TuneWork*> todo;
    for (const TuneWork& work : works) {
      if (options_.again || known.count(work.key) == 0) todo.push_back(&work);
    }
    output_.text(fmt::format("{}device {}: {} ({})\n{} shapes, {} of them known\n",
                             to_text(describe_environment()), device_index(device_), device_.name(),
                             device_.platform(), works.size(), works.size() - todo.size()));
    int failed = 0;
    const double start = now();
    std::size_t done = 0;
    for (; done < todo.size(); ++done) {
      if (options_.budget > 0 && now() - start > options_.budget) break;
      const double spent = now() - start;
      left_ = done == 0 ? ""
                        : fmt::format(", about {} left",
                                      minutes(spent / static_cast<double>(done) *
                                              static_cast<double>(todo.size() - done)));
      place_ = fmt::format("{}/{}", done + 1, todo.size());
      if (!tune(*todo[done])) ++failed;
    }
    const Entries now_known = runtime::load_user_tuning(device_.handle()).entries;
    std::string summary;
    if (done < todo.size()) {
      summary = fmt::format("the budget is spent: {} shapes are left\n", todo.size() - done);
    }
    if (rejected_ > 0) summary += fmt::format("{} candidates were rejected\n", rejected_);
    if (failed > 0) summary += fmt::format("{} shapes could not be tuned\n", failed);
    summary +=
        fmt::format("untuned, these shapes reach {:.3f} of the tuned speed (geometric mean)\n",
                    1 / mean_gain(now_known, works));
    output_.text(summary);
    return failed > 0 ? 1 : 0;
  }

 private:
  static Target target_of(const Device& device) {
    Target target = device.target();
    target.tuned.clear();
    return target;
  }

  // false: not even the heuristic's choice ran
  bool tune(const TuneWork& work) {
    const SearchResult result = search_.run(work, [&](int candidates, const std::string& best) {
      status_.show(
          fmt::format("{} candidate {}, best {}{}: {}", place_, candidates, best, left_, work.key));
    });
    status_.clear();
    std::string text = fmt::format("{} {}\n", place_, work.key);
    for (const Rejected& rejected : result.rejected) {
      text += fmt::format("  rejected {}: {}\n", rejected.setting, rejected.reason);
    }
    rejected_ += static_cast<int>(result.rejected.size());
    if (!result.problem.empty()) {
      output_.text(text + fmt::format("  not tuned: {}\n", result.problem));
      return false;
    }
    runtime::save_user_tuning(device_.handle(), device_.target(), {{work.key, result.entry}});
    output_.text(text + verdict(result));
    return true;
  }

  Device device_;
  const TuneOptions& options_;
  TuneSearch search_;
  Output output_;
  StatusLine status_;
  std::string place_;
  std::string left_;
  int rejected_ = 0;
};

}  // namespace

int run_tune(const TuneOptions& options) {
  const bool measures = options.work.ops || !options.work.model.empty();
  if (!measures && options.import_file.empty() && options.export_file.empty()) {
    throw ArgumentError("nothing to tune is named", "tune",
                        "give --ops, --model, --import or --export");
  }
  const Device device = select_device(options.device);
  if (device.kind() == DeviceKind::host) {
    throw ArgumentError("the host device has no kernels to tune", "--device");
  }
  if (device_index(device) < 0) throw ArgumentError("is no device of a platform", device.name());
  const std::string problem = runtime::load_user_tuning(device.handle()).problem;
  if (!problem.empty()) fmt::print(stderr, "pinnacle-bench: {}\n", problem);
  if (!options.import_file.empty()) import_file(options.import_file, device);
  const int code = measures ? Tuner(device, options).run() : 0;
  if (!options.export_file.empty()) export_file(options.export_file, device, options.least_gain);
  return code;
}

}  // namespace pinnacle::bench
