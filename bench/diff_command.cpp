// pinnacle-bench diff: what became faster or slower between two files of `compare`.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <string>
#include <vector>

#include "bench/commands.hpp"
#include "bench/compare/difference.hpp"
#include "bench/output.hpp"
#include "bench/table.hpp"

namespace pinnacle::bench {
namespace {

constexpr std::size_t kWidth = 110;    // names of layers and kernels are long
constexpr double kWorthSaying = 0.01;  // of a drift

std::string value_text(const Measurement& m) { return m.value ? number(*m.value) : "-"; }

std::string subject_text(const Change& change, const Difference& difference) {
  const Measurement& m = change.after;
  // A layer's subject is its net; which step it is stands in the key.
  const std::string what =
      m.group == "layers" ? m.key : fmt::format("{} {}", m.subject, m.quantity);
  const std::string batch = m.batch ? fmt::format(", batch {}", *m.batch) : "";
  const std::string device = difference.devices.size() > 1
                                 ? fmt::format(" on {}", difference.devices[change.device].name)
                                 : "";
  return what + batch + device;
}

std::string kernel_text(const Change& change) {
  const std::string& a = change.before.kernel;
  const std::string& b = change.after.kernel;
  if (a == b) return a.empty() ? "-" : a;
  return fmt::format("{} -> {}", a.empty() ? "-" : a, b.empty() ? "-" : b);
}

std::string table_of(const Difference& difference, Verdict verdict) {
  Table table({{.title = "subject", .wraps = true},
               {.title = "kernel", .wraps = true},
               {.title = "before", .right = true},
               {.title = "after", .right = true},
               {.title = "after/before", .right = true},
               {.title = "95 % interval"},
               {.title = "unit"}});
  for (const Change& change : difference.changes) {
    if (change.verdict != verdict) continue;
    table.add({subject_text(change, difference), kernel_text(change), value_text(change.before),
               value_text(change.after), number(change.ratio),
               fmt::format("{} to {}", number(change.low), number(change.high)),
               change.after.unit});
  }
  return table.empty() ? "" : table.text(kWidth) + '\n';
}

std::string problems_text(const Difference& difference) {
  std::string text;
  for (const Change& change : difference.changes) {
    if (change.verdict != Verdict::problem) continue;
    text += fmt::format("- {}: {}\n", subject_text(change, difference), change.after.problem);
  }
  for (const Unpaired& only : difference.only_after) {
    if (!only.measurement.failed) continue;
    text += fmt::format("- {} on {}, new in B: {}\n", only.measurement.key, only.device,
                        only.measurement.problem);
  }
  return text.empty() ? "" : "New problems:\n" + text + '\n';
}

std::string drifts_text(const Difference& difference) {
  std::string text;
  for (const DevicePair& device : difference.devices) {
    if (std::fabs(device.drift - 1) < kWorthSaying) continue;
    text += fmt::format(
        "{}: everything takes {} {} in B (median of {} quantities), taken for the machine's\n",
        device.name, percent(std::fabs(device.drift - 1)), device.drift > 1 ? "longer" : "less",
        device.tested);
  }
  return text;
}

std::string shared_text(const Difference& difference) {
  std::string text;
  for (const SharedKernel& kernel : difference.shared) {
    text += fmt::format(
        "in common: {} ran in {} of the {} entries with a kernel that are slower, and in {} of the "
        "{} others\n",
        kernel.name, kernel.slower, kernel.of_slower, kernel.others, kernel.of_others);
  }
  return text;
}

std::string unpaired_text(const char* file, const std::vector<Unpaired>& list) {
  if (list.empty()) return "";
  std::string text = fmt::format("\nOnly in {}:\n", file);
  for (const Unpaired& only : list) {
    text += fmt::format("- {} on {}\n", only.measurement.key, only.device);
  }
  return text;
}

std::string text_of(const Difference& difference, bool all) {
  std::string text;
  for (const std::string& note : difference.notes) text += fmt::format("note: {}\n", note);
  if (!text.empty()) text += '\n';
  const std::string slower = table_of(difference, Verdict::worse);
  const std::string faster = table_of(difference, Verdict::better);
  if (!slower.empty()) text += "Slower, or worse:\n" + slower;
  if (!faster.empty()) text += "Faster, or better:\n" + faster;
  text += problems_text(difference);
  if (all) {
    const std::string unchanged = table_of(difference, Verdict::unchanged);
    if (!unchanged.empty()) text += "Unchanged:\n" + unchanged;
  }
  text += drifts_text(difference) + shared_text(difference);
  if (slower.empty() && faster.empty()) {
    text += fmt::format("no change beyond {} and the noise\n", percent(difference.threshold));
  }
  text += fmt::format(
      "{} slower, {} faster, {} unchanged, {} new problems, {} solved; "
      "{} only in A, {} only in B\n",
      difference.count(Verdict::worse), difference.count(Verdict::better),
      difference.count(Verdict::unchanged), difference.count(Verdict::problem),
      difference.count(Verdict::solved), difference.only_before.size(),
      difference.only_after.size());
  if (all) {
    text += unpaired_text("A", difference.only_before) + unpaired_text("B", difference.only_after);
  }
  return text;
}

Json change_json(const Change& change, const Difference& difference) {
  const auto number_or_null = [](double value) {
    return std::isfinite(value) ? Json(value) : Json(nullptr);
  };
  const Measurement& m = change.after;
  Json json = {{"key", m.key},
               {"device", difference.devices[change.device].name},
               {"group", m.group},
               {"subject", m.subject},
               {"quantity", m.quantity},
               {"unit", m.unit},
               {"verdict", std::string(to_string(change.verdict))}};
  if (!change.before.kernel.empty()) json["kernel_before"] = change.before.kernel;
  if (!m.kernel.empty()) json["kernel"] = m.kernel;
  if (change.before.value) json["before"] = *change.before.value;
  if (m.value) json["after"] = *m.value;
  if (change.before.value && m.value) {
    json["ratio"] = number_or_null(change.ratio);
    json["low"] = number_or_null(change.low);
    json["high"] = number_or_null(change.high);
    json["p"] = change.p;
  }
  if (!m.problem.empty()) json["problem"] = m.problem;
  return json;
}

Json unpaired_json(const std::vector<Unpaired>& list) {
  Json json = Json::array();
  for (const Unpaired& only : list) {
    Json entry = {{"key", only.measurement.key}, {"device", only.device}};
    if (!only.measurement.problem.empty()) entry["problem"] = only.measurement.problem;
    if (only.measurement.failed) entry["failed"] = true;
    json.push_back(std::move(entry));
  }
  return json;
}

Json json_of(const Difference& difference, const DiffOptions& options) {
  Json json = {
      {"format", "pinnacle difference 1"}, {"a", options.files[0]},    {"b", options.files[1]},
      {"threshold", difference.threshold}, {"devices", Json::array()}, {"changes", Json::array()}};
  for (const DevicePair& device : difference.devices) {
    json["devices"].push_back({{"name", device.name},
                               {"by_position", device.by_position},
                               {"drift", device.drift},
                               {"spread", device.spread}});
  }
  for (const Change& change : difference.changes) {
    if (!options.all && change.verdict == Verdict::unchanged) continue;
    json["changes"].push_back(change_json(change, difference));
  }
  json["counts"] = {{"slower", difference.count(Verdict::worse)},
                    {"faster", difference.count(Verdict::better)},
                    {"unchanged", difference.count(Verdict::unchanged)},
                    {"problems", difference.count(Verdict::problem)},
                    {"solved", difference.count(Verdict::solved)}};
  json["shared_kernels"] = Json::array();
  for (const SharedKernel& kernel : difference.shared) {
    json["shared_kernels"].push_back({{"name", kernel.name},
                                      {"slower", kernel.slower},
                                      {"of_slower", kernel.of_slower},
                                      {"others", kernel.others},
                                      {"of_others", kernel.of_others}});
  }
  json["only_a"] = unpaired_json(difference.only_before);
  json["only_b"] = unpaired_json(difference.only_after);
  json["notes"] = difference.notes;
  return json;
}

}  // namespace

int run_diff(const DiffOptions& options) {
  const Output output(options.json);
  const Comparison before = load_comparison(options.files[0]);
  const Comparison after = load_comparison(options.files[1]);
  const Difference result = difference(before, after, options.threshold / 100);
  output.text(text_of(result, options.all));
  output.json(json_of(result, options));
  return result.is_worse() ? 1 : 0;
}

}  // namespace pinnacle::bench
