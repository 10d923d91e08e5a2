// Timing of the bench, with runs that only say how long they took.
// SPDX-License-Identifier: Apache-2.0
#include "bench/timing.hpp"

#include <doctest/doctest.h>

#include <string>

namespace pinnacle::bench {
namespace {

// A run of `each` seconds; the first one takes `cold` seconds more.
struct Fake {
  double each;
  double cold = 0;
  std::int64_t calls = 0;
  std::int64_t most = 0;
  double spent = 0;

  Run run() {
    return [this](std::int64_t count) {
      const double time = each * static_cast<double>(count) + (calls == 0 ? cold : 0);
      ++calls;
      most = std::max(most, count);
      spent += time;
      return time;
    };
  }
};

TEST_CASE("the median is the middle value, or the mean of the two in the middle") {
  CHECK(median({}) == 0);
  CHECK(median({3}) == 3);
  CHECK(median({9, 1, 2}) == 2);
  CHECK(median({4, 1, 2, 100}) == 3);
}

TEST_CASE("short runs are put into batches and the time is kept") {
  Fake fake{.each = 1e-5};
  const Timing timing = time_run(fake.run(), {.seconds = 1, .batches = 9, .most_runs = 1000});
  CHECK(timing.seconds == doctest::Approx(1e-5));
  CHECK(timing.batches == 9);
  CHECK(timing.runs == 1000);
  CHECK(fake.most == 1000);
  CHECK(fake.spent < 2);
}

TEST_CASE("the first run, which may build kernels, does not count") {
  Fake fake{.each = 0.01, .cold = 5};
  const Timing timing = time_run(fake.run(), {.seconds = 1});
  CHECK(timing.seconds == doctest::Approx(0.01));
  CHECK(timing.batches == 9);
}

TEST_CASE("a run that is longer than the time for all is timed once more, not nine times") {
  Fake fake{.each = 3};
  const Timing timing = time_run(fake.run(), {.seconds = 1});
  CHECK(timing.seconds == doctest::Approx(3));
  CHECK(timing.batches == 1);
  CHECK(fake.calls == 2);
}

TEST_CASE("a run without end is done once") {
  Fake fake{.each = 100};
  const Timing timing = time_run(fake.run(), {.seconds = 1});
  CHECK(timing.seconds == doctest::Approx(100));
  CHECK(fake.calls == 1);
}

TEST_CASE("one slow batch does not move the median") {
  int calls = 0;
  const Run run = [&calls](std::int64_t count) {
    return 0.1 * static_cast<double>(count) * (++calls == 5 ? 40 : 1);
  };
  const Timing timing = time_run(run, {.seconds = 1});
  CHECK(timing.seconds == doctest::Approx(0.1));
  CHECK(timing.fastest == doctest::Approx(0.1));
}

TEST_CASE("candidates take turns, batch by batch") {
  std::string order;
  const auto candidate = [&order](char name) -> Run {
    return [&order, name](std::int64_t count) {
      order += name;
      return 0.2 * static_cast<double>(count);
    };
  };
  const std::vector<Run> runs = {candidate('a'), candidate('b')};
  const std::vector<Timing> timings = time_interleaved(runs, {.seconds = 1, .batches = 3});
  CHECK(timings.size() == 2);
  CHECK(order.substr(order.size() - 6) == "ababab");
}

TEST_CASE("nothing to time gives no timings") { CHECK(time_interleaved({}).empty()); }

TEST_CASE("the clocks go forward") {
  const double wall = now();
  const double worked = thread_seconds();
  CHECK(now() >= wall);
  CHECK(thread_seconds() >= worked);
}

}  // namespace
}  // namespace pinnacle::bench
