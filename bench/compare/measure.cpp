// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/measure.hpp"

#include <pinnacle/error.hpp>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>

#include "bench/output.hpp"
#include "bench/timing.hpp"
#include "runtime/device_handle.hpp"

namespace pinnacle::bench {
namespace {

constexpr const char* kSelfTest = "peaks/self-test";

volatile std::sig_atomic_t asked = 0;
struct sigaction before;  // NOLINT: the signal's handling outside of an Interruption

extern "C" void ask_to_stop(int) {
  asked = 1;
  static constexpr char kSaid[] =
      "\r\x1b[Kstopping after the running item; Ctrl-C again ends at once\n";
  if (::isatty(STDERR_FILENO) == 1) {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kSaid, sizeof(kSaid) - 1);
  }
}

std::string duration(double seconds) {
  const auto whole = static_cast<long>(seconds);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

bool belongs(const Item& item, const Measurement& m) {
  const Measurement& first = item.outline.front();
  // Of steps only the sum is known beforehand.
  if (first.group == "layers") return m.group == first.group && m.subject == first.subject;
  return std::any_of(item.outline.begin(), item.outline.end(),
                     [&](const Measurement& o) { return o.key == m.key; });
}

// How long an item takes, next to others.
double weight(const Item& item) {
  const std::string& group = item.outline.front().group;
  return group == "networks" ? 3 : group == "compile" ? 6 : 1;
}

class Progress {
 public:
  explicit Progress(double work) : work_(work) {}

  void begin(const Item& item, int device) {
    constexpr int kWidth = 10;
    const double share = work_ > 0 ? done_ / work_ : 1;
    const auto filled = static_cast<std::size_t>(kWidth * share);
    std::string left;
    if (done_ > 0) {
      left = duration((now() - start_) / done_ * (work_ - done_)) + " left, ";
    }
    status_.show(fmt::format("[{}{}] {}{} on device {}", std::string(filled, '#'),
                             std::string(kWidth - filled, '.'), left, item.name, device));
  }
  void end(const Item& item) { done_ += weight(item); }
  void clear() { status_.clear(); }

 private:
  StatusLine status_;
  double work_;
  double done_ = 0;
  double start_ = now();
};

class Measuring {
 public:
  Measuring(const std::vector<Item>& items, const std::vector<Device>& devices,
            Comparison& comparison)
      : items_(items), devices_(devices), comparison_(comparison) {
    parts_.resize(items.size() * devices.size());
    for (Measurement& m : comparison.measurements) {
      std::vector<Measurement>* to = &others_;
      for (std::size_t i = 0; i < items.size() && to == &others_; ++i) {
        if (belongs(items[i], m)) to = &part(i, m.device);
      }
      to->push_back(std::move(m));
    }
    benches_.resize(devices.size());
  }

  void run(std::string_view only, const Save& save) {
    std::vector<std::size_t> chosen;
    double work = 0;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (items_[i].name.find(only) == std::string::npos) continue;
      chosen.push_back(i);
      for (std::size_t d = 0; d < devices_.size(); ++d) {
        if (is_to_do(i, d)) work += weight(items_[i]);
      }
    }
    if (chosen.empty()) {
      std::vector<std::string> names;
      for (const Item& item : items_) names.push_back(item.name);
      throw ArgumentError(fmt::format("no item has \"{}\" in its name", only), "--only",
                          fmt::format("there are: {}", fmt::join(names, "; ")));
    }
    for (std::size_t d = 0; d < devices_.size(); ++d) open(d);
    Progress progress(work);
    for (const std::size_t i : chosen) {
      for (std::size_t d = 0; d < devices_.size(); ++d) {
        if (!benches_[d] || !is_to_do(i, d)) continue;
        if (Interruption::is_asked()) return collect();
        progress.begin(items_[i], comparison_.devices[d].index);
        const double start = now();
        std::vector<Measurement> measured = measure(items_[i], d);
        benches_[d]->add_spent(now() - start);
        progress.end(items_[i]);
        const bool failed = measured.front().failed;
        // A terminal's Ctrl-C also ends the processes that an item has started.
        if (failed && Interruption::is_asked()) return collect();
        part(i, d) = std::move(measured);
        collect();
        save(comparison_);
      }
    }
    collect();
  }

 private:
  std::vector<Measurement>& part(std::size_t item, std::size_t device) {
    return parts_[item * devices_.size() + device];
  }

  bool is_to_do(std::size_t item, std::size_t device) {
    const std::vector<Measurement>& have = part(item, device);
    return have.empty() ||
           std::any_of(have.begin(), have.end(), [](const Measurement& m) { return m.failed; });
  }

  // A device that fails its self-test is left out.
  void open(std::size_t d) {
    std::erase_if(others_,
                  [&](const Measurement& m) { return m.device == d && m.key == kSelfTest; });
    try {
      benches_[d] = std::make_unique<DeviceBench>(devices_[d], suite_limits(comparison_.suite));
    } catch (const Error& error) {
      Measurement m;
      m.key = kSelfTest;
      m.device = d;
      m.group = "peaks";
      m.subject = "self-test";
      m.quantity = "rate";
      m.unit = "GFLOP/s";
      m.problem = error.what();
      m.failed = true;
      others_.push_back(std::move(m));
      return;
    }
    for (std::size_t i = 0; i < items_.size(); ++i) {
      for (const Measurement& m : part(i, d)) {
        if (m.group == "peaks") benches_[d]->raise_roofs(m);
      }
    }
  }

  std::vector<Measurement> measure(const Item& item, std::size_t d) {
    std::vector<Measurement> measured = item.outline;
    std::string problem;
    bool failed = false;
    try {
      benches_[d]->need(0);
      item.measure(*benches_[d], measured);
    } catch (const NoValue& none) {
      problem = none.what();
    } catch (const Error& error) {
      problem = error.what();
      failed = true;
    }
    for (Measurement& m : measured) {
      m.device = d;
      if (m.value) continue;
      m.failed = failed;
      if (m.problem.empty()) m.problem = problem.empty() ? "not measured" : problem.substr(0, 2000);
    }
    return measured;
  }

  // What there is so far, in the order of the items.
  void collect() {
    comparison_.measurements.clear();
    bool complete = true;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const std::size_t d = i % devices_.size();
      const bool broken = std::any_of(others_.begin(), others_.end(), [&](const Measurement& m) {
        return m.device == d && m.key == kSelfTest;
      });
      complete = complete && (broken || !parts_[i].empty());
      comparison_.measurements.insert(comparison_.measurements.end(), parts_[i].begin(),
                                      parts_[i].end());
    }
    comparison_.measurements.insert(comparison_.measurements.end(), others_.begin(), others_.end());
    comparison_.complete = complete;
  }

