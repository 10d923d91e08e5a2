// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/files.hpp"
#include "bench/compare/headline.hpp"
#include "bench/compare/page_style.hpp"
#include "bench/compare/svg.hpp"
#include "bench/table.hpp"

namespace pinnacle::bench {
namespace {

constexpr std::size_t kMostBlocks = 16;  // of bars in one plot
constexpr std::size_t kMostLayers = 12;
constexpr double kNearBest = 0.95;

using Number = std::optional<double>;

struct Row {
  const Work* work;
  std::vector<std::optional<Advantage>> over_first;  // by device
};
// Works with one quantity and unit, which can share a table's columns.
struct Quantity {
  std::string name, unit;
  std::vector<Row> rows;
};

std::string cell(std::string_view text) { return fmt::format("<td>{}</td>", escape_html(text)); }

std::string number_cell(const Number& value, const std::string& shown) {
  if (!value || !std::isfinite(*value)) return "<td class=\"n\">-</td>";
  return fmt::format("<td class=\"n\" data-value=\"{}\">{}</td>", *value, shown);
}

std::string number_cell(const Number& value) {
  return number_cell(value, value ? short_number(*value) : "");
}

std::string percent_cell(const Number& share) {
  return number_cell(share, share ? fmt::format("{:.3g}", 100 * *share) : "");
}

std::string head_cell(std::string_view text, std::string_view unit = "", bool number = false) {
  std::string html =
      fmt::format("<th scope=\"col\"{}>{}", number ? " class=\"n\"" : "", escape_html(text));
  if (!unit.empty()) html += fmt::format("<small>{}</small>", escape_html(unit));
  return html + "</th>";
}

std::string row_head(std::string_view text, std::string_view hover = "") {
  const std::string title = hover.empty() ? "" : fmt::format(" title=\"{}\"", escape_html(hover));
  return fmt::format("<th scope=\"row\"{}>{}</th>", title, escape_html(text));
}

// A table in a box of its own, which scrolls where it is wider than the page.
std::string table(const std::string& id, const std::string& caption, const std::string& head,
                  const std::string& body) {
  return fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{1}\"><table id=\"{0}\">"
      "<caption>{1}</caption><thead><tr>{2}</tr></thead><tbody>{3}</tbody></table></div>\n",
      id, escape_html(caption), head, body);
}

std::string details(const std::string& summary, const std::string& contents) {
  return fmt::format("<details><summary>{}</summary>{}</details>\n", escape_html(summary),
                     contents);
}

std::string figure(const std::string& svg, const std::string& caption) {
  return fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", svg, escape_html(caption));
}

std::string capital(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text;
}

std::string ratio_text(const Advantage& advantage) {
  return (advantage.beyond_noise ? "" : "\xE2\x89\x88") + short_number(advantage.ratio);
}

// The part of the key after the last '/': the step of a plan.
std::string step_name(const Measurement& m) {
  return m.key.substr(m.key.rfind('/') + 1);  // npos + 1 is 0
}

bool is_time(const std::string& unit) {
  return unit == "s" || unit == "ms" || unit == "us" || unit == "ns";
}

Number rate_of(const Measurement& m) {
  const Number value = positive_value(&m);
  if (!value) return std::nullopt;
  if (m.unit == "GFLOP/s") return value;
  if (!m.flop || *m.flop <= 0 || !is_time(m.unit)) return std::nullopt;
  const double seconds = *value * (m.unit == "s"    ? 1
                                   : m.unit == "ms" ? 1e-3
                                   : m.unit == "us" ? 1e-6
                                                    : 1e-9);
  return *m.flop / seconds / 1e9;
}

class Page {
 public:
  explicit Page(const Comparison& comparison)
      : comparison_(comparison), devices_(comparison.devices.size()) {}

  std::string text() {
    headline();
    device_tables();
    roofline();
    networks();
    sweeps();
    layers();
    plain_group("compile", "Compile time", true);
    plain_group("memory", "Memory", true);
    plain_group("accuracy", "Accuracy", false);
    plain_group("energy", "Energy", true);
    problems();
    environment();
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
        "'unsafe-inline'\">\n"
        "<title>{0}</title>\n<style>{1}</style>\n</head>\n<body>\n<header>\n<h1>{0}</h1>\n{2}"
        "<nav aria-label=\"Sections\"><ul>{3}</ul></nav>\n</header>\n<main>\n{4}</main>\n</body>\n"
        "</html>\n",
        escape_html(title()), kPageStyle, preface(), links_, body_);
  }

