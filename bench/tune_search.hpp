// The search over one node's variants and parameters, in a child process that may hang or crash.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/device.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/child_process.hpp"
#include "bench/tune_work.hpp"
#include "runtime/tuned_store.hpp"

namespace pinnacle::bench {

struct Rejected {
  std::string setting;
  std::string reason;
};

struct SearchResult {
  std::string problem;  ///< not even the heuristic's choice ran: no entry
  runtime::TunedEntry entry;
  std::string heuristic;  ///< its setting
  int candidates = 0;     ///< measured ones
  std::vector<Rejected> rejected;
};

struct SearchOptions {
  double seconds = 0.1;    ///< of measuring for each candidate, about
  double time_limit = 20;  ///< seconds for each candidate, building and checking included
  int most_candidates = 60;
};

class TuneSearch {
 public:
  /// `spec` names the device for the child.
  TuneSearch(Target target, std::string spec, SearchOptions options);

  /// `on_progress`: candidates measured so far, and the best setting.
  SearchResult run(const TuneWork& work,
                   const std::function<void(int, const std::string&)>& on_progress);

 private:
  class OneNode;

  Target target_;
  std::string spec_;
  SearchOptions options_;
  std::unique_ptr<ChildProcess> child_;
};

}  // namespace pinnacle::bench
