// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "bench/table.hpp"

namespace pinnacle::bench {
namespace {

constexpr double kWidth = 400;
constexpr std::size_t kShapes = 8;

// Where numbers lie between two ends of the drawing.
struct Scale {
  double low = 0, high = 1;  // of the numbers
  double from = 0, to = 1;   // of the drawing
  bool logarithmic = false;

  double at(double value) const {
    const double share =
        logarithmic ? (std::log2(value) - std::log2(low)) / (std::log2(high) - std::log2(low))
                    : (value - low) / (high - low);
    return from + std::clamp(share, 0.0, 1.0) * (to - from);
  }
};

// The numbers to show, widened by `margin` on each side; one number gets room, too.
Scale log_scale(double low, double high, double margin, double from, double to) {
  constexpr double kLeast = 1e-300;
  constexpr double kMost = 1e300;
  low = std::clamp(low / margin, kLeast, kMost / 10);
  high = std::clamp(high * margin, low * 2, kMost);
  return {.low = low, .high = high, .from = from, .to = to, .logarithmic = true};
}

std::vector<double> linear_ticks(double high) {
  const double rough = high / 4;
  const double decade = std::pow(10, std::floor(std::log10(rough)));
  double step = decade;
  for (const double factor : {2.0, 5.0, 10.0}) {
    if (step < rough) step = factor * decade;
  }
  std::vector<double> ticks;
  for (int i = 0; i * step <= high; ++i) ticks.push_back(i * step);
  return ticks;
}

std::vector<double> log_ticks(const Scale& scale) {
  const int first = static_cast<int>(std::floor(std::log10(scale.low)));
  const int last = static_cast<int>(std::ceil(std::log10(scale.high)));
  const int step = std::max(1, (last - first) / 6);
  std::vector<double> ticks;
  for (int exponent = first; exponent <= last; exponent += step) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double tick = factor * std::pow(10, exponent);
      const bool wanted = factor == 1 || last - first <= 2;
      if (wanted && tick >= scale.low && tick <= scale.high) ticks.push_back(tick);
    }
  }
  return ticks;
}

std::string text(double x, double y, std::string_view anchor, std::string_view words,
                 std::string_view classes = "") {
  return fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>)", x, y,
                     anchor, classes, escape_html(words));
}

std::string line(double x1, double y1, double x2, double y2, std::string_view classes) {
  return fmt::format(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>)", x1,
                     y1, x2, y2, classes);
}

// Each device has a shape of its own, all of about the same area.
std::string shape_path(std::size_t device, double x, double y, double r) {
  switch (device % kShapes) {
    case 0:
      return fmt::format("M{:.1f} {:.1f}a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0 -{d} 0z", x - r, y,
                         fmt::arg("r", r), fmt::arg("d", 2 * r));
    case 1:
      return fmt::format("M{:.1f} {:.1f}h{d}v{d}h-{d}z", x - 0.9 * r, y - 0.9 * r,
                         fmt::arg("d", 1.8 * r));
    case 2:
      return fmt::format("M{:.1f} {:.1f}l{} {}h-{}z", x, y - 1.2 * r, 1.2 * r, 2.1 * r, 2.4 * r);
    case 3:
      return fmt::format("M{:.1f} {:.1f}l{d} {d}l-{d} {d}l-{d} -{d}z", x, y - 1.3 * r,
                         fmt::arg("d", 1.3 * r));
    case 4:
      return fmt::format("M{:.1f} {:.1f}l{} -{}h-{}z", x, y + 1.2 * r, 1.2 * r, 2.1 * r, 2.4 * r);
    case 5:
      return fmt::format("M{:.1f} {:.1f}h{w}v{a}h{a}v{w}h-{a}v{a}h-{w}v-{a}h-{a}v-{w}h{a}z",
                         x - 0.4 * r, y - 1.2 * r, fmt::arg("w", 0.8 * r), fmt::arg("a", 0.8 * r));
    case 6:
      return fmt::format("M{:.1f} {:.1f}h{}v{}h-{}z", x - 0.55 * r, y - 1.4 * r, 1.1 * r, 2.8 * r,
                         1.1 * r);
    default:
      return fmt::format("M{:.1f} {:.1f}h{}v{}h-{}z", x - 1.4 * r, y - 0.55 * r, 2.8 * r, 1.1 * r,
                         2.8 * r);
  }
}

std::string open_svg(const PlotHead& head, double height, std::string_view classes) {
  return fmt::format(
      R"(<svg id="{0}" class="{4}" viewBox="0 0 {1:.0f} {2:.0f}" role="img" aria-labelledby="{0}-title" )"
      R"(aria-describedby="{3}"><title id="{0}-title">{5}</title>)",
      head.id, kWidth, height, head.table, classes, escape_html(head.title));
}