 private:
  void section(const std::string& id, const std::string& heading, const std::string& contents) {
    links_ += fmt::format("<li><a href=\"#{}\">{}</a></li>", id, escape_html(heading));
    body_ += fmt::format(
        "<section id=\"{0}\" aria-labelledby=\"{0}-heading\"><h2 "
        "id=\"{0}-heading\">{1}</h2>\n{2}</section>\n",
        id, escape_html(heading), contents);
  }

  std::string new_id(const char* what) { return fmt::format("{}-{}", what, ++ids_); }

  std::string title() const {
    if (devices_ == 1) return comparison_.devices[0].name + ": what it can do";
    if (devices_ == 2) {
      return fmt::format("{} and {}", comparison_.devices[0].name, comparison_.devices[1].name);
    }
    return fmt::format("{} devices compared", devices_);
  }

  std::string preface() const {
    const Environment& e = comparison_.environment;
    std::string html =
        fmt::format("<p class=\"meta\">Suite {}, measured {} with Pinnacle {}</p>\n",
                    escape_html(comparison_.suite), escape_html(e.date), escape_html(e.pinnacle));
    if (!comparison_.complete) {
      html +=
          "<p class=\"notice\">This comparison is not complete: not all of its suite was "
          "measured.</p>\n";
    }
    return html;
  }

  void headline() {
    const Headline found = make_headline(comparison_);
    std::string html = fmt::format("<p class=\"verdict\">{}</p>\n", escape_html(found.verdict));
    if (!found.findings.empty()) html += "<div class=\"findings\">";
    for (const Finding& finding : found.findings) {
      html += fmt::format("<div><h3>{}</h3><ul>", escape_html(finding.topic));
      for (const std::string& claim : finding.claims) {
        html += fmt::format("<li>{}</li>", escape_html(claim));
      }
      html += "</ul></div>";
    }
    if (!found.findings.empty()) html += "</div>\n";
    if (!found.reasons.empty()) {
      html += devices_ > 1 ? "<h3>Why</h3>" : "<h3>Where its time goes</h3>";
      html += "<ul class=\"reasons\">";
      for (const std::string& reason : found.reasons) {
        html += fmt::format("<li>{}</li>", escape_html(reason));
      }
      html += "</ul>\n";
    }
    section("headline", "Summary", html);
  }

  std::string tag(std::size_t device) const {
    return fmt::format("<b class=\"tag d{}\">{}</b> {}", device % 8, device_letter(device),
                       escape_html(comparison_.devices[device].name));
  }

  std::string device_row_head(std::size_t device) const {
    return fmt::format("<th scope=\"row\">{}</th>", tag(device));
  }

  void device_tables() {
    std::string head =
        head_cell("Device") + head_cell("Platform") + head_cell("Driver") + head_cell("Kind");
    struct Limit {
      const char *key, *name, *unit;
      double scale;
    };
    constexpr Limit kLimits[] = {{"compute_units", "Compute units", "count", 1},
                                 {"vector_lanes", "Vector lanes", "count", 1},
                                 {"global_memory_bytes", "Memory", "GiB", 1.0 / (1 << 30)},
                                 {"local_memory_bytes", "Local memory", "KiB", 1.0 / 1024}};
    const auto limit = [&](std::size_t device, const Limit& of) -> Number {
      const Json& json = comparison_.devices[device].details;
      if (!json.is_object() || !json.contains(of.key) || !json[of.key].is_number()) {
        return std::nullopt;
      }
      const double value = json[of.key].get<double>() * of.scale;
      return std::isfinite(value) ? Number(value) : std::nullopt;
    };
    for (const Limit& of : kLimits) head += head_cell(of.name, of.unit, true);
    std::string body;
    for (std::size_t d = 0; d < devices_; ++d) {
      const ComparedDevice& device = comparison_.devices[d];
      body += "<tr>" + device_row_head(d) + cell(device.platform) + cell(device.driver) +
              cell(device.kind);
      for (const Limit& of : kLimits) {
        const Number value = limit(d, of);
        body += number_cell(value, value ? fmt::format("{:.4g}", *value) : "");
      }
      body += "</tr>";
    }
    std::string html = table("devices-table", "Devices and their limits", head, body);
    const std::vector<Work> peaks = works_of(comparison_, "peaks");
    if (!peaks.empty()) {
      head = head_cell("Device");
      for (const Work& peak : peaks) {
        head += head_cell(peak.first->subject, peak.first->unit + ", 95 % interval", true);
      }
      body.clear();
      for (std::size_t d = 0; d < devices_; ++d) {
        body += "<tr>" + device_row_head(d);
        for (const Work& peak : peaks) body += value_cell(peak, d);
        body += "</tr>";
      }
      html += table("peaks-table", "Measured peaks", head, body);
    }
    section("devices", "Devices", html);
  }