  const std::vector<Item>& items_;
  const std::vector<Device>& devices_;
  Comparison& comparison_;
  std::vector<std::vector<Measurement>> parts_;  // by item, then device
  std::vector<Measurement> others_;              // of no item of now, such as of another model
  std::vector<std::unique_ptr<DeviceBench>> benches_;  // none: its self-test failed
};

ComparedDevice describe(const Device& device) {
  ComparedDevice compared{.index = device_index(device),
                          .name = device.name(),
                          .platform = device.platform(),
                          .driver = device.handle().driver(),
                          .kind = std::string(to_string(device.kind())),
                          .details = {}};
  try {
    compared.details = device_json(device);
  } catch (const Error&) {  // its self-test failed, which measure_items() says
    compared.details = identity_json(device);
  }
  return compared;
}

}  // namespace

Interruption::Interruption() {
  asked = 0;
  struct sigaction action {};
  action.sa_handler = ask_to_stop;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  ::sigaction(SIGINT, &action, &before);
}

Interruption::~Interruption() { ::sigaction(SIGINT, &before, nullptr); }

bool Interruption::is_asked() { return asked != 0; }

Comparison start_comparison(std::string_view suite, const std::vector<Device>& devices) {
  Comparison comparison;
  comparison.suite = suite;
  comparison.environment = describe_environment();
  StatusLine status;
  for (const Device& device : devices) {
    status.show(fmt::format("measuring {} ...", device.name()));
    comparison.devices.push_back(describe(device));
  }
  return comparison;
}

void check_resumable(const Comparison& earlier, const Comparison& now, const std::string& file) {
  const auto refuse = [&](const std::string& what, const std::string& hint) {
    throw ArgumentError(fmt::format("cannot go on with \"{}\": {}", file, what), "--resume", hint);
  };
  const auto differ = [&](const char* what, const std::string& a, const std::string& b) {
    if (a == b) return;
    refuse(fmt::format("its {} is \"{}\", not \"{}\"", what, a, b),
           "measure anew without --resume");
  };
  differ("version", earlier.environment.pinnacle, now.environment.pinnacle);
  differ("processor", earlier.environment.cpu, now.environment.cpu);
  if (earlier.suite != now.suite) {
    refuse(fmt::format("its suite is \"{}\", not \"{}\"", earlier.suite, now.suite),
           fmt::format("write --suite {}, or leave it out", earlier.suite));
  }
  const auto identity = [](const ComparedDevice& device) {
    return fmt::format("{}, {}, {}", device.name, device.platform, device.driver);
  };
  std::vector<std::string> had;
  std::vector<std::string> have;
  for (const ComparedDevice& device : earlier.devices) had.push_back(identity(device));
  for (const ComparedDevice& device : now.devices) have.push_back(identity(device));
  if (had != have) {
    refuse(fmt::format("its devices are {}; now they are {}", fmt::join(had, "; "),
                       fmt::join(have, "; ")),
           "name the same devices in the same order");
  }
}

void measure_items(const std::vector<Item>& items, const std::vector<Device>& devices,
                   std::string_view only, Comparison& comparison, const Save& save) {
  Measuring(items, devices, comparison).run(only, save);
}

}  // namespace pinnacle::bench
