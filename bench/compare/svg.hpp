// Plots as inline SVG, 400 units wide: they fit a narrow screen as they are and grow on a wide one.
// Colours come from the page's style (classes d0 to d7); a letter, a marker's shape and a line's
// dashes tell devices apart, too. Marks carry data-key and data-value, the numbers they stand for.
// Thread safety: plain values and pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pinnacle::bench {

/// For text and attributes of HTML; what HTML cannot hold becomes U+FFFD.
std::string escape_html(std::string_view text);
/// Four significant digits; very large and very small numbers with an exponent.
std::string short_number(double value);
/// Of a ratio: two to three digits.
std::string ratio_number(double ratio);
/// "A" for the first device.
std::string device_letter(std::size_t device);
/// `text` if it has at most `characters`, else its beginning and an ellipsis.
std::string shorten(std::string_view text, std::size_t characters);

/// REQUIRES: the page has elements with the ids in `table` and no other one with `id`
struct PlotHead {
  std::string id;
  std::string title;
  std::string table;  ///< ids of the tables with the same numbers
};

struct Roof {
  std::size_t device = 0;
  std::string name;                 ///< of the device
  std::optional<double> peak;       ///< GFLOP/s
  std::optional<double> bandwidth;  ///< GB/s
};
struct RooflinePoint {
  std::size_t device = 0;
  double intensity = 0;  ///< flop/byte, above 0
  double rate = 0;       ///< GFLOP/s, above 0
  std::string key, label;
};
std::string roofline_plot(const PlotHead& head, const std::vector<Roof>& roofs,
                          const std::vector<RooflinePoint>& points);

struct Bar {
  std::optional<std::size_t> device;  ///< none: the bar stands for something else
  std::string key;
  std::optional<double> value, low, high;  ///< none: see text; not below 0
  std::string text;                        ///< right of the bar
};
struct BarBlock {
  std::string title;
  std::vector<Bar> bars;
};
/// Blocks of horizontal bars with whiskers from low to high, from 0 on; each block has a scale of its own,
/// or all the same.
std::string bar_plot(const PlotHead& head, const std::vector<BarBlock>& blocks, bool one_scale);

struct LinePoint {
  double x = 0, y = 0;  ///< above 0
  std::optional<double> low, high;
  std::string key;
  bool marked = false;  ///< with a ring
};
struct Line {
  std::size_t device = 0;
  std::string legend;
  std::vector<LinePoint> points;
};
/// x is logarithmic; y, too, where it spans more than a factor of 30.
std::string line_plot(const PlotHead& head, const std::string& x_title, const std::string& y_title,
                      const std::vector<Line>& lines);

}  // namespace pinnacle::bench