  std::string value_cell(const Work& work, std::size_t device) const {
    const Measurement* m = work.on[device];
    if (m == nullptr) return "<td class=\"n\">-</td>";
    if (!m->value || !std::isfinite(*m->value)) {
      return fmt::format("<td class=\"n muted\"><a href=\"#problems\">{}</a></td>",
                         m->failed ? "failed" : "none");
    }
    std::string interval;
    if (m->low && m->high && std::isfinite(*m->low) && std::isfinite(*m->high)) {
      interval =
          fmt::format("<small>{} to {}</small>", short_number(*m->low), short_number(*m->high));
    }
    const std::string unit = m->unit == work.first->unit ? "" : " " + escape_html(m->unit);
    return fmt::format(
        "<td class=\"n\" data-key=\"{}\" data-device=\"{}\" data-value=\"{}\">{}{}{}</td>",
        escape_html(m->key), device, *m->value, short_number(*m->value), unit, interval);
  }

  std::vector<Quantity> quantities(const std::vector<Work>& works) const {
    std::vector<Quantity> all;
    std::map<std::pair<std::string, std::string>, std::size_t> known;
    for (const Work& work : works) {
      const Measurement& m = *work.first;
      const auto [at, is_new] = known.try_emplace({m.quantity, m.unit}, all.size());
      if (is_new) all.push_back({m.quantity, m.unit, {}});
      Row row{&work, std::vector<std::optional<Advantage>>(devices_)};
      for (std::size_t d = 1; d < devices_; ++d) {
        row.over_first[d] = advantage(work.on[d], work.on[0]);
      }
      all[at->second].rows.push_back(std::move(row));
    }
    return all;
  }

  std::string value_table(const std::string& id, const Quantity& quantity, bool ratios) const {
    std::string head = head_cell("Work");
    for (std::size_t d = 0; d < devices_; ++d) {
      head += fmt::format("<th scope=\"col\" class=\"n\">{}<small>{}, 95 % interval</small></th>",
                          tag(d), escape_html(quantity.unit));
    }
    for (std::size_t d = 1; ratios && d < devices_; ++d) {
      head +=
          head_cell(fmt::format("{} to A", device_letter(d)), "times as good, 95 % interval", true);
    }
    std::string body;
    for (const Row& row : quantity.rows) {
      body += "<tr>" + row_head(work_name(*row.work->first), row.work->first->key);
      for (std::size_t d = 0; d < devices_; ++d) body += value_cell(*row.work, d);
      for (std::size_t d = 1; ratios && d < devices_; ++d) body += ratio_cell(row.over_first[d]);
      body += "</tr>";
    }
    return table(id, fmt::format("{}, {}", capital(quantity.name), quantity.unit), head, body);
  }

  static std::string ratio_cell(const std::optional<Advantage>& of) {
    if (!of) return "<td class=\"n\">-</td>";
    const char* const kind = !of->beyond_noise ? "" : of->ratio > 1 ? " better" : " worse";
    const char* const noise = of->beyond_noise ? "" : "<small>within the noise</small>";
    return fmt::format("<td class=\"n{}\" data-ratio=\"{}\">{}<small>{} to {}</small>{}</td>", kind,
                       of->ratio, ratio_text(*of), short_number(of->low), short_number(of->high),
                       noise);
  }

