// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/page.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/files.hpp"
#include "bench/compare/breakdown.hpp"
#include "bench/compare/headline.hpp"
#include "bench/compare/html.hpp"
#include "bench/compare/page_style.hpp"
#include "bench/compare/svg.hpp"
#include "bench/table.hpp"

namespace pinnacle::bench {
namespace {

constexpr std::size_t kMostBlocks = 16;  // of bars in one plot
constexpr double kNearBest = 0.95;

struct Row {
  const Work* work;
  std::vector<std::optional<Advantage>> over_first;  // by device
};
// Works with one quantity and unit, which can share a table's columns.
struct Quantity {
  std::string name, unit;
  std::vector<Row> rows;
};

std::string ratio_text(const Advantage& advantage) {
  return (advantage.beyond_noise ? "" : "\xE2\x89\x88") + ratio_number(advantage.ratio);
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
    std::string html = devices_ > 1 ? keys() : "";
    html += list("verdict", found.verdicts);
    if (!found.findings.empty()) html += "<div class=\"findings\">";
    for (const Finding& finding : found.findings) {
      html += fmt::format("<div><h3>{}</h3>{}</div>", escape_html(finding.topic),
                          list("claims", finding.claims));
    }
    if (!found.findings.empty()) html += "</div>\n";
    if (!found.reasons.empty()) {
      html += devices_ > 1 ? "<h3>Why</h3>" : "<h3>Where its time goes</h3>";
      html += list("reasons", found.reasons);
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
        head += head_cell(capital(peak.first->subject), peak.first->unit + ", 95 % interval", true);
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
                       of->ratio, ratio_text(*of), ratio_number(of->low), ratio_number(of->high),
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
      const Number rate = arithmetic_rate(m);
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
      std::string roof_rows;
      for (const Roof& roof : roofs) {
        roof_rows += "<tr>" + device_row_head(roof.device) + number_cell(roof.peak) +
                     number_cell(roof.bandwidth) + number_cell(ridge(roof)) + "</tr>";
      }
      const std::string roof_head = head_cell("Device") + head_cell("Arithmetic", "GFLOP/s", true) +
                                    head_cell("Copies on the device", "GB/s", true) +
                                    head_cell("Equal at", "flop/byte", true);
      const std::string head =
          head_cell("Work") + head_cell("Device") + head_cell("Intensity", "flop/byte", true) +
          head_cell("Rate", "GFLOP/s", true) + head_cell("Of its roof", "%", true) +
          head_cell("Limited by") + head_cell("Kernel");
      html += "<div class=\"side\">" +
              figure(roofline_plot(
                         {"roofline-plot",
                          "Roofline: rates of kernels under the roofs of arithmetic and memory",
                          "roofline-table roofs-table"},
                         roofs, points),
                     roofline_caption(roofs)) +
              "</div>\n";
      html += details("Numbers of this plot", table("roofs-table", "Roofs", roof_head, roof_rows) +
                                                  table("roofline-table", "Kernels", head, body));
    }
    for (const Quantity& quantity : quantities(kernels)) {
      html += details(fmt::format("Kernels, {} in {}", quantity.name, quantity.unit),
                      value_table(new_id("kernels-table"), quantity, true));
    }
    section("roofline", "Roofline and kernels", html);
  }

  static Number ridge(const Roof& roof) {
    if (!roof.peak || !roof.bandwidth) return std::nullopt;
    return *roof.peak / *roof.bandwidth;
  }

  static std::string roofline_caption(const std::vector<Roof>& roofs) {
    std::string html =
        "<p>Lines: what a device can do at most, by its memory on the slope and by its arithmetic "
        "above. Points: kernels; the closer to their line, the better.</p><ul class=\"claims\">";
    for (const Roof& roof : roofs) {
      std::vector<std::string> parts;
      if (roof.peak) parts.push_back(short_number(*roof.peak) + " GFLOP/s");
      if (roof.bandwidth) parts.push_back(short_number(*roof.bandwidth) + " GB/s");
      if (const Number both = ridge(roof)) {
        parts.push_back(fmt::format("equal at {} flop/byte", short_number(*both)));
      }
      if (parts.empty()) continue;
      html +=
          fmt::format("<li><b>{}</b>: {}</li>", device_letter(roof.device), fmt::join(parts, ", "));
    }
    return html + "</ul>";
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
    std::tie(bar.low, bar.high) = shown_interval(*m);
    bar.text = fmt::format("{} {}", short_number(*bar.value), m->unit);
    if (const std::optional<Advantage>& over = row.over_first[device]) {
      bar.text += fmt::format("  {}\xC3\x97", ratio_text(*over));
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
        const auto [low, high] = shown_interval(*m);
        line.points.push_back({.x = static_cast<double>(*work->first->batch),
                               .y = *value,
                               .low = low,
                               .high = high,
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

  void layers() {
    std::map<std::tuple<std::string, std::int64_t, std::string, std::size_t>,
             std::vector<const Measurement*>>
        plans;
    for (const Measurement& m : comparison_.measurements) {
      if (!is_step(m) || m.device >= devices_ || !positive_value(&m)) continue;
      plans[{m.subject, m.batch.value_or(0), m.unit, m.device}].push_back(&m);
    }
    if (plans.empty()) return;
    std::string html = "<div class=\"plots\">";
    for (const auto& [plan, steps] : plans) {
      html += breakdown(new_id("layers"), device_label(comparison_, std::get<3>(plan)), steps);
    }
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
