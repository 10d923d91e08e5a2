// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/median.hpp"
#include "bench/compare/headline.hpp"
#include "bench/summary.hpp"
#include "bench/table.hpp"

namespace pinnacle::bench {
namespace {

constexpr std::size_t kDevicesPerTable = 3;
constexpr std::size_t kStepsShown = 6;

// Those of the tables: single steps have one of their own.
std::vector<Work> table_works(const Comparison& comparison, std::string_view group) {
  std::vector<Work> works = works_of(comparison, group);
  std::erase_if(works, [](const Work& work) { return is_step(*work.first); });
  return works;
}

std::string label(const Measurement& m) {
  if (m.group == "peaks" || m.group == "kernels" || m.group == "accuracy") return m.subject;
  std::string text = m.subject + ' ' + m.quantity;
  if (m.batch) text += fmt::format(", batch {}", *m.batch);
  return text;
}

// The kernels' names without their parameters.
std::string short_kernels(const std::string& kernels) {
  std::string text;
  for (std::size_t from = 0; from < kernels.size();) {
    const std::size_t to = std::min(kernels.find("; ", from), kernels.size());
    const std::string call = kernels.substr(from, to - from);
    text += (text.empty() ? "" : ", ") + call.substr(0, call.find(" {"));
    from = to + 2;
  }
  return text;
}

// How many times as good `a` is as `b`; 0 if that cannot be said.
double gain_of(const Measurement* a, const Measurement* b) {
  if (a == nullptr || b == nullptr || !a->value || !b->value) return 0;
  if (*a->value <= 0 || *b->value <= 0) return 0;
  return a->lower_is_better ? *b->value / *a->value : *a->value / *b->value;
}

// At most 1; 0 if there is no value.
double ratio_to_best(const Work& work, const Measurement* m) {
  double ratio = gain_of(m, m);
  for (const Measurement* other : work.on) {
    const double against = gain_of(m, other);
    if (against > 0) ratio = std::min(ratio, against);
  }
  return ratio;
}

std::string short_percent(double share) {
  std::string text = percent(share);
  std::erase(text, ' ');
  return text;
}

std::string value_cell(const Measurement* m) {
  if (m == nullptr) return "-";
  if (m->value) return number(*m->value);
  if (m->failed) return "failed";
  return m->problem.rfind("too slow", 0) == 0 ? "too slow" : "n/a";
}

std::string roof_cell(const Measurement* m) {
  if (m == nullptr || !m->of_roof) return "-";
  return short_percent(*m->of_roof) + ' ' + m->roof;
}

std::string device_title(const Comparison& comparison, std::size_t d) {
  const ComparedDevice& device = comparison.devices[d];
  return device.index < 0 ? device.kind : fmt::format("device {}", device.index);
}

// Tables of at most kDevicesPerTable devices each.
std::string value_tables(const Comparison& comparison, const std::vector<Work>& works) {
  std::string text;
  for (std::size_t first = 0; first < comparison.devices.size(); first += kDevicesPerTable) {
    const std::size_t end = std::min(first + kDevicesPerTable, comparison.devices.size());
    std::vector<Column> columns = {{.title = "what", .wraps = true}, {.title = "unit"}};
    for (std::size_t d = first; d < end; ++d) {
      columns.push_back({.title = device_title(comparison, d), .right = true});
      columns.push_back({.title = "best", .right = true, .min_width = 5});
    }
    Table table(columns);
    for (const Work& work : works) {
      std::vector<std::string> cells = {label(*work.first), work.first->unit};
      for (std::size_t d = first; d < end; ++d) {
        const Measurement* m = work.on[d];
        const double ratio = ratio_to_best(work, m);
        cells.push_back(value_cell(m));
        cells.push_back(ratio > 0 ? short_percent(ratio) : "");
      }
      table.add(std::move(cells));
    }
    text += table.text() + '\n';
  }
  return text;
}

std::string roof_tables(const Comparison& comparison, const std::vector<Work>& works) {
  const bool any = std::any_of(works.begin(), works.end(), [](const Work& work) {
    return std::any_of(work.on.begin(), work.on.end(),
                       [](const Measurement* m) { return m != nullptr && m->of_roof; });
  });
  if (!any) return "";
  std::string text = "kernels, share of each device's own roof\n";
  for (std::size_t first = 0; first < comparison.devices.size(); first += kDevicesPerTable) {
    const std::size_t end = std::min(first + kDevicesPerTable, comparison.devices.size());
    std::vector<Column> columns = {{.title = "what", .wraps = true}};
    for (std::size_t d = first; d < end; ++d) {
      columns.push_back({.title = device_title(comparison, d), .right = true, .min_width = 9});
    }
    Table table(columns);
    for (const Work& work : works) {
      std::vector<std::string> cells = {label(*work.first)};
      for (std::size_t d = first; d < end; ++d) cells.push_back(roof_cell(work.on[d]));
      table.add(std::move(cells));
    }
    text += table.text() + '\n';
  }
  return text;
}

// The steps that take longest, device by device: devices may run different ones.
std::string step_tables(const Comparison& comparison) {
  std::string text;
  for (std::size_t d = 0; d < comparison.devices.size(); ++d) {
    std::vector<const Measurement*> steps;
    double total = 0;
    for (const Measurement& m : comparison.measurements) {
      if (!is_step(m) || m.device != d || !m.value) continue;
      steps.push_back(&m);
      total += *m.value;
    }
    if (steps.empty() || total <= 0) continue;
    std::stable_sort(steps.begin(), steps.end(), [](const Measurement* a, const Measurement* b) {
      return *a->value > *b->value;
    });
    text += fmt::format("{}, the longest of {} steps of {}\n", device_title(comparison, d),
                        steps.size(), steps.front()->subject);
    steps.resize(std::min(steps.size(), kStepsShown));
    Table table({{.title = "step", .wraps = true},
                 {.title = "us", .right = true},
                 {.title = "share", .right = true},
                 {.title = "of roof", .right = true},
                 {.title = "kernel", .wraps = true}});
    for (const Measurement* m : steps) {
      table.add({m->quantity, number(*m->value), short_percent(*m->value / total), roof_cell(m),
                 short_kernels(m->kernel)});
    }
    text += table.text() + '\n';
  }
  return text;
}

std::string paragraph(const std::string& text, const std::string& indent = "") {
  std::string all;
  for (const std::string& line : wrap(text, kTerminalWidth - indent.size())) {
    all += (all.empty() ? "" : indent) + line + '\n';
  }
  return all;
}

// Why there is no value, once for all that have the same reason; and which kernels ran.
std::string notes(const Comparison& comparison) {
  std::string text;
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons;
  for (const Measurement& m : comparison.measurements) {
    if (m.value) continue;
    const std::string reason =
        device_title(comparison, m.device) + (m.failed ? " failed: " : ": ") + m.problem;
    auto at = std::find_if(reasons.begin(), reasons.end(),
                           [&](const auto& pair) { return pair.first == reason; });
    if (at == reasons.end()) at = reasons.insert(reasons.end(), {reason, {}});
    // Latency, throughput and memory of the same work have it in common.
    std::string what = m.subject;
    if (m.batch) {
      what += fmt::format(" {}, batch {}", m.quantity.substr(0, m.quantity.find(' ')), *m.batch);
    }
    std::vector<std::string>& all = at->second;
    if (std::find(all.begin(), all.end(), what) == all.end()) all.push_back(std::move(what));
  }
  for (const auto& [reason, labels] : reasons) {
    text += paragraph(fmt::format("- {} ({})", reason, fmt::join(labels, "; ")), "  ");
  }
  for (std::size_t d = 0; d < comparison.devices.size(); ++d) {
    std::vector<std::string> variants;
    for (const Measurement& m : comparison.measurements) {
      if (m.device != d || m.group != "kernels" || m.kernel.empty()) continue;
      if (std::find(variants.begin(), variants.end(), m.kernel) == variants.end()) {
        variants.push_back(m.kernel);
      }
    }
    if (variants.empty()) continue;
    text += paragraph(fmt::format("- {} ran the kernels as {}", device_title(comparison, d),
                                  fmt::join(variants, "; ")),
                      "  ");
  }
  return text.empty() ? "" : "Notes:\n" + text + '\n';
}

// ---- The last paragraph ------------------------------------------------------------------------

struct Purpose {
  const char* name;
  const char* group;
  const char* quantity;  // a part of it
};
constexpr Purpose kPurposes[] = {
    {"single kernels", "kernels", "rate"},
    {"short answers (inference latency)", "networks", "inference latency"},
    {"many samples (inference throughput)", "networks", "inference throughput"},
    {"training", "networks", "training throughput"}};

// What device a gains over device b in each row that both have.
std::vector<double> gains(const std::vector<Work>& works, const char* quantity, std::size_t a,
                          std::size_t b) {
  std::vector<double> all;
  for (const Work& work : works) {
    if (work.first->quantity.find(quantity) == std::string::npos) continue;
    const double gain = gain_of(work.on[a], work.on[b]);
    if (gain > 0) all.push_back(gain);
  }
  return all;
}

// "for training device 0 is 17 times as good as device 1 (5.2 to 30 times, 4 cases)"
std::string verdict(const Comparison& comparison, const Purpose& purpose) {
  const std::vector<Work> works = table_works(comparison, purpose.group);
  const std::size_t devices = comparison.devices.size();
  for (std::size_t a = 0; a < devices; ++a) {
    std::vector<std::string> others;
    bool best = true;
    for (std::size_t b = 0; b < devices && best; ++b) {
      if (a == b) continue;
      const std::vector<double> all = gains(works, purpose.quantity, a, b);
      if (all.empty()) continue;
      const double mean = geometric_mean(all);
      best = mean > 1 || (mean == 1 && a < b);
      const auto [least, most] = std::minmax_element(all.begin(), all.end());
      std::string other =
          fmt::format("{} times as good as {}", number(mean), device_title(comparison, b));
      if (all.size() > 1) {
        other += fmt::format(" ({} to {} in {} cases)", number(*least), number(*most), all.size());
      }
      others.push_back(std::move(other));
    }
    if (!best || others.empty()) continue;
    return fmt::format("For {} {} is {}.", purpose.name, device_title(comparison, a),
                       fmt::join(others, ", "));
  }
  return "";
}

// "Device 0: 117 GFLOP/s FMA and 24 GB/s copy; its kernels reach 87% of what limits them (median)."
std::string reason(const Comparison& comparison, std::size_t d) {
  const auto value = [&](const char* key) {
    const Measurement* m = comparison.find(key, d);
    return m != nullptr && m->value ? *m->value : 0;
  };
  const double fma = value("peaks/FMA f32");
  const double copy = value("peaks/copy on the device");
  std::vector<double> shares;
  for (const Measurement& m : comparison.measurements) {
    if (m.device == d && m.group == "kernels" && m.of_roof) shares.push_back(*m.of_roof);
  }
  std::vector<std::string> parts;
  if (fma > 0 && copy > 0) {
    parts.push_back(fmt::format("its roofs are {} GFLOP/s and {} GB/s", number(fma), number(copy)));
  }
  if (!shares.empty()) {
    const double best = *std::max_element(shares.begin(), shares.end());
    parts.push_back(fmt::format("its kernels reach {} of them in the median, {} at best",
                                short_percent(median(shares)), short_percent(best)));
  }
  if (const double launch = value("peaks/launch"); launch > 0) {
    parts.push_back(fmt::format("a launch costs {} us", number(launch)));
  }
  if (parts.empty()) return "";
  return fmt::format("{}: {}.", device_title(comparison, d), fmt::join(parts, "; "));
}

// "Device 0's roofs are 346 times (FMA) and 11 times (copy) those of device 1."
std::string roof_ratios(const Comparison& comparison, std::size_t a, std::size_t b) {
  const auto gain = [&](const char* key) {
    return gain_of(comparison.find(key, a), comparison.find(key, b));
  };
  const double fma = gain("peaks/FMA f32");
  const double copy = gain("peaks/copy on the device");
  if (fma <= 0 || copy <= 0) return "";
  return fmt::format("The roofs of {} are {} times (FMA) and {} times (copy) those of {}.",
                     device_title(comparison, a), number(fma), number(copy),
                     device_title(comparison, b));
}

std::string conclusion(const Comparison& comparison) {
  std::string text;
  const auto add = [&](std::string sentence) {
    if (sentence.empty()) return;
    sentence[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence[0])));
    text += (text.empty() ? "" : " ") + sentence;
  };
  for (const Purpose& purpose : kPurposes) add(verdict(comparison, purpose));
  for (std::size_t d = 1; d < comparison.devices.size(); ++d) add(roof_ratios(comparison, 0, d));
  for (std::size_t d = 0; d < comparison.devices.size(); ++d) add(reason(comparison, d));
  return text.empty() ? "" : paragraph(text);
}

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string all = "\"";
  for (const char c : text) {
    if (c == '"') all += '"';
    all += c;
  }
  return all + '"';
}

