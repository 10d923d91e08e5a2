// What became faster or slower between two comparison files, beyond what the noise explains.
//
// A comparison has hundreds of quantities, so that some differ by much just by chance. A quantity
// with samples counts as changed only if all of this holds:
// - the 95 % interval of the ratio of the medians excludes 1, and the medians' own do not overlap;
// - the change exceeds the threshold, before and after the drift of its device is taken out;
// - it is significant next to all others of the two files, so that a pair of files between which
//   nothing changed shows any change in one case of twenty at most (significance.hpp).
// The noise is that of the samples within a run and that between runs, which no run shows by itself:
// a device's quantities are measured at different moments, on a machine that does other work. How
// far they move between the two files tells how large it is, as most of them run the same code
// (the empirical null: Efron, "Large-scale simultaneous hypothesis testing", 2004). What all of them
// have in common, up to the threshold, is the machine's drift. Both are bounded, so that a change
// of everything is still seen.
// Counted bytes have no noise. Other quantities with fewer than three samples do not show theirs:
// they count as changed where their ranges are apart and their ratio is 1.5 or more.
// Thread safety: plain values and functions of their arguments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "bench/compare/comparison.hpp"

namespace pinnacle::bench {

enum class Verdict {
  unchanged,
  better,
  worse,
  problem,  ///< it had a value, or no error, and now has none
  solved,   ///< it has a value at last
};
std::string_view to_string(Verdict verdict);

/// One quantity that both files have.
struct Change {
  Measurement before, after;
  std::size_t device = 0;  ///< index into Difference::devices
  Verdict verdict = Verdict::unchanged;
  double ratio = 1;          ///< after / before, where both have a value
  double low = 1, high = 1;  ///< its 95 % interval; the ratio itself where nothing tells
  double p = 1;              ///< of a change as large by chance; 1 where there are too few samples

  /// How much better or worse, whichever way the unit points; 1.25 is a quarter.
  double size() const;
};

/// A device of A and what it is in B.
struct DevicePair {
  std::size_t before = 0, after = 0;  ///< indexes into the files' devices
  std::string name;
  bool by_position = false;  ///< the only one of each file, under two names
  std::size_t tested = 0;    ///< quantities with enough samples
  double drift = 1;          ///< how much longer everything takes: a median over the quantities
  double spread = 0;  ///< how far a quantity moves between runs beside that: relative, one sigma
};

/// One that no counterpart was found for.
struct Unpaired {
  std::string device;
  Measurement measurement;
};

/// A kernel that ran where something became slower.
struct SharedKernel {
  std::string name;
  std::size_t slower = 0, of_slower = 0;  ///< it ran in so many of the entries that are slower
  std::size_t others = 0, of_others = 0;  ///< and of those that are not
};

struct Difference {
  double threshold = 0.03;
  std::vector<DevicePair> devices;
  std::vector<Change> changes;  ///< all pairs: the largest change first, unchanged ones last
  std::vector<Unpaired> only_before, only_after;
  std::vector<SharedKernel> shared;  ///< what most slowdowns have in common and few others have
  std::vector<std::string> notes;    ///< what differs between the files besides the numbers

  std::size_t count(Verdict verdict) const;
  /// Something is slower, or fails that did not.
  bool is_worse() const;
};

/// Pairs devices by name and platform, or the only ones of both files; quantities by key.
///
/// throws   ArgumentError if the files have no device in common
Difference difference(const Comparison& before, const Comparison& after, double threshold);

}  // namespace pinnacle::bench