// Labels that would lie on each other are moved apart; returns their heights in the order given.
std::vector<double> spread(const std::vector<double>& wanted, double apart, double lowest) {
  std::vector<std::size_t> order(wanted.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return wanted[a] < wanted[b]; });
  std::vector<double> places = wanted;
  double least = -std::numeric_limits<double>::infinity();
  for (const std::size_t i : order) {
    places[i] = std::max(places[i], least);
    least = places[i] + apart;
  }
  double most = lowest;
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    places[*i] = std::min(places[*i], most);
    most = places[*i] - apart;
  }
  return places;
}

struct LegendEntry {
  std::size_t device;
  std::string text;
};

std::string legend(const std::vector<LegendEntry>& entries, double top) {
  std::string svg;
  double y = top;
  for (const LegendEntry& entry : entries) {
    svg += fmt::format(
        R"(<g class="d{0}"><line x1="2" y1="{1:.1f}" x2="30" y2="{1:.1f}" class="roof"/>)"
        R"(<path class="mark" d="{2}"/></g>)",
        entry.device % kShapes, y - 4, shape_path(entry.device, 16, y - 4, 4.5));
    svg += text(36, y, "start",
                shorten(fmt::format("{}  {}", device_letter(entry.device), entry.text), 50));
    y += 18;
  }
  return svg;
}

// The frame with its grid lines and titles. x_ticks where the numbers of the x axis are.
std::string axes(const Scale& x, const Scale& y, const std::vector<double>& x_ticks,
                 const std::vector<double>& y_ticks, const std::string& x_title,
                 const std::string& y_title) {
  std::string svg = text(x.from - 40, y.to - 10, "start", y_title, "axis");
  for (const double tick : y_ticks) {
    svg += line(x.from, y.at(tick), x.to, y.at(tick), "grid");
    svg += text(x.from - 5, y.at(tick) + 4, "end", fmt::format("{:.5g}", tick), "axis");
  }
  double free_from = -1;
  for (const double tick : x_ticks) {
    svg += line(x.at(tick), y.to, x.at(tick), y.from, "grid");
    const std::string label = fmt::format("{:.5g}", tick);
    const double half = 3.8 * static_cast<double>(label.size()) + 3;
    if (x.at(tick) - half < free_from) continue;
    free_from = x.at(tick) + half;
    svg += text(x.at(tick), y.from + 16, "middle", label, "axis");
  }
  svg += line(x.from, y.from, x.to, y.from, "frame") + line(x.from, y.to, x.from, y.from, "frame");
  return svg + text(x.to, y.from + 33, "end", x_title, "axis");
}

std::string whisker(const Scale& scale, double low, double high, double y) {
  const double from = scale.at(low);
  const double to = scale.at(high);
  return fmt::format(
      R"(<path class="whisker" d="M{0:.1f} {2:.1f}v6M{0:.1f} {3:.1f}H{1:.1f}M{1:.1f} )"
      R"({2:.1f}v6"/>)",
      from, to, y - 3, y);
}

std::string optional_data(const char* name, const std::optional<double>& value) {
  return value ? fmt::format(" data-{}=\"{}\"", name, *value) : "";
}

std::string roof_line(const Roof& roof, const Scale& x, const Scale& y) {
  if (!roof.peak && !roof.bandwidth) return "";
  std::string path;
  if (roof.bandwidth) {
    const double start = std::max(x.low, y.low / *roof.bandwidth);
    const double top = roof.peak ? std::min(*roof.peak, y.high) : y.high;
    const double ridge = std::min(x.high, top / *roof.bandwidth);
    path = fmt::format("M{:.1f} {:.1f}L{:.1f} {:.1f}", x.at(start), y.at(start * *roof.bandwidth),
                       x.at(ridge), y.at(ridge * *roof.bandwidth));
    if (roof.peak && ridge < x.high) path += fmt::format("H{:.1f}", x.to);
  } else {
    path = fmt::format("M{:.1f} {:.1f}H{:.1f}", x.from, y.at(*roof.peak), x.to);
  }
  return fmt::format(R"(<path class="roof d{}" d="{}" data-device="{}"{}{}/>)",
                     roof.device % kShapes, path, roof.device, optional_data("peak", roof.peak),
                     optional_data("bandwidth", roof.bandwidth));
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
          escaped += "\xEF\xBF\xBD";
        } else {
          escaped += c;
        }
    }
  }
  return escaped;
}

std::string short_number(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::fabs(value);
  if (size >= 1e7 || (size < 1e-3 && size > 0)) return fmt::format("{:.3e}", value);
  std::string text = number(value);
  if (text.find('.') != std::string::npos && text.find('e') == std::string::npos) {
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
  }
  return text;
}