  void roofline() {
    std::vector<Roof> roofs;
    bool any_roof = false;
    for (std::size_t d = 0; d < devices_; ++d) {
      roofs.push_back({.device = d,
                       .name = comparison_.devices[d].name,
                       .peak = fma_peak(comparison_, d),
                       .bandwidth = copy_bandwidth(comparison_, d)});
      any_roof = any_roof || roofs.back().peak || roofs.back().bandwidth;
    }
    std::vector<RooflinePoint> points;
    std::string body;
    for (const Measurement& m : comparison_.measurements) {
      if (m.group != "kernels" || m.device >= devices_) continue;
      const Number rate = rate_of(m);
      const Number flop = m.flop, bytes = m.bytes;
      if (!rate || !flop || !bytes || !(*flop > 0) || !(*bytes > 0)) continue;
      const double intensity = *flop / *bytes;
      if (!std::isfinite(intensity) || intensity < 1e-50 || !std::isfinite(*rate)) continue;
      const std::string share = m.of_roof ? ", " + percent(*m.of_roof) + " of its roof" : "";
      points.push_back({.device = m.device,
                        .intensity = intensity,
                        .rate = *rate,
                        .key = m.key,
                        .label = fmt::format("{}: {}, {} GFLOP/s{}", device_letter(m.device),
                                             m.subject, short_number(*rate), share)});
      body += "<tr>" + row_head(work_name(m), m.key) + fmt::format("<td>{}</td>", tag(m.device)) +
              number_cell(intensity) + number_cell(rate) + percent_cell(m.of_roof) + cell(m.roof) +
              cell(m.kernel) + "</tr>";
    }
    const std::vector<Work> kernels = works_of(comparison_, "kernels");
    if (kernels.empty() && !any_roof) return;
    std::string html;
    if (any_roof || !points.empty()) {
      for (const Roof& roof : roofs) {
        for (const auto& [name, value, unit] :
             {std::tuple("roof: arithmetic", roof.peak, "GFLOP/s"),
              std::tuple("roof: copies on the device", roof.bandwidth, "GB/s")}) {
          if (!value) continue;
          body += "<tr>" + row_head(fmt::format("{}, {}", name, unit)) +
                  fmt::format("<td>{}</td>", tag(roof.device)) + "<td class=\"n\">-</td>" +
                  number_cell(value) + "<td class=\"n\">-</td><td></td><td></td></tr>";
        }
      }
      const std::string head =
          head_cell("Work") + head_cell("Device") + head_cell("Intensity", "flop/byte", true) +
          head_cell("Rate", "GFLOP/s", true) + head_cell("Of its roof", "%", true) +
          head_cell("Limited by") + head_cell("Kernel");
      html += figure(roofline_plot({"roofline-plot",
                                    "Roofline: rates of kernels under the roofs of "
                                    "arithmetic and memory",
                                    "roofline-table"},
                                   roofs, points),
                     "Lines: what a device can do at most, by its memory on the slope and by its "
                     "arithmetic above. Points: kernels; the closer to their line, the better.");
      html +=
          details("Numbers of this plot", table("roofline-table", "Kernels and roofs", head, body));
    }
    for (const Quantity& quantity : quantities(kernels)) {
      html += details(fmt::format("Kernels, {} in {}", quantity.name, quantity.unit),
                      value_table(new_id("kernels-table"), quantity, true));
    }
    section("roofline", "Roofline and kernels", html);
  }

  // Of three or more batch sizes of one network the smallest and the largest.
  std::vector<const Row*> shown_rows(const Quantity& quantity) const {
    std::map<std::string, std::set<std::int64_t>> batches;
    for (const Row& row : quantity.rows) {
      const Measurement& m = *row.work->first;
      if (m.batch) batches[m.subject].insert(*m.batch);
    }
    std::vector<const Row*> shown;
    for (const Row& row : quantity.rows) {
      const Measurement& m = *row.work->first;
      if (m.batch && batches[m.subject].size() > 2 && *m.batch != *batches[m.subject].begin() &&
          *m.batch != *batches[m.subject].rbegin()) {
        continue;
      }
      shown.push_back(&row);
    }
    return shown;
  }

  static Bar value_bar(const Row& row, std::size_t device) {
    const Measurement* m = row.work->on[device];
    Bar bar{device, m == nullptr ? "" : m->key, positive_value(m), {}, {}, "not measured"};
    if (m == nullptr) return bar;
    if (!bar.value) {
      bar.text = m->value && std::isfinite(*m->value)
                     ? fmt::format("{} {}", short_number(*m->value), m->unit)
                     : (m->failed ? "failed: " : "") + m->problem;
      return bar;
    }
    if (m->low && m->high && std::isfinite(*m->low) && std::isfinite(*m->high) && *m->low >= 0) {
      bar.low = m->low;
      bar.high = std::min(*m->high, 1e100);
    }
    bar.text = fmt::format("{} {}", short_number(*bar.value), m->unit);
    if (const std::optional<Advantage>& over = row.over_first[device]) {
      bar.text += fmt::format(" {}\xC3\x97", ratio_text(*over));
    }
    return bar;
  }

