// SPDX-License-Identifier: Apache-2.0
#include "bench/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace pinnacle::bench {
namespace {

constexpr std::size_t kGap = 2;        // between columns
constexpr std::size_t kNarrowest = 8;  // of a column that wraps

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// The bytes of the first `count` code points.
std::size_t prefix(std::string_view text, std::size_t count) {
  std::size_t i = 0;
  for (; i < text.size() && count > 0; --count) {
    ++i;
    while (i < text.size() && continues(text[i])) ++i;
  }
  return i;
}

std::string aligned(const std::string& text, std::size_t width, bool right) {
  const std::size_t taken = display_width(text);
  const std::string space(width > taken ? width - taken : 0, ' ');
  return right ? space + text : text + space;
}

std::string line_of(const std::vector<Column>& columns, const std::vector<std::size_t>& widths,
                    const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) line.append(kGap, ' ');
    line += aligned(cells[i], widths[i], columns[i].right);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  if (cells.size() != columns_.size()) {
    throw std::logic_error("a row has another number of cells than the table has columns");
  }
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = std::max(columns_[i].min_width, display_width(columns_[i].title));
    for (const auto& row : rows_) widest = std::max(widest, display_width(row[i]));
    widths.push_back(widest);
  }
  const std::size_t gaps = columns_.empty() ? 0 : kGap * (columns_.size() - 1);
  while (std::accumulate(widths.begin(), widths.end(), gaps) > width) {
    std::size_t widest = columns_.size();  // of those that may shrink
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::size_t least = std::max(kNarrowest, display_width(columns_[i].title));
      if (!columns_[i].wraps || widths[i] <= least) continue;
      if (widest == columns_.size() || widths[i] > widths[widest]) widest = i;
    }
    if (widest == columns_.size()) break;
    --widths[widest];
  }
  return widths;
}

std::string Table::text(std::size_t width) const {
  const std::vector<std::size_t> widths = this->widths(width);
  std::vector<std::string> titles;
  std::vector<std::string> rules;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    titles.push_back(columns_[i].title);
    rules.emplace_back(widths[i], '-');
  }
  std::string text = line_of(columns_, widths, titles) + line_of(columns_, widths, rules);
  for (const auto& row : rows_) {
    std::vector<std::vector<std::string>> lines;
    std::size_t height = 1;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      lines.push_back(wrap(row[i], widths[i]));
      height = std::max(height, lines.back().size());
    }
    for (std::size_t j = 0; j < height; ++j) {
      std::vector<std::string> cells;
      for (const auto& cell : lines) cells.push_back(j < cell.size() ? cell[j] : "");
      text += line_of(columns_, widths, cells);
    }
  }
  return text;
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !continues(c); }));
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  width = std::max<std::size_t>(width, 1);
  while (display_width(text) > width) {
    // The last space that leaves a line short enough; the space itself may stand just behind it.
    const std::size_t fits = prefix(text, width);
    std::size_t end = text.rfind(' ', fits);
    if (end == std::string_view::npos || end == 0) {
      lines.emplace_back(text.substr(0, fits));
      text.remove_prefix(fits);
      continue;
    }
    const std::size_t next = text.find_first_not_of(' ', end);
    const std::size_t last = text.find_last_not_of(' ', end);
    if (last != std::string_view::npos) lines.emplace_back(text.substr(0, last + 1));
    text.remove_prefix(next == std::string_view::npos ? text.size() : next);
  }
  if (!text.empty() || lines.empty()) lines.emplace_back(text);
  return lines;
}

std::string number(double value) {
  if (!std::isfinite(value)) return "-";
  const double size = std::fabs(value);
  if (size >= 1000) return fmt::format("{:.0f}", value);
  if (size >= 100) return fmt::format("{:.1f}", value);
  if (size >= 10) return fmt::format("{:.2f}", value);
  if (size >= 1) return fmt::format("{:.3f}", value);
  return fmt::format("{:.3g}", value);
}

std::string measured(double value) { return value > 0 ? number(value) : "-"; }

std::string percent(double share) {
  if (!std::isfinite(share)) return "-";
  const double value = 100 * share;
  if (value >= 9.95) return fmt::format("{:.0f} %", value);
  if (value >= 0.995) return fmt::format("{:.1f} %", value);
  return fmt::format("{:.2g} %", value);
}

}  // namespace pinnacle::bench