std::string ratio_number(double ratio) {
  if (ratio >= 1000 || ratio < 0.1) return fmt::format("{:.2g}", ratio);
  if (ratio >= 100) return fmt::format("{:.0f}", ratio);
  if (ratio >= 10) return fmt::format("{:.1f}", ratio);
  return fmt::format("{:.2f}", ratio);
}

std::string device_letter(std::size_t device) {
  return device < 26 ? std::string(1, static_cast<char>('A' + device)) : fmt::format("#{}", device);
}

std::string shorten(std::string_view text, std::size_t characters) {
  if (display_width(text) <= characters) return std::string(text);
  std::size_t end = 0;
  for (std::size_t taken = 0; end < text.size(); ++end) {
    const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80;
    if (begins && ++taken == characters) break;
  }
  return std::string(text.substr(0, end)) + "\xE2\x80\xA6";
}

std::string roofline_plot(const PlotHead& head, const std::vector<Roof>& roofs,
                          const std::vector<RooflinePoint>& points) {
  double low_x = 1, high_x = 1, low_y = 1e300, high_y = 0;
  bool any_x = false;
  const auto see = [&](double x) {
    low_x = any_x ? std::min(low_x, x) : x;
    high_x = any_x ? std::max(high_x, x) : x;
    any_x = true;
  };
  for (const RooflinePoint& point : points) {
    see(point.intensity);
    low_y = std::min(low_y, point.rate);
    high_y = std::max(high_y, point.rate);
  }
  for (const Roof& roof : roofs) {
    if (roof.peak) high_y = std::max(high_y, *roof.peak);
    if (roof.peak && roof.bandwidth) see(*roof.peak / *roof.bandwidth);
    const double height = roof.peak ? *roof.peak : roof.bandwidth ? *roof.bandwidth : 1;
    low_y = std::min(low_y, height / 4);
  }
  const Scale x = log_scale(low_x, high_x, 2.5, 46, kWidth - 20);
  const Scale y = log_scale(low_y, std::max(high_y, low_y), 1.6, 280, 26);
  const double legend_top = 340;
  std::string svg = open_svg(head, legend_top + 18.0 * static_cast<double>(roofs.size()), "wide");
  svg += axes(x, y, log_ticks(x), log_ticks(y), "flop per byte of memory traffic", "GFLOP/s");
  std::vector<LegendEntry> entries;
  std::vector<double> label_heights;
  for (const Roof& roof : roofs) {
    svg += roof_line(roof, x, y);
    entries.push_back({roof.device, roof.name});
    const double at_end = roof.bandwidth ? x.high * *roof.bandwidth : y.high;
    label_heights.push_back(y.at(std::min(at_end, roof.peak.value_or(y.high))) + 4);
  }
  const std::vector<double> heights = spread(label_heights, 13, y.from);
  for (std::size_t i = 0; i < roofs.size(); ++i) {
    if (!roofs[i].peak && !roofs[i].bandwidth) continue;
    svg += text(x.to + 5, heights[i], "start", device_letter(roofs[i].device), "letter");
  }
  for (const RooflinePoint& point : points) {
    svg += fmt::format(
        R"(<path class="mark point d{}" d="{}" data-device="{}" data-key="{}" data-x="{}" data-value="{}">)"
        "<title>{}</title></path>",
        point.device % kShapes,
        shape_path(point.device, x.at(point.intensity), y.at(point.rate), 3.6), point.device,
        escape_html(point.key), point.intensity, point.rate, escape_html(point.label));
  }
  return svg + legend(entries, legend_top) + "</svg>";
}