  std::string quantity_plot(const Quantity& quantity, const char* group) {
    std::vector<BarBlock> blocks;
    const std::vector<const Row*> rows = shown_rows(quantity);
    for (const Row* row : rows) {
      if (blocks.size() == kMostBlocks) break;
      BarBlock block{work_name(*row->work->first), {}};
      for (std::size_t d = 0; d < devices_; ++d) block.bars.push_back(value_bar(*row, d));
      blocks.push_back(std::move(block));
    }
    const std::string id = new_id(group);
    const std::string name = fmt::format("{}, {}", capital(quantity.name), quantity.unit);
    const bool lower = quantity.rows.front().work->first->lower_is_better;
    std::string caption = lower ? "Shorter bars are better." : "Longer bars are better.";
    if (rows.size() > kMostBlocks) caption += " The table has more.";
    return fmt::format("<div class=\"plot\"><h3>{}</h3>{}{}</div>\n", escape_html(name),
                       figure(bar_plot({id, name, id + "-table"}, blocks, false), caption),
                       details("Numbers of this plot", value_table(id + "-table", quantity, true)));
  }

  std::string bars_note() const {
    std::string note =
        "Each block has a scale of its own that begins at 0. Whiskers: the 95 % "
        "interval of the median.";
    if (devices_ > 1) {
      note +=
          " \xC3\x97: how many times as good as A; \xE2\x89\x88: no difference beyond the noise.";
    }
    return fmt::format("{}<p class=\"muted\">{}</p>\n", keys(), note);
  }

  std::string keys() const {
    std::string html = "<ul class=\"keys\">";
    for (std::size_t d = 0; d < devices_; ++d) html += fmt::format("<li>{}</li>", tag(d));
    return html + "</ul>";
  }

  void networks() {
    const std::vector<Work> works = works_of(comparison_, "networks");
    if (works.empty()) return;
    std::string html = bars_note() + "<div class=\"plots\">";
    for (const Quantity& quantity : quantities(works)) html += quantity_plot(quantity, "networks");
    section("networks", "Networks", html + "</div>\n");
  }

  void plain_group(const char* group, const char* heading, bool ratios) {
    const std::vector<Work> works = works_of(comparison_, group);
    if (works.empty()) return;
    std::string html;
    if (ratios) html = bars_note() + "<div class=\"plots\">";
    for (const Quantity& quantity : quantities(works)) {
      html += ratios ? quantity_plot(quantity, group) : value_table(new_id(group), quantity, false);
    }
    section(group, heading, html + (ratios ? "</div>\n" : ""));
  }

  // Throughputs of one network over the batch size.
  std::string sweep(const std::vector<const Work*>& works) {
    const Measurement& first = *works.front()->first;
    std::vector<Line> lines;
    std::map<std::pair<std::size_t, std::int64_t>, bool> sweet;
    for (std::size_t d = 0; d < devices_; ++d) {
      Line line{d, "", {}};
      for (const Work* work : works) {
        const Measurement* m = work->on[d];
        const Number value = positive_value(m);
        if (!value) continue;
        const bool whisker = m->low && m->high && std::isfinite(*m->low) && std::isfinite(*m->high);
        line.points.push_back({.x = static_cast<double>(*work->first->batch),
                               .y = *value,
                               .low = whisker ? m->low : Number(),
                               .high = whisker ? Number(std::min(*m->high, 1e100)) : Number(),
                               .key = m->key,
                               .marked = false});
      }
      line.legend = comparison_.devices[d].name;
      if (line.points.size() > 1) {
        std::vector<double> values;
        for (const LinePoint& point : line.points) values.push_back(point.y);
        LinePoint& best = line.points[sweet_spot(values)];
        best.marked = true;
        const auto batch = static_cast<std::int64_t>(best.x);
        sweet[{d, batch}] = true;
        line.legend = fmt::format("batch {}: {}", batch, line.legend);
      }
      if (!line.points.empty()) lines.push_back(std::move(line));
    }
    if (sweet.empty()) return "";
    std::string head = head_cell("Batch", "samples", true);
    for (std::size_t d = 0; d < devices_; ++d) {
      head += fmt::format("<th scope=\"col\" class=\"n\">{}<small>{}, 95 % interval</small></th>",
                          tag(d), escape_html(first.unit));
    }
    std::string body;
    for (const Work* work : works) {
      const std::int64_t batch = *work->first->batch;
      body += fmt::format("<tr><th scope=\"row\" class=\"n\">{}</th>", batch);
      for (std::size_t d = 0; d < devices_; ++d) {
        std::string html = value_cell(*work, d);
        if (sweet.contains({d, batch})) {
          html.insert(html.size() - 5, "<small class=\"better\">sweet spot</small>");
        }
        body += html;
      }
      body += "</tr>";
    }
    const std::string id = new_id("sweep");
    const std::string name =
        fmt::format("{}: {} over the batch size", first.subject, first.quantity);
    return fmt::format(
        "<div class=\"plot\"><h3>{}</h3>{}{}</div>\n", escape_html(name),
        figure(line_plot({id, name, id + "-table"}, "batch, samples", first.unit, lines),
               "Ring: the sweet spot, the smallest batch within 5 % of the best; the legend names "
               "it."),
        details("Numbers of this plot", table(id + "-table", name, head, body)));
  }