std::string plain(const std::optional<double>& value) {
  return value ? fmt::format("{:.9g}", *value) : "";
}

}  // namespace

std::string comparison_text(const Comparison& comparison) {
  std::string text;
  for (std::size_t d = 0; d < comparison.devices.size(); ++d) {
    const ComparedDevice& device = comparison.devices[d];
    text += paragraph(
        fmt::format("{}: {} ({})", device_title(comparison, d), device.name, device.platform),
        "  ");
  }
  text += '\n';
  for (const std::string_view group : kGroups) {
    const std::vector<Work> works = table_works(comparison, group);
    if (works.empty()) continue;
    text += std::string(group) + '\n' + value_tables(comparison, works);
    if (group == "kernels") text += roof_tables(comparison, works);
    if (group == "layers") text += step_tables(comparison);
  }
  text += notes(comparison) + conclusion(comparison);
  if (!comparison.complete) text += "\nNot all of the suite was measured.\n";
  return text;
}

std::string comparison_csv(const Comparison& comparison) {
  std::string text =
      "device,device name,platform,group,key,subject,quantity,batch,unit,value,low,high,samples,"
      "lower is better,share of roof,roof,flop,bytes,kernel,problem,failed\n";
  for (const Measurement& m : comparison.measurements) {
    const ComparedDevice& device = comparison.devices[m.device];
    const std::vector<std::string> cells = {std::to_string(device.index),
                                            device.name,
                                            device.platform,
                                            m.group,
                                            m.key,
                                            m.subject,
                                            m.quantity,
                                            m.batch ? std::to_string(*m.batch) : "",
                                            m.unit,
                                            plain(m.value),
                                            plain(m.low),
                                            plain(m.high),
                                            std::to_string(m.samples.size()),
                                            m.lower_is_better ? "true" : "false",
                                            plain(m.of_roof),
                                            m.roof,
                                            plain(m.flop),
                                            plain(m.bytes),
                                            m.kernel,
                                            m.problem,
                                            m.failed ? "true" : "false"};
    for (std::size_t i = 0; i < cells.size(); ++i) text += (i > 0 ? "," : "") + quoted(cells[i]);
    text += '\n';
  }
  return text;
}

}  // namespace pinnacle::bench