std::string bar_plot(const PlotHead& head, const std::vector<BarBlock>& blocks, bool one_scale) {
  constexpr double kFrom = 20, kTo = 232, kTitle = 20, kRow = 20, kGap = 10;
  double height = 0;
  double most_of_all = 0;
  const auto most_of = [](const BarBlock& block) {
    double most = 0;
    for (const Bar& bar : block.bars) {
      if (bar.value) most = std::max({most, *bar.value, bar.high.value_or(0)});
    }
    return most;
  };
  for (const BarBlock& block : blocks) {
    height += kTitle + kRow * static_cast<double>(block.bars.size()) + kGap;
    most_of_all = std::max(most_of_all, most_of(block));
  }
  std::string svg = open_svg(head, height, "bars");
  double y = 0;
  for (const BarBlock& block : blocks) {
    const double most = one_scale ? most_of_all : most_of(block);
    const Scale scale = {.low = 0, .high = most > 0 ? most : 1, .from = kFrom, .to = kTo};
    svg += text(0, y + 14, "start", shorten(block.title, 54), "block");
    y += kTitle;
    for (const Bar& bar : block.bars) {
      const std::string of = bar.device ? fmt::format("d{}", *bar.device % kShapes) : "rest";
      if (bar.device) svg += text(0, y + 14, "start", device_letter(*bar.device), "letter");
      if (bar.value) {
        svg += fmt::format(
            R"(<rect class="bar {}" x="{:.1f}" y="{:.1f}" width="{:.2f}" height="13" data-device="{}" )"
            R"(data-key="{}" data-value="{}"{}{}><title>{}</title></rect>)",
            of, kFrom, y + 3, scale.at(*bar.value) - kFrom,
            bar.device ? fmt::format("{}", *bar.device) : "", escape_html(bar.key), *bar.value,
            optional_data("low", bar.low), optional_data("high", bar.high),
            escape_html(block.title + ": " + bar.text));
        if (bar.low && bar.high) svg += whisker(scale, *bar.low, *bar.high, y + 9.5);
        svg += text(kWidth - 1, y + 14, "end", shorten(bar.text, 24));
      } else {
        svg += text(kFrom, y + 14, "start", shorten(bar.text, 48), "axis");
      }
      y += kRow;
    }
    svg += line(kFrom, y - kRow * static_cast<double>(block.bars.size()), kFrom, y, "frame");
    y += kGap;
  }
  return svg + "</svg>";
}

std::string line_plot(const PlotHead& head, const std::string& x_title, const std::string& y_title,
                      const std::vector<Line>& lines) {
  double low_x = 1e300, high_x = 0, low_y = 1e300, high_y = 0;
  std::vector<double> x_ticks;
  for (const Line& line : lines) {
    for (const LinePoint& point : line.points) {
      low_x = std::min(low_x, point.x);
      high_x = std::max(high_x, point.x);
      low_y = std::min(low_y, point.y);
      high_y = std::max({high_y, point.y, point.high.value_or(0)});
      x_ticks.push_back(point.x);
    }
  }
  std::sort(x_ticks.begin(), x_ticks.end());
  x_ticks.erase(std::unique(x_ticks.begin(), x_ticks.end()), x_ticks.end());
  const Scale x = log_scale(low_x, high_x, 1.15, 46, kWidth - 20);
  const bool logarithmic = high_y > 30 * low_y;
  const Scale y = logarithmic ? log_scale(low_y, high_y, 1.3, 190, 26)
                              : Scale{.low = 0, .high = high_y * 1.08, .from = 190, .to = 26};
  const double legend_top = 250;
  std::string svg = open_svg(head, legend_top + 18.0 * static_cast<double>(lines.size()), "lines");
  svg += axes(x, y, x_ticks, logarithmic ? log_ticks(y) : linear_ticks(y.high), x_title, y_title);
  std::vector<LegendEntry> entries;
  std::vector<double> ends;
  for (const Line& line : lines) {
    std::string path;
    for (const LinePoint& point : line.points) {
      path +=
          fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x.at(point.x), y.at(point.y));
    }
    const std::size_t style = line.device % kShapes;
    svg += fmt::format(R"(<path class="roof d{}" d="{}"/>)", style, path);
    for (const LinePoint& point : line.points) {
      if (point.low && point.high && *point.low > 0) {
        svg += fmt::format(R"(<path class="whisker" d="M{:.1f} {:.1f}V{:.1f}"/>)", x.at(point.x),
                           y.at(*point.low), y.at(*point.high));
      }
      if (point.marked) {
        svg += fmt::format(R"(<circle class="ring d{}" cx="{:.1f}" cy="{:.1f}" r="9"/>)", style,
                           x.at(point.x), y.at(point.y));
      }
      svg += fmt::format(
          R"(<path class="mark point d{}" d="{}" data-device="{}" data-key="{}" data-x="{}" )"
          R"(data-value="{}"{}><title>{}</title></path>)",
          style, shape_path(line.device, x.at(point.x), y.at(point.y), 4), line.device,
          escape_html(point.key), point.x, point.y, point.marked ? R"( data-sweet="1")" : "",
          escape_html(fmt::format("{}: {} at {}", device_letter(line.device), short_number(point.y),
                                  short_number(point.x))));
    }
    entries.push_back({line.device, line.legend});
    ends.push_back(line.points.empty() ? y.from : y.at(line.points.back().y) + 4);
  }
  const std::vector<double> heights = spread(ends, 13, y.from);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    svg += text(x.to + 5, heights[i], "start", device_letter(lines[i].device), "letter");
  }
  return svg + legend(entries, legend_top) + "</svg>";
}

}  // namespace pinnacle::bench
