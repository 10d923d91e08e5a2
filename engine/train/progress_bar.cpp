// The progress bar: the one place of the library that writes to a terminal, because it was asked
// to. SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>

#include "train/progress.hpp"

namespace pinnacle {
namespace {

constexpr int kBarWidth = 24;

std::string epoch_of(const Progress& progress) {
  const std::string last = fmt::format("{}", progress.epochs);
  return fmt::format("epoch {:>{}}/{}", progress.epoch, last.size(), last);
}

class Bar {
 public:
  Bar() : terminal_(::isatty(STDERR_FILENO) == 1) {}

  void show(const Progress& progress) {
    if (progress.epoch_done) {
      write(progress_epoch_line(progress), true);
    } else if (terminal_ && due()) {
      write(progress_bar_line(progress), false);
    }
  }

 private:
  using Clock = std::chrono::steady_clock;

  bool due() {
    const Clock::time_point now = Clock::now();
    if (drawn_ && now - last_ < std::chrono::milliseconds(100)) return false;
    drawn_ = true;
    last_ = now;
    return true;
  }

  void write(std::string line, bool end) {
    const std::size_t length = line.size();
    if (terminal_) {
      // Covers what is left of a longer line before.
      if (length < previous_) line.append(previous_ - length, ' ');
      line.insert(line.begin(), '\r');
    }
    previous_ = end ? 0 : length;
    if (end) line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::fflush(stderr);
  }

  bool terminal_;
  bool drawn_ = false;
  Clock::time_point last_{};
  std::size_t previous_ = 0;
};

}  // namespace

std::string clock_time(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  const auto whole = static_cast<std::int64_t>(std::clamp(seconds, 0.0, 1e9) + 0.5);
  const std::int64_t hours = whole / 3600, minutes = whole / 60 % 60;
  if (hours == 0) return fmt::format("{}:{:02}", minutes, whole % 60);
  return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
}

std::string progress_bar_line(const Progress& progress) {
  const double share =
      progress.steps > 0
          ? std::clamp(static_cast<double>(progress.step) / static_cast<double>(progress.steps),
                       0.0, 1.0)
          : 0;
  const auto full = static_cast<std::size_t>(share * kBarWidth);
  std::string bar(full, '=');
  if (full < kBarWidth) bar += '>';
  bar.resize(kBarWidth, ' ');
  return fmt::format("{} [{}] {:3.0f} %  loss {:.4f}  accuracy {:.2f} %  ETA {}",
                     epoch_of(progress), bar, 100 * share, progress.loss, 100 * progress.accuracy,
                     clock_time(progress.eta_seconds));
}

std::string progress_epoch_line(const Progress& progress) {
  std::string line = fmt::format("{}  {:.1f} s  loss {:.4f}  accuracy {:.2f} %", epoch_of(progress),
                                 progress.seconds, progress.loss, 100 * progress.accuracy);
  if (progress.has_validation) {
    line += fmt::format("  validation loss {:.4f}  accuracy {:.2f} %", progress.validation_loss,
                        100 * progress.validation_accuracy);
  }
  return line;
}

ProgressFunction progress_bar() {
  return [bar = std::make_shared<Bar>()](const Progress& progress) { bar->show(progress); };
}

}  // namespace pinnacle
