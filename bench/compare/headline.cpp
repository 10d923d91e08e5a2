// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/headline.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>
#include <utility>

#include "base/median.hpp"
#include "bench/compare/html.hpp"
#include "bench/compare/interval.hpp"
#include "bench/compare/svg.hpp"
#include "bench/table.hpp"

namespace pinnacle::bench {
namespace {

constexpr double kLeast = 1e-100, kMost = 1e100;
constexpr std::size_t kMostSamples = 256;  // beyond them the intervals are narrow without redrawing
constexpr std::size_t kLeastSamples = 3;

bool sensible(double value) { return std::isfinite(value) && value >= kLeast && value <= kMost; }

bool is_time(const std::string& unit) {
  return unit == "s" || unit == "ms" || unit == "us" || unit == "ns";
}

bool can_be_drawn(const Measurement& m) {
  return m.samples.size() >= kLeastSamples && m.samples.size() <= kMostSamples &&
         std::all_of(m.samples.begin(), m.samples.end(), sensible);
}

// The interval, or the value alone where it has none that makes sense.
std::pair<double, double> bounds(const Measurement& m) {
  const double value = *m.value;
  const bool known = m.low && m.high && sensible(*m.low) && sensible(*m.high) && *m.low <= value &&
                     value <= *m.high;
  return known ? std::pair(*m.low, *m.high) : std::pair(value, value);
}

// What the two devices do in all works of a topic that both did.
struct Duel {
  Advantage mean;  // geometric
  int works = 0, ahead = 0, behind = 0;
  Advantage largest;
  const Measurement* largest_at = nullptr;
};

std::optional<Duel> duel(const std::vector<const Work*>& works, std::size_t one,
                         std::size_t other) {
  Duel result;
  double sum = 0, below = 0, above = 0;
  for (const Work* work : works) {
    const std::optional<Advantage> lead = advantage(work->on[one], work->on[other]);
    if (!lead) continue;
    ++result.works;
    const double log = std::log(lead->ratio);
    sum += log;
    below += std::pow(log - std::log(lead->low), 2);
    above += std::pow(std::log(lead->high) - log, 2);
    if (lead->beyond_noise) ++(lead->ratio > 1 ? result.ahead : result.behind);
    if (!result.largest_at || lead->ratio > result.largest.ratio) {
      result.largest = *lead;
      result.largest_at = work->first;
    }
  }
  if (result.works == 0) return std::nullopt;
  const double n = result.works;
  result.mean.ratio = std::exp(sum / n);
  result.mean.low = std::exp((sum - std::sqrt(below)) / n);
  result.mean.high = std::exp((sum + std::sqrt(above)) / n);
  // Ahead here and behind there is no advantage unless the mean is clear of 1.
  result.mean.beyond_noise =
      (result.mean.low > 1 || result.mean.high < 1) && (result.ahead > 0 || result.behind > 0);
  return result;
}

struct Topic {
  std::string name;
  std::string short_name;  // "inference latency", "rate of kernels"
  std::string better;      // "is faster"
  std::vector<const Work*> works;
};

std::string better_word(const Measurement& m) {
  if (is_time(m.unit) || !m.lower_is_better) return "is faster";
  return "needs less";
}

std::vector<Topic> topics_of(const std::vector<Work>& works) {
  std::vector<Topic> topics;
  std::map<std::pair<std::string, std::string>, std::size_t> known;
  for (const Work& work : works) {
    const Measurement& m = *work.first;
    const auto [at, is_new] = known.try_emplace({m.group, m.quantity}, topics.size());
    if (is_new)
      topics.push_back({capital(m.group) + ", " + m.quantity,
                        m.group == "kernels" ? m.quantity + " of kernels" : m.quantity,
                        better_word(m),
                        {}});
    topics[at->second].works.push_back(&work);
  }
  return topics;
}

// The device that beats the most others, those with the larger sum of logarithms first; none if no two
// devices did the same work.
std::optional<std::size_t> best_device(const std::vector<const Work*>& works, std::size_t devices) {
  std::optional<std::size_t> best;
  std::pair<int, double> most;
  for (std::size_t one = 0; one < devices; ++one) {
    std::pair<int, double> score{0, 0};
    bool met = false;
    for (std::size_t other = 0; other < devices; ++other) {
      if (other == one) continue;
      const std::optional<Duel> against = duel(works, one, other);
      if (!against) continue;
      met = true;
      score.first += against->mean.ratio > 1;
      score.second += std::log(against->mean.ratio);
    }
    if (met && (!best || score > most)) {
      best = one;
      most = score;
    }
  }
  return best;
}

std::string plural(int count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// In short where there are many devices.
std::string claim(const Topic& topic, const Duel& of, std::size_t one, std::size_t other,
                  bool in_short) {
  const std::string names[] = {device_letter(one), device_letter(other)};
  const std::string over =
      of.works == 1 ? fmt::format("in {}", work_name(*topic.works.front()->first))
                    : fmt::format("{} {} workloads", in_short ? "over" : "by the geometric mean of",
                                  of.works);
  if (!of.mean.beyond_noise) {
    return fmt::format("No difference beyond the noise between {} and {}: {} {}.", names[0],
                       names[1], to_text(of.mean), over);
  }
  std::string text =
      fmt::format("{} {} than {}: {} {}", names[0], topic.better, names[1], to_text(of.mean), over);
  if (of.works == 1 || in_short) return text + ".";
  text += fmt::format("; ahead in {}", of.ahead);
  if (of.behind > 0) text += fmt::format(", behind in {}", of.behind);
  const int even = of.works - of.ahead - of.behind;
  if (even > 0) text += fmt::format(", within the noise in {}", even);
  if (of.largest_at != nullptr) {
    text += fmt::format("; most in {}: {}", work_name(*of.largest_at), to_text(of.largest));
  }
  return text + ".";
}

std::optional<double> measured_peak(const Comparison& comparison, std::size_t device,
                                    std::string_view subject, const char* detail) {
  for (const Measurement& m : comparison.measurements) {
    if (m.device != device || m.group != "peaks" || m.subject != subject) continue;
    if (const std::optional<double> value = positive_value(&m)) return value;
  }
  const Json& details = comparison.devices[device].details;
  if (!details.is_object()) return std::nullopt;
  const auto found = details.find(detail);
  if (found == details.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  return sensible(value) ? std::optional(value) : std::nullopt;
}

// Share of the layers' time that each roof limits, and the share of it that was reached.
std::string layers_reason(const Comparison& comparison, std::size_t device) {
  double total = 0;
  int steps = 0;
  std::map<std::string, std::pair<double, double>> roofs;  // time, time at the roof itself
  std::string subject;
  for (const Measurement& m : comparison.measurements) {
    if (m.device != device || !is_step(m)) continue;
    const std::optional<double> value = positive_value(&m);
    if (!value || (steps > 0 && m.subject != subject)) continue;
    subject = m.subject;
    ++steps;
    total += *value;
    if (m.roof.empty() || !m.of_roof || !std::isfinite(*m.of_roof)) continue;
    roofs[m.roof].first += *value;
    roofs[m.roof].second += *value * *m.of_roof;
  }
  if (steps == 0) return "";
  std::vector<std::string> parts;
  for (const auto& [roof, time] : roofs) {
    parts.push_back(fmt::format("{} of its time goes to steps that {} limits, at {} of that roof",
                                percent(time.first / total), roof == "FMA" ? "arithmetic" : roof,
                                percent(time.second / time.first)));
  }
  const std::optional<double> launch = launch_time(comparison, device);
  if (launch) {
    parts.push_back(fmt::format("launches of its {} alone would take {} of it",
                                plural(steps, "step", "steps"), percent(steps * *launch / total)));
  }
  if (parts.empty()) return "";
  return fmt::format("{} on {}: {}.", subject, device_label(comparison, device),
                     fmt::join(parts, "; "));
}

std::optional<double> median_share(const Comparison& comparison, std::size_t device) {
  std::vector<double> shares;
  for (const Measurement& m : comparison.measurements) {
    if (m.device == device && m.group == "kernels" && m.of_roof && sensible(*m.of_roof)) {
      shares.push_back(*m.of_roof);
    }
  }
  if (shares.empty()) return std::nullopt;
  return median(std::move(shares));
}

std::string roofs_reason(const Comparison& comparison, std::size_t one, std::size_t other) {
  std::vector<std::string> parts;
  const auto compare = [&](const char* what, const char* unit, const Number& a, const Number& b) {
    if (!a || !b) return;
    parts.push_back(fmt::format("{} {} times ({} to {} {})", what, ratio_number(*a / *b),
                                short_number(*a), short_number(*b), unit));
  };
  compare("arithmetic", "GFLOP/s", fma_peak(comparison, one), fma_peak(comparison, other));
  compare("copies on the device", "GB/s", copy_bandwidth(comparison, one),
          copy_bandwidth(comparison, other));
  compare("time of a launch", "us", launch_time(comparison, one), launch_time(comparison, other));
  if (parts.empty()) return "";
  return fmt::format("{} to {}: {}.", device_letter(one), device_letter(other),
                     fmt::join(parts, ", "));
}

// Where leads lie between the ratios of the two roofs; `leads` have names.
std::vector<std::string> lead_reasons(const Comparison& comparison,
                                      const std::vector<std::pair<std::string, Advantage>>& leads,
                                      std::size_t one, std::size_t other) {
  const Number peaks[] = {fma_peak(comparison, one), fma_peak(comparison, other)};
  const Number copies[] = {copy_bandwidth(comparison, one), copy_bandwidth(comparison, other)};
  if (!peaks[0] || !peaks[1] || !copies[0] || !copies[1]) return {};
  const double arithmetic = *peaks[0] / *peaks[1];
  const double memory = *copies[0] / *copies[1];
  const Number shares[] = {median_share(comparison, one), median_share(comparison, other)};
  std::vector<std::string> kinds[3];  // within the roofs' ratios, above them, below them
  for (const auto& [name, lead] : leads) {
    const std::size_t kind = lead.low > std::max(arithmetic, memory)    ? 1
                             : lead.high < std::min(arithmetic, memory) ? 2
                                                                        : 0;
    kinds[kind].push_back(fmt::format("{} ({} times)", name, ratio_number(lead.ratio)));
  }
  const char* const endings[] = {"as the ratios of the two roofs let expect",
                                 "more than the ratios of the two roofs explain",
                                 "less than the ratios of the two roofs allow"};
  std::vector<std::string> reasons;
  for (std::size_t kind = 0; kind < 3; ++kind) {
    if (kinds[kind].empty()) continue;
    reasons.push_back(fmt::format("{}'s lead in {} is {}: {} times for arithmetic, {} for memory.",
                                  device_letter(one), fmt::join(kinds[kind], " and "),
                                  endings[kind], ratio_number(arithmetic), ratio_number(memory)));
  }
  if (shares[0] && shares[1]) {
    reasons.push_back(fmt::format("The median kernel reaches {} of its roof on {} and {} on {}.",
                                  percent(*shares[0]), device_letter(one), percent(*shares[1]),
                                  device_letter(other)));
  }
  return reasons;
}

std::string one_device(const Comparison& comparison) {
  std::string text = fmt::format("{} alone was measured, so there is nothing to compare it with",
                                 device_label(comparison, 0));
  const Number peak = fma_peak(comparison, 0), copy = copy_bandwidth(comparison, 0);
  if (peak) text += fmt::format("; its arithmetic peak is {} GFLOP/s", short_number(*peak));
  if (copy) text += fmt::format("; it copies {} GB/s", short_number(*copy));
  return text + ".";
}

}  // namespace

std::vector<Work> works_of(const Comparison& comparison, std::string_view group) {
  std::vector<Work> works;
  std::unordered_map<std::string_view, std::size_t> known;
  for (const Measurement& m : comparison.measurements) {
    if (m.group != group || m.device >= comparison.devices.size()) continue;
    const auto [at, is_new] = known.try_emplace(m.key, works.size());
    if (is_new) {
      works.push_back({&m, std::vector<const Measurement*>(comparison.devices.size(), nullptr)});
    }
    const Measurement*& place = works[at->second].on[m.device];
    if (place == nullptr) place = &m;
  }
  return works;
}

std::string work_name(const Measurement& measurement) {
  return measurement.batch ? fmt::format("{}, batch {}", measurement.subject, *measurement.batch)
                           : measurement.subject;
}

std::optional<double> positive_value(const Measurement* measurement) {
  if (measurement == nullptr || !measurement->value || !sensible(*measurement->value)) {
    return std::nullopt;
  }
  return measurement->value;
}

std::pair<std::optional<double>, std::optional<double>> shown_interval(const Measurement& m) {
  if (!m.low || !m.high || !std::isfinite(*m.low) || !std::isfinite(*m.high) || *m.low < 0 ||
      *m.high < *m.low) {
    return {};
  }
  return {std::min(*m.low, kMost), std::min(*m.high, kMost)};
}

std::optional<Advantage> advantage(const Measurement* of, const Measurement* over) {
  if (!positive_value(of) || !positive_value(over) || of->unit != over->unit) return std::nullopt;
  const auto [low, high] = bounds(*of);
  const auto [other_low, other_high] = bounds(*over);
  Advantage result;
  const bool lower = of->lower_is_better;
  const Measurement& below = lower ? *of : *over;
  const Measurement& above = lower ? *over : *of;
  result.ratio = *above.value / *below.value;
  if (can_be_drawn(below) && can_be_drawn(above)) {
    const Interval drawn = bootstrap_ratio(below.samples, above.samples);
    result.low = std::min(drawn.low, result.ratio);
    result.high = std::max(drawn.high, result.ratio);
  } else {
    result.low = lower ? other_low / high : low / other_high;
    result.high = lower ? other_high / low : high / other_low;
  }
  result.beyond_noise =
      (high < other_low || other_high < low) && (result.low > 1 || result.high < 1);
  return result;
}

std::string to_text(const Advantage& advantage) {
  return fmt::format("{} times ({} to {})", ratio_number(advantage.ratio),
                     ratio_number(advantage.low), ratio_number(advantage.high));
}

std::optional<double> fma_peak(const Comparison& comparison, std::size_t device) {
  return measured_peak(comparison, device, "FMA f32", "peak_gflops");
}

std::optional<double> copy_bandwidth(const Comparison& comparison, std::size_t device) {
  return measured_peak(comparison, device, "copy on the device", "bandwidth_gbs");
}

std::optional<double> launch_time(const Comparison& comparison, std::size_t device) {
  return measured_peak(comparison, device, "launch", "launch_us");
}

std::optional<double> arithmetic_rate(const Measurement& m) {
  const std::optional<double> value = positive_value(&m);
  if (!value) return std::nullopt;
  if (m.unit == "GFLOP/s") return value;
  if (!m.flop || *m.flop <= 0 || !is_time(m.unit)) return std::nullopt;
  const double seconds = *value * (m.unit == "s"    ? 1
                                   : m.unit == "ms" ? 1e-3
                                   : m.unit == "us" ? 1e-6
                                                    : 1e-9);
  return *m.flop / seconds / 1e9;
}

std::string device_label(const Comparison& comparison, std::size_t device) {
  return fmt::format("{} ({})", shorten(comparison.devices[device].name, 60),
                     device_letter(device));
}

Headline make_headline(const Comparison& comparison) {
  Headline headline;
  const std::size_t devices = comparison.devices.size();
  if (devices == 0) {
    headline.verdicts.push_back("No device was measured.");
    return headline;
  }
  if (devices == 1) {
    headline.verdicts.push_back(one_device(comparison));
    if (std::string text = layers_reason(comparison, 0); !text.empty()) {
      headline.reasons.push_back(std::move(text));
    }
    return headline;
  }
  std::map<std::size_t, std::vector<std::string>> leads;  // by device
  std::vector<std::string> even;
  std::vector<std::pair<std::string, Advantage>> explained;  // leads of `pair`
  std::optional<std::pair<std::size_t, std::size_t>> pair;
  for (const std::string_view group : {"networks", "kernels", "compile", "memory", "energy"}) {
    const std::vector<Work> works = works_of(comparison, group);
    for (const Topic& topic : topics_of(works)) {
      const std::optional<std::size_t> best = best_device(topic.works, devices);
      if (!best) continue;
      Finding finding{topic.name, {}};
      std::optional<Advantage> least;  // over the device that comes closest
      for (std::size_t other = 0; other < devices; ++other) {
        if (other == *best) continue;
        const std::optional<Duel> of = duel(topic.works, *best, other);
        if (!of) continue;
        finding.claims.push_back(claim(topic, *of, *best, other, devices > 3));
        if (!least || of->mean.ratio < least->ratio) least = of->mean;
        if (group != "networks" && group != "kernels") continue;
        if (!pair) pair = std::pair(*best, other);
        if (of->mean.beyond_noise && *pair == std::pair(*best, other)) {
          explained.emplace_back(topic.short_name, of->mean);
        }
      }
      headline.findings.push_back(std::move(finding));
      if (!least->beyond_noise || least->ratio <= 1) {
        even.push_back(topic.short_name);
      } else {
        leads[*best].push_back(
            fmt::format("{} ({} times)", topic.short_name, ratio_number(least->ratio)));
      }
    }
  }
  for (const auto& [device, topics] : leads) {
    headline.verdicts.push_back(fmt::format("{} is better in {}.", device_label(comparison, device),
                                            fmt::join(topics, ", ")));
  }
  if (!even.empty()) {
    headline.verdicts.push_back(
        fmt::format("No difference beyond the noise in {}.", fmt::join(even, ", ")));
  }
  if (headline.verdicts.empty()) {
    headline.verdicts.push_back("The devices have no work in common that could be compared.");
  }
  if (!pair) pair = std::pair(std::size_t{0}, std::size_t{1});
  std::string roofs = roofs_reason(comparison, pair->first, pair->second);
  if (!roofs.empty()) headline.reasons.push_back(std::move(roofs));
  for (std::string& text : lead_reasons(comparison, explained, pair->first, pair->second)) {
    headline.reasons.push_back(std::move(text));
  }
  for (const std::size_t device : {pair->first, pair->second}) {
    std::string text = layers_reason(comparison, device);
    if (!text.empty()) headline.reasons.push_back(std::move(text));
  }
  return headline;
}

}  // namespace pinnacle::bench
