// Runs the items of a suite, item by item on all devices in turns, so that what else happens on the
// machine hits all of them alike. It can be interrupted, and go on where a file ends.
// Thread safety: one thread; one Interruption at a time.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/compare/suite.hpp"

namespace pinnacle::bench {

/// As long as it lives, the first Ctrl-C (SIGINT) only asks to stop; the second ends the process.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  static bool is_asked();
};

/// Environment and devices, nothing measured. A device that fails its self-test is in it, too.
Comparison start_comparison(std::string_view suite, const std::vector<Device>& devices);

/// throws   ArgumentError if `earlier`, from `file`, is of another version, suite, processor or of
///          other devices
void check_resumable(const Comparison& earlier, const Comparison& now, const std::string& file);

/// Called after each item.
using Save = std::function<void(const Comparison&)>;

/// Measures what `comparison` lacks, and what failed, of the items with `only` in their names, until an
/// Interruption is asked. Sets `complete`.
/// REQUIRES: comparison.devices are `devices`
/// throws   ArgumentError if no item has such a name; what `save` throws
void measure_items(const std::vector<Item>& items, const std::vector<Device>& devices,
                   std::string_view only, Comparison& comparison, const Save& save);

}  // namespace pinnacle::bench