  void sweeps() {
    const std::vector<Work> works = works_of(comparison_, "networks");
    std::vector<std::vector<const Work*>> groups;
    std::map<std::tuple<std::string, std::string, std::string>, std::size_t> known;
    for (const Work& work : works) {
      const Measurement& m = *work.first;
      if (!m.batch || *m.batch < 1 || m.lower_is_better) continue;
      const auto [at, is_new] = known.try_emplace({m.subject, m.quantity, m.unit}, groups.size());
      if (is_new) groups.emplace_back();
      groups[at->second].push_back(&work);
    }
    std::string html;
    for (std::vector<const Work*>& group : groups) {
      std::stable_sort(group.begin(), group.end(), [](const Work* a, const Work* b) {
        return *a->first->batch < *b->first->batch;
      });
      html += sweep(group);
    }
    if (html.empty()) return;
    section("sweep", "Batch sizes", "<div class=\"plots\">" + html + "</div>\n");
  }

  // Steps of one plan on one device, the slowest first.
  std::string breakdown(std::vector<const Measurement*> steps) {
    std::stable_sort(steps.begin(), steps.end(), [](const Measurement* a, const Measurement* b) {
      return *a->value > *b->value;
    });
    const Measurement& first = *steps.front();
    double total = 0, rest = 0;
    for (const Measurement* step : steps) total += *step->value;
    std::vector<BarBlock> blocks;
    std::string body;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Measurement& m = *steps[i];
      const double share = *m.value / total;
      body += "<tr>" + row_head(step_name(m), m.key) +
              fmt::format(
                  "<td class=\"n\" data-key=\"{}\" data-device=\"{}\" data-value=\"{}\">{}</td>",
                  escape_html(m.key), m.device, *m.value, short_number(*m.value)) +
              percent_cell(share) + percent_cell(m.of_roof) + cell(m.roof) + cell(m.kernel) +
              "</tr>";
      if (i >= kMostLayers) {
        rest += *m.value;
        continue;
      }
      const Bar bar{
          m.device, m.key,
          m.value,  {},
          {},       fmt::format("{} {}, {}", short_number(*m.value), m.unit, percent(share))};
      blocks.push_back({step_name(m), {bar}});
    }
    if (steps.size() > kMostLayers) {
      const std::string name = fmt::format("the {} others", steps.size() - kMostLayers);
      const Bar bar{
          std::nullopt,
          "rest",
          rest,
          {},
          {},
          fmt::format("{} {}, {}", short_number(rest), first.unit, percent(rest / total))};
      blocks.push_back({name, {bar}});
    }
    const std::string id = new_id("layers");
    const std::string name =
        fmt::format("{} on {}", work_name(first), device_label(comparison_, first.device));
    const std::string head = head_cell("Step") + head_cell("Time", first.unit, true) +
                             head_cell("Share", "%", true) + head_cell("Of its roof", "%", true) +
                             head_cell("Limited by") + head_cell("Kernel");
    return fmt::format(
        "<div class=\"plot\"><h3>{}</h3>{}{}</div>\n", escape_html(name),
        figure(bar_plot({id, "Time of the steps of " + name, id + "-table"}, blocks, true),
               fmt::format("{} steps take {} {} in all.", steps.size(), short_number(total),
                           first.unit)),
        details("Numbers of this plot",
                table(id + "-table", "Steps of " + name + ", the slowest first", head, body)));
  }

  void layers() {
    std::map<std::tuple<std::string, std::int64_t, std::string, std::size_t>,
             std::vector<const Measurement*>>
        plans;
    for (const Measurement& m : comparison_.measurements) {
      if (m.group != "layers" || m.device >= devices_ || !positive_value(&m)) continue;
      plans[{m.subject, m.batch.value_or(0), m.unit, m.device}].push_back(&m);
    }
    if (plans.empty()) return;
    std::string html = "<div class=\"plots\">";
    for (const auto& plan : plans) html += breakdown(plan.second);
    section("layers", "Layers", html + "</div>\n");
  }

  void problems() {
    std::vector<const Measurement*> found;
    for (const Measurement& m : comparison_.measurements) {
      const bool wrong = m.value && !std::isfinite(*m.value);
      if (m.device < devices_ && (!m.problem.empty() || wrong || !m.value)) found.push_back(&m);
    }
    if (found.empty()) return;
    std::stable_sort(found.begin(), found.end(), [](const Measurement* a, const Measurement* b) {
      return a->failed && !b->failed;
    });
    std::string body;
    for (const Measurement* m : found) {
      const std::string text = m->problem.empty() ? "the value is no number" : m->problem;
      body += "<tr>" + row_head(work_name(*m), m->key) +
              fmt::format("<td>{}</td>", tag(m->device)) + cell(m->group) + cell(m->quantity) +
              cell(m->failed ? "error" : "limit") +
              fmt::format("<td class=\"long\">{}</td></tr>", escape_html(text));
    }
    const std::string head = head_cell("Work") + head_cell("Device") + head_cell("Group") +
                             head_cell("Quantity") + head_cell("Kind") + head_cell("What it was");
    section("problems", "Problems",
            table("problems-table", "What has no value, and why", head, body));
  }

  void environment() {
    const Environment& e = comparison_.environment;
    std::string html = "<dl>";
    const auto entry = [&](const char* name, const std::string& value) {
      html += fmt::format("<dt>{}</dt><dd>{}</dd>", name, escape_html(value));
    };
    entry("Pinnacle", e.pinnacle);
    entry("Build", e.build);
    entry("Processor",
          fmt::format("{}, {} logical {}", e.cpu, e.cores, e.cores == 1 ? "core" : "cores"));
    entry("System", e.system);
    entry("Date", e.date);
    entry("Suite", comparison_.suite + (comparison_.complete ? ", complete" : ", not complete"));
    std::size_t least = 0, most = 0;
    for (const Measurement& m : comparison_.measurements) {
      if (m.samples.empty()) continue;
      least = least == 0 ? m.samples.size() : std::min(least, m.samples.size());
      most = std::max(most, m.samples.size());
    }
    if (most > 0) {
      entry("Samples", least == most ? fmt::format("{} for each number", most)
                                     : fmt::format("{} to {} for each number", least, most));
    }
    html +=
        "</dl>\n<p>Each number is the median of its samples, each sample the mean of a batch of "
        "runs. Intervals hold the median with a probability of 95 %, by the bootstrap; those of "
        "ratios draw both sides anew. Two devices differ beyond the noise if their intervals do "
        "not overlap. Means of ratios are geometric. A kernel's roof is the smaller one of the "
        "device's arithmetic peak and what its bandwidth allows.</p>\n";
    section("environment", "How it was measured", html);
  }

  const Comparison& comparison_;
  std::size_t devices_;
  int ids_ = 0;
  std::string links_, body_;
};

}  // namespace

std::size_t sweet_spot(const std::vector<double>& throughputs) {
  const double best = *std::max_element(throughputs.begin(), throughputs.end());
  const auto found = std::find_if(throughputs.begin(), throughputs.end(),
                                  [&](double value) { return value >= kNearBest * best; });
  return static_cast<std::size_t>(found - throughputs.begin());
}

std::string comparison_page(const Comparison& comparison) { return Page(comparison).text(); }

void write_page(const Comparison& comparison, const std::filesystem::path& file) {
  write_file_atomically(file, comparison_page(comparison));
}

}  // namespace pinnacle::bench
