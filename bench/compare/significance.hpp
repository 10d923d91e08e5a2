// Which of many comparisons are more than chance: Student's t and the false discovery rate.
// Thread safety: functions of their arguments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

namespace pinnacle::bench {

/// The probability that Student's t is at least this far from 0, on either side.
/// REQUIRES: degrees >= 1; the fraction of the degrees is ignored
double two_sided_p(double t, double degrees);

/// The degrees of freedom of a sum of independent variances, each estimated from some samples
/// (Satterthwaite, 1946; Welch, 1947). REQUIRES: as many of both, no variance negative
double satterthwaite(std::span<const double> variances, std::span<const double> degrees);

/// Which of these are significant if at most the share `rate` of those that are found may be found
/// by chance (Benjamini, Hochberg, "Controlling the false discovery rate", 1995). Where nothing
/// changed, the probability of finding anything is at most `rate`, however many there are.
std::vector<bool> significant(std::span<const double> p_values, double rate);

}  // namespace pinnacle::bench
