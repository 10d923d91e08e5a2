// Tables for the terminal: aligned columns that fit a width, long cells wrapped between words.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pinnacle::bench {

inline constexpr std::size_t kTerminalWidth = 80;

struct Column {
  std::string title;
  bool right = false;         ///< numbers
  bool wraps = false;         ///< may be made narrower; its cells then take several lines
  std::size_t min_width = 0;  ///< so that tables below each other line up
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  /// REQUIRES: as many cells as columns
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  /// Title, rule, rows; each line ends with '\n' and has no trailing space. Wider than `width` only
  /// if the columns that do not wrap are.
  std::string text(std::size_t width = kTerminalWidth) const;

 private:
  std::vector<std::size_t> widths(std::size_t width) const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Columns that a UTF-8 text takes, one per code point.
std::size_t display_width(std::string_view text);
/// Lines of at most `width` columns, broken between words; a longer word is cut.
std::vector<std::string> wrap(std::string_view text, std::size_t width);
/// Four significant digits without an exponent where that is readable; "-" if not finite.
std::string number(double value);
/// number(), or "-" for what was not measured (0 or less).
std::string measured(double value);
/// "87 %", "3.2 %", "0.04 %"
std::string percent(double share);

}  // namespace pinnacle::bench
