// One device under measurement: how fast it has been so far, hence what it can do in time.
// Thread safety: one thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/session.hpp>

#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/compare/comparison.hpp"
#include "bench/timing.hpp"

namespace pinnacle::bench {

/// There is no value, and that is no error: the device is too slow, or lacks something.
class NoValue : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Units: seconds.
struct Limits {
  double sampling = 1;  ///< of one quantity, about
  double item = 0;      ///< that running an item may be expected to take; 0: any
  double device = 0;    ///< of all items of a device, builds of kernels included; 0: any
};

/// What bounds a device.
struct Roofs {
  double fma_gflops = 0;
  double copy_gbs = 0;
};

class DeviceBench {
 public:
  DeviceBench(Device device, const Limits& limits);

  const Device& device() const { return device_; }
  bool is_host() const { return device_.kind() == DeviceKind::host; }
  const Roofs& roofs() const { return roofs_; }
  /// From a measured peak: what was reached once is possible, and a busy moment must not lower it.
  void raise_roofs(const Measurement& peak);
  const Limits& limits() const { return limits_; }
  double spent() const { return spent_; }
  void add_spent(double seconds) { spent_ += seconds; }

  /// Sets flop, bytes, of_roof and roof of work that takes `seconds`.
  void set_roof(Measurement& measurement, double flop, double bytes, double seconds);

  enum class Size : std::uint8_t { kernel, network };
  /// A session that has run once, with inputs made up.
  /// flop   of one run
  /// throws   NoValue if a few runs are expected to take too long; what compile() throws
  std::shared_ptr<Session> start(const Graph& graph, Size size, double flop, bool profile = false);
  /// Seconds of one run, a sample per batch of runs; at least one, and 8 where time allows.
  std::vector<double> sample(const Run& run);
  /// The same, from which later expectations come, too.
  std::vector<double> sample(const Run& run, Size size, double flop);
  /// throws   NoValue if running takes longer than an item may, or that and building longer than is
  ///          left
  void need(double running, double building = 0) const;

 private:
  double rate(Size size) const;
  double copy_gbs(double bytes);

  Device device_;
  Limits limits_;
  Roofs roofs_;
  std::map<int, double> small_copies_;  // GB/s by the power of two of their bytes
  double spent_ = 0;
  double kernel_rate_ = 0;   // flop per second; 0: unknown
  double network_rate_ = 0;  // of the largest so far
  double network_flop_ = 0;
  std::set<std::string> built_;  // kernels
  double build_seconds_ = 0;     // of them
};

}  // namespace pinnacle::bench
