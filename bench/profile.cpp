// SPDX-License-Identifier: Apache-2.0
#include "bench/profile.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "bench/table.hpp"
#include "bench/timing.hpp"

namespace pinnacle::bench {
namespace {

constexpr std::size_t kLeastRuns = 3;
constexpr std::size_t kMostRuns = 200;
constexpr std::size_t kWidth = 100;  // names of fused nodes are long

void sort_by_time(std::vector<StepTime>& steps) {
  std::stable_sort(steps.begin(), steps.end(), [](const StepTime& a, const StepTime& b) {
    return a.microseconds > b.microseconds;
  });
}

std::string table_of(const std::vector<StepTime>& steps, const char* first_column) {
  double total = 0;
  for (const StepTime& step : steps) total += step.microseconds;
  Table table({{.title = first_column, .wraps = true},
               {.title = "op"},
               {.title = "variant"},
               {.title = "us", .right = true},
               {.title = "GFLOP/s", .right = true},
               {.title = "GB/s", .right = true},
               {.title = "share", .right = true}});
  for (const StepTime& step : steps) {
    if (step.microseconds <= 0) continue;  // nothing is enqueued for it
    table.add({step.node, step.op, step.variant, number(step.microseconds),
               measured(1e-3 * step.flop / step.microseconds),
               measured(1e-3 * step.bytes / step.microseconds),
               percent(step.microseconds / total)});
  }
  return table.text(kWidth);
}

}  // namespace

std::vector<StepTime> median_profile(Session& session, double seconds) {
  std::vector<StepTime> steps;
  std::vector<std::vector<double>> times;
  session.enqueue();
  session.finish();  // the first run prepares
  const double end = now() + seconds;
  for (std::size_t run = 0; run < kMostRuns && (run < kLeastRuns || now() < end); ++run) {
    session.enqueue();
    session.finish();
    steps = session.profile();
    times.resize(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) times[i].push_back(steps[i].microseconds);
  }
  for (std::size_t i = 0; i < steps.size(); ++i) steps[i].microseconds = median(times[i]);
  return steps;
}

std::string profile_text(std::vector<StepTime> steps) {
  struct Sum {
    StepTime time;
    int count = 0;
  };
  std::map<std::string, Sum> kinds;
  double total = 0;
  for (const StepTime& step : steps) {
    Sum& sum = kinds[step.op + '/' + step.variant];
    sum.time.op = step.op;
    sum.time.variant = step.variant;
    sum.time.microseconds += step.microseconds;
    sum.time.flop += step.flop;
    sum.time.bytes += step.bytes;
    sum.count += step.microseconds > 0 ? 1 : 0;
    total += step.microseconds;
  }
  std::vector<StepTime> sums;
  for (auto& [kind, sum] : kinds) {
    sum.time.node = std::to_string(sum.count);
    sums.push_back(std::move(sum.time));
  }
  sort_by_time(sums);
  sort_by_time(steps);
  return fmt::format("{} us on the device in all\n{}\n{}", number(total), table_of(sums, "steps"),
                     table_of(steps, "node"));
}

Json profile_json(const std::vector<StepTime>& steps) {
  Json json = Json::array();
  for (const StepTime& step : steps) {
    json.push_back({{"node", step.node},
                    {"op", step.op},
                    {"variant", step.variant},
                    {"us", step.microseconds},
                    {"flop", step.flop},
                    {"bytes", step.bytes}});
  }
  return json;
}

}  // namespace pinnacle::bench
